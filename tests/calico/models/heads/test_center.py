import torch

from calico.config.model import DetectionConfig
from calico.models.heads.center import BOX_TERMS, CenterHead

CONFIG = DetectionConfig(channels=4, tasks=(("car",), ("truck", "bus")))


def test_one_output_per_task_with_its_classes() -> None:
    outputs = CenterHead(CONFIG, 3)(torch.randn(2, 3, 5, 6))
    assert [output.heatmap.shape for output in outputs] == [(2, 1, 5, 6), (2, 2, 5, 6)]
    for output in outputs:
        widths = {name: getattr(output, name).shape for name in BOX_TERMS}
        assert widths == {name: (2, width, 5, 6) for name, width in BOX_TERMS.items()}


def test_fresh_heat_maps_say_one_in_ten() -> None:
    """The prior of Zhou et al. 2019: without features every cell has a probability of 0.1."""
    head = CenterHead(CONFIG, 3).eval()
    for output in head(torch.zeros(1, 3, 4, 4)):
        assert torch.allclose(torch.sigmoid(output.heatmap), torch.tensor(0.1), atol=1e-3)


def test_logits_are_float32_under_autocast() -> None:
    with torch.autocast("cpu", torch.bfloat16):
        outputs = CenterHead(CONFIG, 3)(torch.randn(1, 3, 4, 4))
    assert {getattr(o, name).dtype for o in outputs for name in ("heatmap", *BOX_TERMS)} == {
        torch.float32
    }
