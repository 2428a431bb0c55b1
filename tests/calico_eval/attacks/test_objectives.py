"""Objectives against values computed by hand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.config.schema import BevConfig, Config, DetectionConfig, GridConfig, ModelConfig
from calico.data.batch import Batch, collate
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.models.calico import Outputs, build_model
from calico.models.heads.center import TaskOutput
from calico_eval.attacks.objectives import KAPPA, Scene, choose_objective, create, det, hide, hide_targets
from calico_eval.engines.torch import TorchEngine

CAR, TRUCK, PEDESTRIAN = 0, 1, 5
CONFIG = Config(
    grid=GridConfig(x_range_m=(-16, 16), y_range_m=(-16, 16), pillar_m=1.0),
    model=ModelConfig(
        bev=BevConfig(layers=(1,), strides=(2,), channels=(8,), out_stride=2),
        detection=DetectionConfig(tasks=(("car",), ("bicycle", "pedestrian"))),
        map=None,
    ),
)


def outputs_with(*heatmaps: torch.Tensor) -> Outputs:
    nothing = torch.zeros(0)
    return Outputs(tuple(TaskOutput(h[None], *[nothing] * 5) for h in heatmaps), None, nothing)


def batch_with(objects: list[tuple[float, float, int]]) -> Batch:
    boxes = torch.zeros(len(objects), 9)
    boxes[:, :2] = torch.tensor([row[:2] for row in objects])
    zeros = torch.zeros(1, 1, 5)
    return Batch(zeros, zeros[..., 0] > 0, torch.zeros(1, 0, 3, 1, 1), torch.zeros(1, 0, 4, 4),
                 boxes=(boxes,), labels=(torch.tensor([row[2] for row in objects]),))  # fmt: skip


def scene_with(objects: list[tuple[float, float, int]]) -> Scene:
    return Scene(build_model(CONFIG, 0), batch_with(objects))


def test_targets_are_cells_of_the_trunk_grid_within_two_metres() -> None:
    xy = np.array([[5.0, -3.0], [40.0, 0.0], [-15.5, 15.5], [1.0, 1.0]], np.float32)
    targets = hide_targets(xy, np.array([CAR, CAR, PEDESTRIAN, TRUCK]), CONFIG)
    assert [name for name, _ in targets] == ["car", "pedestrian"]  # one is off the grid, one class is unknown
    for (_, cells), (x, y) in zip(targets, xy[[0, 2]], strict=True):
        for row in range(16):
            for column in range(16):
                distance = np.hypot(-16 + 2 * column + 1 - x, -16 + 2 * row + 1 - y)
                assert cells[row, column] == (distance <= 2.0)


def test_hide_is_minus_the_peaks_near_the_objects() -> None:
    car, bicycle, pedestrian = (torch.full((16, 16), -9.0) for _ in range(3))
    car[6, 10] = 2.0  # the cell of x 4..6, y -4..-2
    car[0, 0] = 7.0  # far from every object
    bicycle[12, 3] = 8.0  # another class, at the pedestrian
    pedestrian[12, 3] = -1.5  # x -10..-8, y 8..10
    outputs = outputs_with(car[None], torch.stack([bicycle, pedestrian]))
    both = scene_with([(5.0, -3.0, CAR), (-9.0, 9.0, PEDESTRIAN)])
    assert float(hide(both, outputs)) == pytest.approx(-(2.0 - 1.5))
    hidden = outputs_with(torch.full((1, 16, 16), -50.0), torch.full((2, 16, 16), -KAPPA - 1))
    assert float(hide(both, hidden)) == pytest.approx(2 * KAPPA)


def test_hide_has_no_gradient_once_all_is_hidden_and_one_cell_each_before() -> None:
    car = torch.full((1, 16, 16), -9.0)
    car[0, 6, 10] = 2.0
    car.requires_grad_(True)
    scene = scene_with([(5.0, -3.0, CAR)])
    value = hide(scene, outputs_with(car, torch.zeros(2, 16, 16)))
    (gradient,) = torch.autograd.grad(value, car)
    assert gradient.nonzero().tolist() == [[0, 6, 10]]
    assert float(gradient[0, 6, 10]) == -1.0
    value = hide(scene, outputs_with(car - 20, torch.zeros(2, 16, 16)))
    assert not torch.autograd.grad(value, car)[0].any()


def test_create_is_the_mean_of_the_twenty_strongest_logits() -> None:
    car, others = torch.zeros(1, 16, 16), torch.full((2, 16, 16), -1.0)
    car[0, 3, :5] = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0])
    others[1, 7, 7] = 10.0
    assert float(create(scene_with([(5.0, -3.0, CAR)]), outputs_with(car, others))) == pytest.approx((15.0 + 10.0) / 20)


def test_det_is_the_training_loss_without_the_map(fused: TorchEngine, street_frame: Frame) -> None:
    batch = collate([street_frame])
    with torch.no_grad():
        outputs = fused.model(batch)
        terms = fused.model.loss(outputs, batch)
        assert float(det(Scene(fused.model, batch), outputs)) == pytest.approx(
            float(terms["total"] - terms["map"]), rel=1e-5
        )
        assert float(terms["map"]) > 0


def test_losses_of_a_batch_are_those_of_its_frames(fused: TorchEngine, street: FrameSource) -> None:
    """Frames of unlike object counts, one of them without any: each number is that of the frame alone."""
    frames = [street[1], street[4].replace(boxes=Boxes.empty()), street[2]]
    with torch.no_grad():
        together = collate(frames)
        outputs = fused.model(together)
        for loss in (hide, det, create):
            losses = loss(Scene(fused.model, together), outputs)
            assert losses.shape == (3,)
            for row, frame in enumerate(frames):
                batch = collate([frame])
                alone = loss(Scene(fused.model, batch), fused.model(batch))
                assert float(losses[row]) == pytest.approx(float(alone[0]), rel=1e-4, abs=1e-4)
        assert float(hide(Scene(fused.model, together), outputs)[1]) == 0.0


def test_choose_falls_back_to_create_where_nothing_can_be_hidden(fused: TorchEngine, street_frame: Frame) -> None:
    config = fused.config
    boxes = street_frame.boxes
    assert choose_objective("hide", street_frame, config) == ("hide", "")
    assert choose_objective("det", street_frame, config) == ("det", "")
    unseen = street_frame.replace(boxes=replace(boxes, num_points=np.zeros_like(boxes.num_points)))
    trucks = street_frame.replace(boxes=replace(boxes, labels=np.full_like(boxes.labels, TRUCK)))
    for frame in (unseen, trucks):
        objective, note = choose_objective("hide", frame, config)
        assert objective == "create"
        assert "no object" in note


def test_a_model_without_detections_cannot_be_attacked_yet(street_frame: Frame) -> None:
    config = CONFIG.model_copy(update={"model": ModelConfig(detection=None)})
    with pytest.raises(CalicoError, match=r"no detection head \(model.detection is null\)"):
        choose_objective("hide", street_frame, config)
