from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from calico.config.presets import PRESETS
from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.device import training_precision
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.losses.supervised import compute_losses
from calico.models.calico import build_model, camera_stride
from calico.models.fuse import CAMERA_START, ConvFuser


def change(config: Config, **model: Any) -> Config:
    return Config.model_validate(
        {**config.model_dump(), "model": {**config.model.model_dump(), **model}}
    )


def test_shapes(small: Config, batch: Batch) -> None:
    model = build_model(small, 0)
    outputs = model(batch)
    assert [task.heatmap.shape for task in outputs.tasks] == [
        (1, n, 32, 32) for n in (1, 2, 2, 1, 2, 2)
    ]
    assert outputs.map_logits is not None
    assert outputs.map_logits.shape == (1, 6, 64, 64)
    assert outputs.bev.shape == (1, 32, 32, 32)
    assert model.lidar_bev(batch).shape == model.camera_bev(batch).shape == (1, 16, 32, 32)


def test_same_seed_same_weights_and_the_global_state_is_left_alone(small: Config) -> None:
    torch.manual_seed(3)
    expected = torch.rand(1)
    torch.manual_seed(3)
    first, second, third = (build_model(small, seed).state_dict() for seed in (1, 1, 2))
    assert torch.equal(torch.rand(1), expected)
    assert all(torch.equal(first[name], second[name]) for name in first)
    assert not all(torch.equal(first[name], third[name]) for name in first)


FORMS: dict[str, dict[str, Any]] = {
    "camera only": {"lidar": None},
    "lidar only": {"camera": None},
    "boxes only": {"map": None},
    "map only": {"detection": None},
    "added": {"fuser": "add"},
}


@pytest.mark.parametrize("form", FORMS)
def test_every_form_trains_a_step_and_predicts(small: Config, batch: Batch, form: str) -> None:
    model = build_model(change(small, **FORMS[form]), 0)
    terms = compute_losses(model, model(batch), batch)
    terms["total"].backward()
    assert ("heatmap" in terms) == (form != "map only")
    assert ("map" in terms) == (form != "boxes only")
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
    (prediction,) = model.predict(batch)
    assert (prediction.map_probs is None) == (form == "boxes only")
    assert model.training


def test_a_batch_of_two_is_two_batches_of_one(small: Config, frame: Frame) -> None:
    other = frame.replace(
        token="other",
        points=frame.points[::3] * np.float32(0.9),
        ring=frame.ring[::3],
        sweep_index=frame.sweep_index[::3],
    )
    model = build_model(small, 0).eval()
    with torch.no_grad():
        both = model(collate_frames([frame, other]))
        for index, single in enumerate((frame, other)):
            alone = model(collate_frames([single]))
            torch.testing.assert_close(both.bev[index : index + 1], alone.bev, atol=1e-5, rtol=1e-5)
            torch.testing.assert_close(
                both.map_logits[index : index + 1], alone.map_logits, atol=1e-5, rtol=1e-5
            )


def test_gradients_reach_points_and_every_image(small: Config, batch: Batch) -> None:
    model = build_model(small, 0).eval()
    points, images = batch.points.clone().requires_grad_(), batch.images.clone().requires_grad_()
    compute_losses(model, model(replace(batch, points=points, images=images)), batch)[
        "total"
    ].backward()
    assert points.grad is not None
    assert images.grad is not None
    assert torch.isfinite(points.grad).all()
    assert torch.isfinite(images.grad).all()
    assert (points.grad[..., :4].abs().sum((0, 1)) > 0).all()
    assert (images.grad.abs().sum((0, 2, 3, 4)) > 0).all()


def test_a_training_step_repeats_to_the_bit(small: Config, batch: Batch) -> None:
    gradients = []
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(True)
    try:
        for _ in range(2):
            model = build_model(small, 0)
            compute_losses(model, model(batch), batch)["total"].backward()
            gradients.append([p.grad for p in model.parameters()])
    finally:
        torch.use_deterministic_algorithms(before)
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


def test_bfloat16_is_kept_from_geometry_and_losses(small: Config, batch: Batch) -> None:
    model = build_model(small, 3).eval()
    assert model.lidar is not None
    exact, cpu = model(batch), torch.device("cpu")
    canvas = model.lidar.canvas(batch.points, batch.point_mask)
    with training_precision("auto", cpu):
        assert torch.equal(model(batch).bev, exact.bev)  # auto on a CPU: float32
    with training_precision("bfloat16", cpu):
        assert torch.equal(model.lidar.canvas(batch.points, batch.point_mask), canvas)
        lifted = model.lift_images(batch.images, batch.image_from_lidar)
        rough = model(batch)
        terms = compute_losses(model, rough, batch)
    assert lifted.dtype == torch.float32
    assert rough.bev.dtype == torch.bfloat16
    assert all(output.offset.dtype == torch.float32 for output in rough.tasks)
    assert all(term.dtype == torch.float32 for term in terms.values())
    assert not torch.equal(rough.tasks[0].heatmap, exact.tasks[0].heatmap)
    torch.testing.assert_close(rough.tasks[0].heatmap, exact.tasks[0].heatmap, rtol=0.05, atol=0.05)


def test_an_empty_frame_without_boxes_works(small: Config, frame: Frame) -> None:
    none = np.zeros(0, np.int16)
    empty = collate_frames(
        [frame.replace(points=frame.points[:0], ring=none, sweep_index=none, boxes=Boxes.empty())]
    )
    model = build_model(small, 0)
    terms = compute_losses(model, model(empty), empty)
    assert all(torch.isfinite(value) for value in terms.values())
    assert terms["offset"].item() == 0
    terms["total"].backward()
    assert len(model.predict(empty)) == 1


def test_a_few_steps_learn_the_frame(small: Config, batch: Batch) -> None:
    model = build_model(small, 0)
    optimizer = torch.optim.AdamW(model.parameters(), 5e-3)
    losses = []
    for _ in range(30):
        loss = compute_losses(model, model(batch), batch)["total"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < losses[0] / 8
    (prediction,) = model.predict(batch)
    car = prediction.boxes[prediction.labels == 0][0]
    assert car[:2] == pytest.approx(batch.boxes[0][0, :2].numpy(), abs=1.0)


def test_terms_sum_to_the_total(small: Config, batch: Batch) -> None:
    model = build_model(small, 0)
    terms = compute_losses(model, model(batch), batch)
    parts = sum(value.item() for name, value in terms.items() if name != "total")
    assert terms["total"].item() == pytest.approx(parts, rel=1e-5)


def test_missing_map_masks_are_explained(small: Config, batch: Batch) -> None:
    model = build_model(small, 0)
    with pytest.raises(CalicoError, match="no map masks"):
        compute_losses(model, model(batch), replace(batch, map_masks=None))


def test_missing_branches_and_heads_are_explained(small: Config, batch: Batch) -> None:
    lidar = build_model(change(small, camera=None, detection=None), 0)
    with pytest.raises(CalicoError, match="no camera branch"):
        lidar.camera_bev(batch)
    with pytest.raises(CalicoError, match="no detection head"):
        lidar.decode_outputs(lidar(batch))
    with pytest.raises(CalicoError, match="one branch"):
        lidar.fuse_branches(torch.zeros(1), torch.zeros(1))
    camera = build_model(change(small, lidar=None), 0)
    with pytest.raises(CalicoError, match="no LiDAR branch"):
        camera.lidar_bev(batch)
    with pytest.raises(CalicoError, match="at least one view"):
        camera(
            replace(
                batch, images=batch.images[:, :0], image_from_lidar=batch.image_from_lidar[:, :0]
            )
        )
    fused = build_model(small, 0)
    with pytest.raises(CalicoError, match="features of a branch are missing"):
        fused.fuse_branches(None, torch.zeros(1))


def test_coarse_camera_grids_are_brought_to_the_branches(small: Config, batch: Batch) -> None:
    bev = small.model.bev.model_dump() | {"strides": (1, 4), "out_stride": 4}
    config = change(small, bev=bev)
    assert camera_stride(config) == 4
    model = build_model(config, 0)
    assert model.camera_bev(batch).shape == model.lidar_bev(batch).shape == (1, 16, 64, 64)


@pytest.mark.parametrize(
    ("preset", "trunk", "stride"),
    [("tiny", (64, 64), 2), ("nuscenes", (128, 128), 4), ("waymo", (468, 468), 2)],
)
def test_presets_build(preset: str, trunk: tuple[int, int], stride: int) -> None:
    config = PRESETS[preset]()
    assert build_model(config, 0).trunk_grid.shape == trunk
    assert camera_stride(config) == stride


def test_a_fused_model_starts_near_its_lidar_branch(small: Config, batch: Batch) -> None:
    model = build_model(small, 0).eval()
    assert isinstance(model.fuser, ConvFuser)
    weight = model.fuser.block[0].weight.detach()
    camera, lidar = weight[:, :16], weight[:, 16:]
    assert float(camera.std() / lidar.std()) == pytest.approx(CAMERA_START, rel=0.05)
    assert float(camera.abs().max()) > 0  # the cameras get gradients from the first step


def test_prediction_leaves_every_part_in_its_own_mode(small: Config, batch: Batch) -> None:
    """Frozen parts stay frozen: restoring with `train(True)` would put all of them in training."""
    model = build_model(small, 0)
    assert model.camera is not None
    model.camera.eval()
    before = [module.training for module in model.modules()]
    model.predict(batch)
    assert [module.training for module in model.modules()] == before
    assert model.training
    assert not model.camera.training
