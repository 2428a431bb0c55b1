"""Attacks on a user's object with `predict` and `loss`, against results that are known by hand."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from calico.data.batch import collate_frames
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames, dead_gradients
from calico_eval.attacks.sanity.gradients import measure_agreement
from calico_eval.engines.base import MODEL_LOSS
from calico_eval.engines.load_user import wrap_user_model
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user_white_box import UserWhiteBox

NOTHING = {"boxes": np.zeros((0, 9)), "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}


class Model:
    """Predicts nothing; its loss is the function that it is given."""

    def __init__(self, loss: Callable[[Any], Any], *parts: nn.Module, **attributes: object) -> None:
        self._loss, self.parts = loss, list(parts)
        for name, value in attributes.items():
            setattr(self, name, value)

    def predict(self, frames: list[Any]) -> list[dict[str, np.ndarray]]:
        return [NOTHING for _ in frames]

    def loss(self, batch: Any) -> Any:
        return self._loss(batch)


def call_backward(batch: Any) -> Tensor:
    """Take the gradient, as a training step does, which uses the graph up."""
    value: Tensor = (batch.images**2).flatten(1).mean(1) + (batch.points**2).flatten(1).mean(1)
    if value.requires_grad:
        value.sum().backward()
    return value


def call_backward_on_numbers(batch: Any) -> Tensor:
    value: Tensor = batch.images.detach().flatten(1).mean(1)
    value.sum().backward()
    return value


def engine_of(loss: Callable[[Any], Any], *parts: nn.Module, **attributes: object) -> UserWhiteBox:
    engine = wrap_user_model(Model(loss, *parts, **attributes))
    assert isinstance(engine, UserWhiteBox)
    return engine


def spec(name: str, threat: Threat, **more: Any) -> AttackSpec:
    return AttackSpec(name, threat, MODEL_LOSS, **more)


def signs_like(shape: tuple[int, ...]) -> np.ndarray:
    return np.where(np.random.default_rng(3).random(shape) < 0.5, -1.0, 1.0)


@pytest.mark.parametrize("name", ["pgd", "fgsm", "mifgsm", "apgd", "apgd_decay", "ta_pgd"])
def test_a_linear_loss_of_pixels_takes_every_pixel_to_the_end_of_its_budget(
    street_frame: Frame, name: str
) -> None:
    wanted = signs_like((6, *street_frame.images[0].shape))
    weights = torch.from_numpy(wanted).permute(0, 3, 1, 2).float()
    engine = engine_of(lambda batch: (batch.images * weights).flatten(1).sum(1))
    result = attack_frames(engine, [street_frame], spec(name, Threat(camera_levels=3)), 0)[0]
    for view, (before, after) in enumerate(
        zip(street_frame.images, result.frame.images, strict=True)
    ):
        best = np.clip(before.astype(int) + 3 * wanted[view].astype(int), 0, 255)
        share = (after == best).mean()
        assert share == 1.0 if name in ("pgd", "fgsm", "ta_pgd") else share > 0.9
    assert set(result.budget.camera_levels) == {3}
    assert result.details.loss_attacked is not None
    assert result.details.loss_clean is not None
    assert result.details.loss_attacked > result.details.loss_clean


def test_a_linear_loss_of_points_moves_every_point_along_its_ray(street_frame: Frame) -> None:
    engine = engine_of(lambda batch: (batch.points[..., 0] * batch.point_mask).sum(1))
    result = attack_frames(engine, [street_frame], spec("pgd", Threat(range_m=0.1)), 0)[0]
    before = street_frame.points[:, :3].astype(np.float64)
    far = np.linalg.norm(before, axis=1) > 1.2
    unit = before / np.linalg.norm(before, axis=1, keepdims=True)
    best = before + 0.1 * np.sign(unit[:, :1]) * unit
    felt = far & (np.abs(unit[:, 0]) > 1e-6)
    np.testing.assert_allclose(result.frame.points[felt, :3], best[felt], atol=1e-4)
    assert all(
        np.array_equal(a, b) for a, b in zip(street_frame.images, result.frame.images, strict=True)
    )


def test_both_sensors_move_within_one_joint_budget(street_frame: Frame) -> None:
    engine = engine_of(lambda batch: batch.images.flatten(1).mean(1) + batch.points[..., 2].mean(1))
    threat = Threat(camera_levels=2, axis_m=0.05)
    result = attack_frames(engine, [street_frame], spec("pgd", threat), 0)[0]
    risen = result.frame.images[0].astype(int) - street_frame.images[0]
    assert risen[street_frame.images[0] < 253].min() == 2
    np.testing.assert_allclose(
        result.frame.points[:, 2] - street_frame.points[:, 2], 0.05, atol=1e-5
    )


def test_the_batch_holds_what_is_documented(street_frame: Frame) -> None:
    seen: list[Any] = []

    def loss(batch: Any) -> Tensor:
        seen.append(batch)
        return batch.images.flatten(1).sum(1)

    attack_frames(engine_of(loss), [street_frame], spec("fgsm", Threat(camera_levels=1)), 0)
    batch = seen[0]
    assert batch.images.shape == (1, 6, 3, *street_frame.images[0].shape[:2])
    assert batch.images.min() >= 0
    assert batch.images.max() <= 1
    assert batch.points.shape == (1, len(street_frame.points), 5)
    K = torch.eye(4).repeat(6, 1, 1)
    K[:, :3, :3] = batch.camera_K[0]
    product = K.double() @ batch.camera_T_lidar[0].double()
    torch.testing.assert_close(product, batch.image_from_lidar[0].double(), atol=1e-3, rtol=1e-4)
    kept = street_frame.boxes.num_points > 0
    assert np.array_equal(batch.boxes[0].numpy(), street_frame.boxes.boxes[kept])
    assert np.array_equal(batch.labels[0].numpy(), street_frame.boxes.labels[kept])
    assert batch.tokens == (street_frame.token,)


def test_a_loss_that_writes_into_its_batch_changes_nothing_outside(street_frame: Frame) -> None:
    def loss(batch: Any) -> Tensor:
        value = batch.images.flatten(1).sum(1)
        with torch.no_grad():
            batch.points.zero_()
            batch.images.data.zero_()
        return value

    before = street_frame.points.copy(), street_frame.images[0].copy()
    engine = engine_of(loss)
    result = attack_frames(engine, [street_frame], spec("pgd", Threat(camera_levels=1)), 0)[0]
    assert np.array_equal(street_frame.points, before[0])
    assert np.array_equal(street_frame.images[0], before[1])
    assert set(result.budget.camera_levels) == {1}


@pytest.mark.parametrize(
    ("loss", "message"),
    [
        (lambda batch: batch.images.sum(), r"shape \(\); expected .* of shape \(1,\)"),
        (lambda batch: batch.images.flatten(1), "one per frame"),
        (lambda batch: batch.tokens, r"returned tuple; expected a tensor \(1,\)"),
        (lambda batch: batch.images.flatten(1).sum(1).long(), "int64"),
        (lambda batch: batch.radar, "loss raised AttributeError: .*radar.* at .*test_user_white"),
        (lambda batch: sys.exit(0), "loss raised SystemExit"),
        (call_backward, r"called backward\(\) itself: .*return the loss as a tensor \(B,\)"),
        (call_backward_on_numbers, r"does not require grad.*return the loss as a tensor \(B,\)"),
    ],
)
def test_a_loss_that_is_none_is_refused(
    street_frame: Frame, loss: Callable[[Any], Any], message: str
) -> None:
    with pytest.raises(CalicoError, match=message) as caught:
        attack_frames(engine_of(loss), [street_frame], spec("pgd", Threat(camera_levels=1)), 0)
    assert street_frame.token in str(caught.value)


def test_a_loss_may_take_gradients_and_keep_the_graph(street_frame: Frame) -> None:
    """The loss is the square of a gradient, (2 images)^2, which rises with every pixel."""

    def loss(batch: Any) -> Tensor:
        images = batch.images if batch.images.requires_grad else batch.images.requires_grad_()
        with torch.enable_grad():
            (slope,) = torch.autograd.grad((images**2).sum(), images, create_graph=True)
        return (slope**2).flatten(1).mean(1)

    result = attack_frames(
        engine_of(loss), [street_frame], spec("pgd", Threat(camera_levels=1)), 0
    )[0]
    risen = result.frame.images[0].astype(int) - street_frame.images[0]
    assert (risen[(street_frame.images[0] > 0) & (street_frame.images[0] < 255)] == 1).all()


def test_objectives_belong_to_their_models(fused: TorchEngine, street_frame: Frame) -> None:
    mine = engine_of(lambda batch: batch.images.flatten(1).sum(1))
    with pytest.raises(CalicoError, match=r"'hide': reads .*CALICO's network.* 'model_loss'"):
        attack_frames(mine, [street_frame], AttackSpec("pgd", Threat(camera_levels=1)), 0)
    with pytest.raises(CalicoError, match="'model_loss': is the loss of a model of the user's own"):
        attack_frames(fused, [street_frame], spec("pgd", Threat(camera_levels=1)), 0)


def test_the_identity_changes_with_the_weights() -> None:
    layer = nn.Linear(2, 2)
    engine = engine_of(lambda batch: batch.images.flatten(1).sum(1), layer)
    before = engine.sha256
    assert engine.weights_named
    assert engine.hash_now() == before
    with torch.no_grad():
        layer.bias[0] += 1.0
    assert engine.sha256 == before
    assert engine.hash_now() != before
    assert not engine_of(lambda batch: batch.images.flatten(1).sum(1)).weights_named


def test_inputs_that_the_loss_does_not_feel_are_named(street_frame: Frame) -> None:
    engine = engine_of(lambda batch: batch.images[:, 1:].flatten(1).sum(1))
    check = dead_gradients(engine, street_frame)
    assert check.dead == ("view 0", "points")
    constant = engine_of(lambda batch: torch.zeros(len(batch)))
    assert len(dead_gradients(constant, street_frame).dead) == 7


def test_the_copy_in_float64_leaves_the_model_alone(street_frame: Frame) -> None:
    layer = nn.Conv2d(3, 2, 1)
    engine = engine_of(lambda batch: layer(batch.images[:, 0]).flatten(1).sum(1), layer)
    assert engine.copy_double() is not engine
    assert layer.weight.dtype == torch.float32
    batch = collate_frames([street_frame])
    held = wrap_user_model(Holder())
    assert isinstance(held, UserWhiteBox)
    double = held.copy_double().attack_loss(MODEL_LOSS, batch, ("camera",))
    assert double(type(batch)(**{**vars(batch), "images": batch.images.double()})).dtype == (
        torch.float64
    )


class Holder:
    """Holds its network, which a copy converts."""

    def __init__(self) -> None:
        self.layer = nn.Conv2d(3, 2, 1)

    def predict(self, frames: list[Any]) -> list[dict[str, np.ndarray]]:
        return [NOTHING for _ in frames]

    def loss(self, batch: Any) -> Tensor:
        result: Tensor = self.layer(batch.images[:, 0]).flatten(1).sum(1)
        return result


def test_points_on_a_border_of_the_models_cells_do_not_disturb_finite_differences(
    street_frame: Frame,
) -> None:
    """Points at y = 0, as simulators give them, where the loss jumps by 100."""

    class Jumps(Holder):
        def loss(self, batch: Any) -> Tensor:
            jump = 100.0 * torch.floor(batch.points[..., 1]).sum(dim=1)
            return (batch.points[..., :2] ** 2).sum(dim=(1, 2)) + jump

    flat = street_frame.points.copy()
    flat[::2, 1] = 0.0
    engine = wrap_user_model(Jumps())
    assert isinstance(engine, UserWhiteBox)
    frame = street_frame.replace(points=flat)
    assert measure_agreement(engine, frame, "points", MODEL_LOSS, 0) > 0.999


def test_weights_count_at_any_depth_and_modules_without_any_do_not() -> None:
    class Wrapper:
        def __init__(self, seed: int) -> None:
            torch.manual_seed(seed)
            self.nets = {"one": [nn.Linear(2, 2)]}

    class Nested:
        sensors = ("lidar",)

        def __init__(self, seed: int) -> None:
            self.detector = Wrapper(seed)
            self.criterion = nn.SmoothL1Loss()

        def predict(self, frames: Any) -> Any: ...

        def loss(self, batch: Any) -> Any: ...

    first, second, again = (wrap_user_model(Nested(seed)) for seed in (0, 1, 0))
    assert first.sha256 != second.sha256
    assert first.sha256 == again.sha256
    assert first.weights_named
    bare = Nested(0)
    bare.detector = None  # type: ignore[assignment]
    assert not wrap_user_model(bare).weights_named
