"""Objectives on the map against values computed by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from calico.config.model import BevConfig, DetectionConfig, GridConfig, MapConfig, ModelConfig
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.models.calico import CalicoModel, Outputs, build_model
from calico.models.heads.center import TaskOutput
from calico_eval.engines.network.objectives import Scene
from calico_eval.engines.network.objectives.segmentation import MARGIN, map_create, map_erase, seg

CONFIG = Config(
    grid=GridConfig(
        x_range_m=(-16, 16),
        y_range_m=(-16, 16),
        pillar_m=1.0,
        map_x_range_m=(-2, 2),
        map_y_range_m=(-2, 2),
        map_cell_m=1.0,
    ),
    model=ModelConfig(
        bev=BevConfig(layers=(1,), strides=(2,), channels=(8,), out_stride=2),
        detection=DetectionConfig(tasks=(("car",), ("bicycle", "pedestrian"))),
        map=MapConfig(head="conv", channels=4),
    ),
)


@pytest.fixture(scope="module")
def model() -> CalicoModel:
    return build_model(CONFIG, 0).eval()


def task(heatmap: Tensor, terms: Tensor | None = None) -> TaskOutput:
    """terms: (10, Y, X) of the boxes."""
    return TaskOutput(
        heatmap[None],
        *(torch.zeros(10, 16, 16) if terms is None else terms)[None].split([2, 1, 3, 2, 2], 1),
    )


def outputs_with(
    car: Tensor, others: Tensor, car_terms: Tensor | None = None, map_logits: Tensor | None = None
) -> Outputs:
    return Outputs((task(car[None], car_terms), task(others)), map_logits, torch.zeros(1, 1, 1, 1))


def flat(value: float) -> Tensor:
    return torch.full((16, 16), value)


def batch_with(objects: list[tuple[float, float, int]], map_masks: Tensor | None = None) -> Batch:
    """Boxes of unknown velocity."""
    boxes = torch.zeros(len(objects), 9)
    boxes[:, 3:6], boxes[:, 7:9] = 1.0, torch.nan
    boxes[:, :2] = torch.tensor([row[:2] for row in objects]).reshape(-1, 2)
    zeros = torch.zeros(1, 1, 5)
    labels = torch.tensor([row[2] for row in objects], dtype=torch.int64)
    return Batch(
        zeros,
        zeros[..., 0] > 0,
        torch.zeros(1, 0, 3, 1, 1),
        torch.zeros(1, 0, 4, 4),
        boxes=(boxes,),
        labels=(labels,),
        map_masks=map_masks,
    )


def test_the_map_counts_known_cells_that_are_right_or_nearly(model: CalicoModel) -> None:
    masks = torch.zeros(1, 6, 4, 4)
    masks[:, :, 2:] = -1.0  # unknown
    masks[0, 0, 0, 0] = masks[0, 1, 0, 0] = 1.0
    logits = torch.full((1, 6, 4, 4), -MARGIN)
    logits[0, 0, 0, 0], logits[0, 1, 0, 0], logits[0, 0, 0, 1] = math.log(3.0), -7.0, 5.0
    logits[:, :, 2:] = 100.0
    logits.requires_grad_(True)
    scene, outputs = (
        Scene(model, batch_with([], masks)),
        outputs_with(flat(0.0), torch.zeros(2, 16, 16), None, logits),
    )
    low, high = 1 / (1 + math.e), math.e / (1 + math.e)
    erase, create_ = -(0.75 + low) / 2, (45 * low + high) / 46
    assert map_erase(scene, outputs).tolist() == pytest.approx([erase], rel=1e-5)
    assert map_create(scene, outputs).tolist() == pytest.approx([create_], rel=1e-5)
    assert seg(scene, outputs).tolist() == pytest.approx([erase + create_], rel=1e-5)
    (gradient,) = torch.autograd.grad(map_erase(scene, outputs).sum(), logits)
    assert gradient.nonzero().tolist() == [[0, 0, 0, 0]]
    (gradient,) = torch.autograd.grad(map_create(scene, outputs).sum(), logits)
    assert gradient[0, :, :2].count_nonzero() == 45
    assert not gradient[0, :, 2:].any()
    assert gradient[0, 0, 0, 1] == 0
