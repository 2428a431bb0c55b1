import random
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.train.schedule import make_optimizer, make_scheduler
from calico.train.state import TrainingState, load_state, restore_state, save_state

TOTAL = 6


class Run:
    """A small network in training, as `fit` has it."""

    def __init__(self) -> None:
        torch.manual_seed(0)
        self.module = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
        settings = load_config("tiny").train
        self.optimizer = make_optimizer(self.module, settings)
        self.scheduler = make_scheduler(self.optimizer, settings, TOTAL)

    def go(self, first: int, last: int) -> None:
        for step in range(first, last):
            torch.manual_seed(step)
            self.optimizer.zero_grad()
            torch.autograd.backward(self.module(torch.randn(5, 4)).square().mean())
            self.optimizer.step()
            self.scheduler.step()

    def state(self, step: int) -> TrainingState:
        parts = self.optimizer.state_dict(), self.scheduler.state_dict(), self.module.state_dict()
        return TrainingState("prc", "run", step, *parts)

    def resume(self, path: Path) -> int:
        state = load_state(path, "prc", "run")
        return restore_state(
            path, state, self.module, self.optimizer, self.scheduler, range(2, TOTAL + 1, 2)
        )


@pytest.fixture
def stored(tmp_path: Path) -> TrainingState:
    run = Run()
    run.go(0, 2)
    save_state(tmp_path / "state.pt", run.state(2))
    return run.state(2)


def test_a_resumed_run_leaves_the_same_bytes(stored: TrainingState, tmp_path: Path) -> None:
    whole, cut = Run(), Run()
    whole.go(0, 4)
    save_state(tmp_path / "whole.pt", whole.state(4))
    assert cut.resume(tmp_path / "state.pt") == 2
    save_state(tmp_path / "again.pt", cut.state(2))
    assert (tmp_path / "again.pt").read_bytes() == (tmp_path / "state.pt").read_bytes()
    cut.go(2, 4)
    save_state(tmp_path / "cut.pt", cut.state(4))
    assert (tmp_path / "cut.pt").read_bytes() == (tmp_path / "whole.pt").read_bytes()


def test_no_flipped_bit_is_accepted(stored: TrainingState, tmp_path: Path) -> None:
    file = tmp_path / "state.pt"
    content = file.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        file.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match=r"state\.pt: .*checksum.*--stage prc --overwrite"):
            load_state(file, "prc", "run")


def test_a_state_in_the_place_of_another_is_refused(stored: TrainingState, tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="is of the stage 'prc', expected 'rad'"):
        load_state(tmp_path / "state.pt", "rad", "run")
    with pytest.raises(CalicoError, match="is of the run 'run', expected 'other'"):
        load_state(tmp_path / "state.pt", "prc", "other")


def test_a_state_is_never_unpickled_blindly(tmp_path: Path) -> None:
    torch.save({"step": Path}, tmp_path / "state.pt")  # without a seal
    with pytest.raises(CalicoError, match="carries no checksum"):
        load_state(tmp_path / "state.pt", "prc", "run")
    bad = TrainingState("prc", "run", Path, {}, {}, {})  # type: ignore[arg-type]
    save_state(tmp_path / "state.pt", bad)
    with pytest.raises(CalicoError, match="cannot be read"):  # a class: needs the unsafe unpickler
        load_state(tmp_path / "state.pt", "prc", "run")
    with pytest.raises(CalicoError, match="nothing to resume"):
        load_state(tmp_path / "none.pt", "prc", "run")


def _without(values: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


CHANGES: dict[str, Any] = {
    "step of 1e9": lambda s: replace(s, step=10**9),
    "step between checkpoints": lambda s: replace(s, step=3),
    "negative step": lambda s: replace(s, step=-2),
    "step as text": lambda s: replace(s, step="2"),
    "step as float": lambda s: replace(s, step=2.0),
    "step as list": lambda s: replace(s, step=[2]),
    "step of another checkpoint": lambda s: replace(s, step=4),
    "no weights": lambda s: replace(s, weights={}),
    "weights as list": lambda s: replace(s, weights=[1]),
    "one weight less": lambda s: replace(s, weights=_without(s.weights, "0.weight")),
    "a weight of another shape": lambda s: replace(
        s, weights={**s.weights, "0.weight": torch.zeros(3, 3)}
    ),
    "a weight of integers": lambda s: replace(
        s, weights={**s.weights, "0.weight": torch.zeros(3, 4, dtype=torch.int8)}
    ),
    "a weight as text": lambda s: replace(s, weights={**s.weights, "0.weight": "zero"}),
    "no optimiser": lambda s: replace(s, optimizer={}),
    "optimiser as text": lambda s: replace(s, optimizer="adam"),
    "groups missing": lambda s: replace(
        s, optimizer={**s.optimizer, "param_groups": s.optimizer["param_groups"][:1]}
    ),
    "moments of another shape": lambda s: replace(
        s,
        optimizer={
            **s.optimizer,
            "state": {
                **s.optimizer["state"],
                0: {**s.optimizer["state"][0], "exp_avg": torch.zeros(7)},
            },
        },
    ),
    "moments of parameter 99": lambda s: replace(
        s, optimizer={**s.optimizer, "state": {**s.optimizer["state"], 99: s.optimizer["state"][0]}}
    ),
    "moments as list": lambda s: replace(s, optimizer={**s.optimizer, "state": [1, 2]}),
    "infinite learning rate": lambda s: replace(
        s,
        optimizer={
            **s.optimizer,
            "param_groups": [{**g, "lr": float("inf")} for g in s.optimizer["param_groups"]],
        },
    ),
    "weight decay of another run": lambda s: replace(
        s,
        optimizer={
            **s.optimizer,
            "param_groups": [{**g, "weight_decay": 9.0} for g in s.optimizer["param_groups"]],
        },
    ),
    "weight decay as tensor": lambda s: replace(
        s,
        optimizer={
            **s.optimizer,
            "param_groups": [
                {**g, "weight_decay": torch.zeros(2)} for g in s.optimizer["param_groups"]
            ],
        },
    ),
    "no schedule": lambda s: replace(s, scheduler={}),
    "schedule of another length": lambda s: replace(s, scheduler={**s.scheduler, "total_steps": 7}),
    "schedule elsewhere": lambda s: replace(s, scheduler={**s.scheduler, "last_epoch": 5}),
}


@pytest.mark.parametrize("name", CHANGES)
def test_an_edited_state_is_refused_before_anything_is_used(
    stored: TrainingState, tmp_path: Path, name: str
) -> None:
    save_state(
        tmp_path / "state.pt", CHANGES[name](stored)
    )  # sealed again: the content itself must be checked
    run = Run()
    before = {key: value.clone() for key, value in run.module.state_dict().items()}
    with pytest.raises(CalicoError, match=r"training state .*state\.pt: .*train this stage again"):
        run.resume(tmp_path / "state.pt")
    assert all(torch.equal(value, before[key]) for key, value in run.module.state_dict().items())
