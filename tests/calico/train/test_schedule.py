import math

import pytest
import torch

from calico.config.load import load_config
from calico.train.schedule import make_optimizer, make_scheduler


@pytest.mark.parametrize(("fraction", "steps"), [(0.5, 2), (0.2, 5), (0.4, 100), (0.25, 1)])
def test_the_schedule_exists_for_every_length(fraction: float, steps: int) -> None:
    config = load_config("tiny", None, [f"train.warmup_fraction={fraction}"]).train
    optimizer = make_optimizer(torch.nn.Linear(2, 2), config)
    scheduler = make_scheduler(optimizer, config, steps)
    rates = []
    for _ in range(steps):
        rates.append(scheduler.get_last_lr()[0])
        optimizer.step()
        if len(rates) < steps:
            scheduler.step()
    assert 0 < max(rates) <= config.learning_rate + 1e-12


def test_the_recipe_is_that_of_the_paper() -> None:
    """AdamW with betas 0.9 and 0.99, weight decay on matrices alone; from a tenth of the peak rate
    up and down to 1e-4 of it."""
    settings = ["train.learning_rate=0.02", "train.weight_decay=0.3", "train.warmup_fraction=0.4"]
    config = load_config("tiny", None, settings).train
    layer = torch.nn.Linear(3, 2)
    frozen = torch.nn.Linear(2, 2).requires_grad_(False)
    optimizer = make_optimizer(torch.nn.Sequential(layer, frozen), config)
    assert isinstance(optimizer, torch.optim.AdamW)
    assert all(group["betas"] == (0.9, 0.99) for group in optimizer.param_groups)
    decay = {
        id(p): group["weight_decay"] for group in optimizer.param_groups for p in group["params"]
    }
    assert decay == {id(layer.weight): 0.3, id(layer.bias): 0.0}
    scheduler = make_scheduler(optimizer, config, 11)
    rates = []
    for _ in range(11):
        rates.append([group["lr"] for group in optimizer.param_groups])
        optimizer.step()
        if len(rates) < 11:
            scheduler.step()
    assert all(one == other for one, other in rates)
    found = [one for one, _ in rates]

    def cosine(start: float, end: float, share: float) -> float:
        return end + (start - end) * (1 + math.cos(math.pi * share)) / 2

    peak = 0.4 * 11 - 1
    expected = [
        cosine(2e-3, 2e-2, step / peak)
        if step <= peak
        else cosine(2e-2, 2e-6, (step - peak) / (10 - peak))
        for step in range(11)
    ]
    assert found == pytest.approx(expected, rel=1e-6)
    assert all(
        group["betas"] == (0.9, 0.99) for group in optimizer.param_groups
    )  # momentum does not cycle
