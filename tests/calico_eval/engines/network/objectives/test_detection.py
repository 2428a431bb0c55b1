"""Objectives against values computed by hand on a 16 x 16 grid of 2 m cells, and against the real
network."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.config.model import BevConfig, DetectionConfig, GridConfig, MapConfig, ModelConfig
from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.data.source import FrameSource
from calico.frame import Boxes, Frame
from calico.losses.supervised import compute_losses
from calico.models.calico import CalicoModel, Outputs, build_model
from calico.models.heads.center import TaskOutput
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.attacks.success.counts import count_new_false_boxes
from calico_eval.attacks.success.rates import SUCCESS_OF
from calico_eval.engines.network.objectives import OBJECTIVES, Scene, hide_targets
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
from calico_eval.engines.network.objectives.joint import feat, multi
from calico_eval.engines.network.objectives.segmentation import MARGIN, map_create, map_erase, seg
from calico_eval.engines.torch import TorchEngine
from calico_eval.metrics.detected_objects import KAPPA
from calico_eval.metrics.nuscenes import class_ranges

CAR, TRUCK, PEDESTRIAN = 0, 1, 5
RANGES = class_ranges(16.0)
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


def test_targets_are_cells_of_the_trunk_grid_within_two_metres() -> None:
    xy = np.array([[5.0, -3.0], [40.0, 0.0], [-15.5, 15.5], [1.0, 1.0]], np.float32)
    targets = hide_targets(xy, np.array([CAR, CAR, PEDESTRIAN, TRUCK]), CONFIG)
    assert [name for name, _ in targets] == [
        "car",
        "pedestrian",
    ]  # one is off the grid, one class is unknown
    for (_, cells), (x, y) in zip(targets, xy[[0, 2]], strict=True):
        for row in range(16):
            for column in range(16):
                distance = np.hypot(-16 + 2 * column + 1 - x, -16 + 2 * row + 1 - y)
                assert cells[row, column] == (distance <= 2.0)


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
    # 5 m off a car at (9.5, -0.5), (13.5, 2.5) and (12.5, 3.5) are nearest to (10, 0): the smaller y
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


def test_multi_gives_both_tasks_a_gradient_of_length_one_on_the_clean_features(
    fused: TorchEngine, street_frame: Frame
) -> None:
    empty = street_frame.replace(boxes=Boxes.empty())
    scene = Scene(fused.model, collate_frames([street_frame, empty]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    outputs = fused.model.run_heads(bev)
    (both,) = torch.autograd.grad(multi(scene, outputs).sum(), bev, retain_graph=True)
    (boxes,) = torch.autograd.grad(hide(scene, outputs).sum(), bev, retain_graph=True)
    (cells,) = torch.autograd.grad(seg(scene, outputs).sum(), bev)
    expected = boxes[0] / boxes[0].norm() + cells[0] / cells[0].norm()
    torch.testing.assert_close(both[0], expected, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        both[1], cells[1] / cells[1].norm(), rtol=1e-4, atol=1e-6
    )  # nothing to hide there


def test_feat_is_minus_the_cosine_with_the_clean_features_and_has_a_gradient_there(
    fused: TorchEngine, street_frame: Frame
) -> None:
    scene = Scene(fused.model, collate_frames([street_frame]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    (value,) = feat(scene, Outputs((), None, bev))
    assert value.item() == pytest.approx(-1 / math.sqrt(1 + 0.01**2), abs=1e-5)
    (gradient,) = torch.autograd.grad(value, bev)
    assert float(gradient.norm() * bev.detach().norm()) == pytest.approx(
        0.01, rel=0.05
    )  # the sine of the angle
    bev = bev.detach()
    (opposite,) = feat(scene, Outputs((), None, -bev))
    assert float(opposite) == pytest.approx(1.0, abs=1e-4)
    again = feat(
        Scene(fused.model, collate_frames([street_frame, street_frame])),
        Outputs((), None, bev.expand(2, -1, -1, -1)),
    )
    torch.testing.assert_close(again, value.detach().expand(2), rtol=0, atol=1e-6)


def test_the_clean_outputs_are_made_once_and_counted(
    fused: TorchEngine, street_frame: Frame
) -> None:
    calls = []
    handle = fused.model.backbone.register_forward_hook(lambda *_: calls.append(1))
    spec = AttackSpec("pgd", Threat(camera_levels=2), "feat", steps=2)
    (result,) = attack_frames(fused, [street_frame], spec, 0)
    handle.remove()
    assert (
        result.details.forwards == len(calls) == 2 + 1 + 2 + 1
    )  # steps, last iterate, before and after, the clean outputs


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_an_objective_has_finite_values_for_scenes_without_anything(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    assert street_frame.map_masks is not None
    unknown = np.zeros(street_frame.map_masks.shape[1:], np.bool_)
    batch = collate_frames(
        [street_frame.replace(boxes=Boxes.empty(), map_known=unknown), street_frame]
    )
    with torch.no_grad():
        found = OBJECTIVES[name].loss(Scene(fused.model, batch), fused.model(batch))
    assert found.shape == (2,)
    assert torch.isfinite(found).all()


THREATS = dict.fromkeys(OBJECTIVES, Threat(range_m=0.3)) | {
    "loc": Threat(camera_levels=32),  # points that jitter by 0.3 m turn boxes by themselves
    "feat": Threat(camera_levels=16),
    "create": Threat(axis_m=1.0),
    "create_at": Threat(axis_m=1.0),
    "flip": Threat(axis_m=1.0),
}


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_an_attack_succeeds_more_often_than_noise(
    fused: TorchEngine, street: FrameSource, name: str
) -> None:
    """By a factor of 1.5 on two frames, against the mean of two draws of noise."""
    steps = 20 if name in ("create", "create_at", "feat") else 10
    frames, spec = [street[1], street[4]], AttackSpec("pgd", THREATS[name], name, steps=steps)
    before = fused.predict(frames)

    def rate(one: AttackSpec, seed: int) -> float:
        results = attack_frames(fused, frames, one, seed)
        after = fused.predict([result.frame for result in results])
        each = list(zip(frames, before, after, strict=True))
        for details in (result.details for result in results if one is spec):
            assert details.objective == name
            assert details.loss_clean is not None
            assert details.loss_attacked is not None
            assert details.loss_attacked > details.loss_clean
        if name == "create":  # the share of frames is 1 for both
            return float(sum(count_new_false_boxes(*frame, RANGES) for frame in each))
        hits, trials = np.sum([SUCCESS_OF[name].counts(*frame, RANGES) for frame in each], axis=0).T
        return float((hits / trials).mean())

    noise = dataclasses.replace(spec, name="noise")
    assert rate(spec, 0) > 1.5 * np.mean([rate(noise, 0), rate(noise, 1)])


@pytest.mark.parametrize("name", sorted(set(OBJECTIVES) - {"feat"}))
def test_a_small_step_along_the_gradient_raises_the_objective(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    """In the trunk's features, where the heads are smooth; for "feat" see its own test."""
    scene = Scene(fused.model, collate_frames([street_frame]))
    bev = scene.clean.bev.clone().requires_grad_(True)
    loss = OBJECTIVES[name].loss
    (before,) = loss(scene, fused.model.run_heads(bev))
    (gradient,) = torch.autograd.grad(before, bev)
    with torch.no_grad():
        (after,) = loss(scene, fused.model.run_heads(bev + 1e-2 * gradient / gradient.norm()))
    assert float(after - before.detach()) == pytest.approx(1e-2 * float(gradient.norm()), rel=0.3)


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_a_frame_in_a_batch_is_worth_what_it_is_alone(
    fused: TorchEngine, street: FrameSource, name: str
) -> None:
    """Outputs of other frames stand in for attacked ones, so that no objective is at its clean
    value."""
    frames, others = [street[1], street[4], street[2]], [street[2], street[0], street[5]]
    loss = OBJECTIVES[name].loss

    def worth(clean: list[Frame], attacked: list[Frame]) -> Tensor:
        with torch.no_grad():
            return loss(
                Scene(fused.model, collate_frames(clean)), fused.model(collate_frames(attacked))
            )

    alone = torch.cat([worth([a], [b]) for a, b in zip(frames, others, strict=True)])
    torch.testing.assert_close(worth(frames, others), alone, rtol=1e-3, atol=1e-4)
