"""Objectives against values computed by hand on a 16 x 16 grid of 2 m cells, and against the real
network."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.config.model import BevConfig, DetectionConfig, GridConfig, MapConfig, ModelConfig
from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.frame import Frame
from calico.losses.supervised import compute_losses
from calico.models.calico import CalicoModel, Outputs, build_model
from calico.models.heads.center import TaskOutput
from calico_eval.engines.network.objectives import Scene
from calico_eval.engines.network.objectives.detection import (
    FOUND_LOGIT,
    MOVED_M,
    create,
    create_at,
    det,
    flip,
    hide,
    loc,
    score,
)
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.detected_objects import KAPPA

CAR, PEDESTRIAN = 0, 5


LOW = -9.0


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


def test_hide_is_minus_the_peaks_near_the_objects(model: CalicoModel) -> None:
    car, bicycle, pedestrian = (flat(LOW) for _ in range(3))
    car[6, 10] = 2.0  # the cell of x 4..6, y -4..-2
    car[0, 0] = 7.0  # far from every object
    bicycle[12, 3] = 8.0  # another class, at the pedestrian
    pedestrian[12, 3] = -1.5  # x -10..-8, y 8..10
    scene = Scene(model, batch_with([(5.0, -3.0, CAR), (-9.0, 9.0, PEDESTRIAN)]))
    found = hide(scene, outputs_with(car, torch.stack([bicycle, pedestrian])))
    assert found.tolist() == pytest.approx([-(2.0 - 1.5)])
    hidden = outputs_with(flat(-50.0), torch.full((2, 16, 16), -KAPPA - 1))
    assert hide(scene, hidden).tolist() == pytest.approx([2 * KAPPA])


def test_hide_has_no_gradient_once_all_is_hidden_and_one_cell_each_before(
    model: CalicoModel,
) -> None:
    car = flat(LOW)
    car[6, 10] = 2.0
    car.requires_grad_(True)
    scene, others = Scene(model, batch_with([(5.0, -3.0, CAR)])), torch.zeros(2, 16, 16)
    (gradient,) = torch.autograd.grad(hide(scene, outputs_with(car, others)).sum(), car)
    assert gradient.nonzero().tolist() == [[6, 10]]
    assert float(gradient[6, 10]) == -1.0
    assert not torch.autograd.grad(hide(scene, outputs_with(car - 20, others)).sum(), car)[0].any()


def test_create_is_the_mean_of_the_twenty_strongest_logits(model: CalicoModel) -> None:
    car, others = torch.zeros(16, 16), torch.full((2, 16, 16), -1.0)
    car[3, :5] = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    others[1, 7, 7] = 10.0
    assert create(
        Scene(model, batch_with([])), outputs_with(car, others)
    ).tolist() == pytest.approx([(15.0 + 10.0) / 20])


def test_create_at_is_the_car_logit_at_the_free_place(model: CalicoModel) -> None:
    """Without objects the place is (9.5, -0.5): cell row 7, column 12; its centre (9, -1) is 0.7 m
    off, the next 1.6 m."""
    car, others = flat(9.0), torch.full((2, 16, 16), 9.0)
    car[7, 12] = -3.0
    assert create_at(Scene(model, batch_with([])), outputs_with(car, others)).tolist() == [-3.0]
    moved = flat(9.0)
    # 5 m off a car at (9.5, -0.5); (13.5, 2.5) and (12.5, 3.5) tie, and the smaller y counts
    moved[9, 14] = -4.0
    scene = Scene(model, batch_with([(9.5, -0.5, CAR)]))
    assert create_at(scene, outputs_with(moved, others)).tolist() == [-4.0]


def test_loc_is_the_box_error_at_the_clean_peak(model: CalicoModel) -> None:
    scene = Scene(model, batch_with([(5.0, -3.0, CAR)]))
    peak, elsewhere = flat(LOW), flat(LOW)
    peak[6, 10], elsewhere[6, 11] = 2.0, 5.0
    others = torch.full((2, 16, 16), LOW)
    scene.clean = outputs_with(peak, others)
    terms = torch.zeros(10, 16, 16)
    terms[:, 6, 10] = torch.tensor(
        [0.75, 0.5, 0.2, math.log(2.0), 0.0, 0.0, 0.3, 0.9, 50.0, torch.nan]
    )
    # x = (10 + 0.75) * 2 - 16 = 5.5, y = (6 + 0.5) * 2 - 16 = -3; sizes 2, 1, 1 of 1; sine 0,
    # cosine 1
    found = loc(scene, outputs_with(elsewhere, others, terms))
    assert found.tolist() == pytest.approx([0.5 + 0.2 + math.log(2.0) + 0.3 + 0.1], rel=1e-5)
    lost = loc(scene, outputs_with(elsewhere - 10, others, terms))
    assert (found - lost).tolist() == pytest.approx([5.0 + FOUND_LOGIT], rel=1e-5)
    terms[0, 6, 10] = 9.0
    far = loc(scene, outputs_with(elsewhere, others, terms))
    assert far.tolist() == pytest.approx([MOVED_M + 0.2 + math.log(2.0) + 0.3 + 0.1], rel=1e-5)


def test_flip_is_the_margin_of_the_best_other_class(model: CalicoModel) -> None:
    car, bicycle, pedestrian = (flat(LOW) for _ in range(3))
    car[6, 10], bicycle[6, 10], pedestrian[6, 11] = (
        2.0,
        -1.0,
        0.5,
    )  # column 11: its centre is 2 m off
    pedestrian[0, 0] = 9.0
    scene = Scene(model, batch_with([(5.0, -3.0, CAR)]))
    others = torch.stack([bicycle, pedestrian])
    assert flip(scene, outputs_with(car, others)).tolist() == pytest.approx([0.5 - 2.0])
    assert flip(scene, outputs_with(flat(-20.0), others)).tolist() == pytest.approx(
        [0.5 - FOUND_LOGIT]
    )
    assert flip(scene, outputs_with(flat(-20.0), others + 30)).tolist() == pytest.approx([KAPPA])


def test_score_is_minus_the_log_of_the_mean_candidate_score(model: CalicoModel) -> None:
    few = CONFIG.model_copy(
        update={
            "model": CONFIG.model.model_copy(
                update={"detection": DetectionConfig(tasks=(("car",),), max_boxes=2)}
            )
        }
    )
    car = flat(LOW)
    car[1, 1], car[2, 2] = 0.0, math.log(3.0)
    scene = Scene(build_model(few, 0).eval(), batch_with([]))
    found = score(scene, Outputs((task(car[None]),), None, torch.zeros(1)))
    assert found.tolist() == pytest.approx([-math.log((0.5 + 0.75) / 2)], rel=1e-5)


def test_det_is_the_training_loss_of_each_frame_without_the_map(
    fused: TorchEngine, street_frame: Frame
) -> None:
    frames = [street_frame, street_frame.replace(boxes=street_frame.boxes.select(np.arange(3)))]
    batch = collate_frames(frames)
    with torch.no_grad():
        outputs = fused.model(batch)
        found = det(Scene(fused.model, batch), outputs)
        for index, frame in enumerate(frames):
            one = collate_frames([frame])
            terms = compute_losses(fused.model, fused.model(one), one)
            assert float(found[index]) == pytest.approx(
                float(terms["total"] - terms["map"]), rel=1e-4
            )
