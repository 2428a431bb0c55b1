"""Attacks on the real network: budgets hold exactly, the loss rises, nothing else changes, seeds decide everything."""

import copy
import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.config.schema import Config
from calico.data.batch import collate
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.models.calico import build_model
from calico_eval.attacks import AttackSpec, attack_frame, check_budget
from calico_eval.attacks.domain import PixelDomain
from calico_eval.attacks.forward import DetectionForward, white_box
from calico_eval.attacks.objectives import KAPPA, hide, hide_targets
from calico_eval.attacks.torchattacks_adapter import LossModel, run_pgd
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine

CAMERA = AttackSpec("pgd", "camera", 4, steps=4)
RAY = AttackSpec("pgd", "lidar", 0.2, steps=4)
BOX = replace(RAY, geometry="box")


def with_two_sweeps(frame: Frame) -> Frame:
    """Every second point belongs to a sweep that the sensor took 4 m further back and 1 m to the left."""
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, :2, 3] = (-4.0, 1.0)
    return frame.replace(sweep_T=sweep_T, sweep_index=(np.arange(len(frame.points)) % 2).astype(np.int16))


def fingerprint(frame: Frame) -> str:
    digest = hashlib.sha256()
    arrays = (*frame.images, frame.points, frame.ring, frame.sweep_index, frame.camera_K, frame.camera_T_lidar,
              frame.boxes.boxes, frame.boxes.labels, frame.sweep_T)  # fmt: skip
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


@pytest.mark.parametrize("eps", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("name", ["pgd", "noise"])
def test_images_stay_within_eps_in_integers(fused: TorchEngine, street_frame: Frame, name: str, eps: int) -> None:
    spec = replace(CAMERA, name=name, eps=eps, steps=2)
    result = attack_frame(fused, street_frame, spec, 0)
    assert check_budget(spec, result.budget)[0]
    for before, after in zip(street_frame.images, result.frame.images, strict=True):
        assert after.dtype == np.uint8
        assert np.abs(after.astype(int) - before.astype(int)).max() == eps
    assert result.frame.points is street_frame.points


@pytest.mark.parametrize("eps", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("name", ["pgd", "noise"])
def test_points_stay_on_their_sweeps_ray_and_within_eps(
    fused: TorchEngine, street_frame: Frame, name: str, eps: float
) -> None:
    frame = with_two_sweeps(street_frame)
    spec = replace(RAY, name=name, eps=eps, steps=2)
    result = attack_frame(fused, frame, spec, 0)
    assert check_budget(spec, result.budget)[0]
    origin = np.where((frame.sweep_index == 1)[:, None], [-4.0, 1.0, 0.0], 0.0)
    old, new = (points[:, :3].astype(np.float64) - origin for points in (frame.points, result.frame.points))
    old_range, new_range = np.linalg.norm(old, axis=1), np.linalg.norm(new, axis=1)
    moved = np.abs(new_range - old_range)
    assert 0.99 * eps < moved.max() <= eps
    off_ray = np.linalg.norm(new - old * (new_range / old_range)[:, None], axis=1)
    assert np.degrees(off_ray / new_range).max() < 1e-3
    assert np.array_equal(frame.points[:, 3:], result.frame.points[:, 3:])
    assert all(a is b for a, b in zip(frame.images, result.frame.images, strict=True))


@pytest.mark.parametrize("eps", [0.01, 0.5])
def test_points_stay_in_their_box(fused: TorchEngine, street_frame: Frame, eps: float) -> None:
    spec = replace(BOX, eps=eps, steps=2)
    result = attack_frame(fused, street_frame, spec, 0)
    assert check_budget(spec, result.budget)[0]
    change = np.abs(result.frame.points.astype(np.float64) - street_frame.points.astype(np.float64))
    assert (change[:, :3].max(axis=0) <= eps).all()
    assert (change[:, :3].max(axis=0) > 0.99 * eps).all()
    assert not change[:, 3:].any()


def test_no_point_comes_closer_than_r_min_and_closer_ones_stay(fused: TorchEngine, street_frame: Frame) -> None:
    points = street_frame.points.copy()
    points[:4, :3] = [[1.02, 0, 0], [0, 1.3, 0], [0.5, 0.5, 0], [0, 0, 0]]
    frame = street_frame.replace(points=points)
    spec = replace(RAY, name="noise", eps=0.5)
    lowest = []
    for seed in range(6):
        result = attack_frame(fused, frame, spec, seed)
        assert check_budget(spec, result.budget)[0]
        ranges = np.linalg.norm(result.frame.points[:4, :3].astype(np.float64), axis=1)
        assert (ranges[:2] >= 1.0).all()
        assert np.array_equal(result.frame.points[2:4], points[2:4])
        lowest.append(ranges[:2].min())
    assert min(lowest) < 1.001


@pytest.mark.parametrize("spec", [CAMERA, RAY, BOX, replace(CAMERA, objective="det"), replace(RAY, objective="create")])
def test_pgd_raises_the_loss_more_than_noise_does(fused: TorchEngine, street_frame: Frame, spec: AttackSpec) -> None:
    spec = replace(spec, steps=8)
    pgd = attack_frame(fused, street_frame, spec, 0).details
    noise = [attack_frame(fused, street_frame, replace(spec, name="noise"), seed).details for seed in range(3)]
    assert pgd.loss_attacked is not None
    assert pgd.loss_clean is not None
    assert pgd.loss_attacked > pgd.loss_clean
    for control in noise:
        assert control.loss_attacked is not None
        assert control.loss_clean == pgd.loss_clean
        assert pgd.loss_attacked > control.loss_attacked


def test_damage_grows_with_eps(fused: TorchEngine, street_frame: Frame) -> None:
    losses = [
        attack_frame(fused, street_frame, replace(CAMERA, eps=eps), 0).details.loss_attacked for eps in (1, 4, 16)
    ]
    assert losses[0] is not None
    assert losses == sorted(losses)


def test_an_unbounded_attack_on_the_only_sensor_hides_every_object(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    """What can be found is found (S3), on a model whose only sensor is attacked."""
    spec = AttackSpec("pgd", "camera", 255, steps=30)
    before = camera_only.predict([street_frame])[0].scores
    attacked = attack_frame(camera_only, street_frame, spec, 0)
    after = camera_only.predict([attacked.frame])[0]
    seen = street_frame.boxes.select(street_frame.boxes.num_points > 0)
    objects = len(hide_targets(seen.boxes[:, :2], seen.labels, camera_only.config))
    assert attacked.details.loss_attacked is not None
    assert attacked.details.loss_attacked > 0.5 * KAPPA * objects  # the mean of the objects' best scores is below 0.05
    near = np.linalg.norm(after.boxes[:, None, :2] - street_frame.boxes.boxes[None, :, :2], axis=-1) < 1.0
    same = after.labels[:, None] == street_frame.boxes.labels[None]
    assert (before > 0.3).sum() >= 2
    assert after.scores[(near & same).any(axis=1)].max(initial=0.0) < 0.1


@pytest.mark.parametrize("spec", [CAMERA, RAY, replace(CAMERA, name="noise"), replace(RAY, name="noise")])
def test_the_seed_decides_and_nothing_else_changes(fused: TorchEngine, street_frame: Frame, spec: AttackSpec) -> None:
    weights, clean = _hash_of(fused.model), fingerprint(street_frame)
    states = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()  # noqa: NPY002
    before = torch.are_deterministic_algorithms_enabled()
    first = attack_frame(fused, street_frame, spec, 0)
    torch.rand(3)
    again, other = attack_frame(fused, street_frame, spec, 0), attack_frame(fused, street_frame, spec, 1)
    assert fingerprint(first.frame) == fingerprint(again.frame) != fingerprint(other.frame)
    assert first.details == again.details
    assert fingerprint(street_frame) == clean
    assert _hash_of(fused.model) == weights
    assert not any(module.training for module in fused.model.modules())
    assert all(p.requires_grad and p.grad is None for p in fused.model.parameters())
    assert torch.are_deterministic_algorithms_enabled() == before
    torch.set_rng_state(states[0])
    attack_frame(fused, street_frame, spec, 0)
    assert torch.equal(torch.get_rng_state(), states[0])
    assert np.array_equal(np.random.get_state()[1], states[1])  # noqa: NPY002
    assert random.getstate() == states[2]


def test_the_model_is_put_back_when_the_attack_fails(fused: TorchEngine) -> None:
    def fail_inside() -> None:
        with white_box(fused):
            assert not any(p.requires_grad for p in fused.model.parameters())
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert all(p.requires_grad for p in fused.model.parameters())


def test_another_token_gets_another_random_start(fused: TorchEngine, street_frame: Frame) -> None:
    spec = replace(CAMERA, name="noise")
    one = attack_frame(fused, street_frame, spec, 0).frame
    two = attack_frame(fused, street_frame.replace(token="other"), spec, 0).frame
    assert not np.array_equal(one.images[0], two.images[0])


def test_torchattacks_equals_native_pgd_on_the_real_model(fused: TorchEngine, street_frame: Frame) -> None:
    """Madry et al. 2018, equation 2, with the model's plain forward pass and no code of ours but the objective."""
    spec = replace(CAMERA, random_start=False)
    base = collate([street_frame])
    clean = base.images
    x = clean.clone()
    with white_box(fused):
        for _ in range(spec.steps):
            x = x.detach().requires_grad_(True)
            batch = replace(base, images=x)
            (gradient,) = torch.autograd.grad(hide(fused.model(batch), batch, fused.config), x)
            x = x.detach() + spec.step / 255 * gradient.sign()
            x = (clean + (x - clean).clamp(-spec.eps / 255, spec.eps / 255)).clamp(0, 1)
        domain = PixelDomain(street_frame, spec, fused.device)
        forward = DetectionForward(fused.model, base, "camera")

        def loss(u: Tensor) -> Tensor:
            return hide(forward(domain.batch(u)), base, fused.config)

        theirs = run_pgd(LossModel(fused.model, loss), domain.clean, domain.eps, domain.step, spec.steps, False, 0)
    torch.testing.assert_close(theirs.reshape(x.shape), x, atol=1e-6, rtol=0)
    assert (x - clean).abs().max() > 0.9 * spec.eps / 255


@pytest.mark.parametrize("attacked", ["camera", "lidar"])
def test_the_cheap_forward_pass_equals_the_models(fused: TorchEngine, street_frame: Frame, attacked: str) -> None:
    batch = collate([street_frame])
    change = {"images": batch.images * 0.5} if attacked == "camera" else {"points": batch.points * 0.9}
    changed = replace(batch, **change)  # type: ignore[arg-type]
    with torch.no_grad():
        ours = DetectionForward(fused.model, batch, attacked)(changed)  # type: ignore[arg-type]
        expected = fused.model(changed)
    for mine, theirs in zip(ours.tasks, expected.tasks, strict=True):
        assert torch.equal(mine.heatmap, theirs.heatmap)
        assert torch.equal(mine.offset, theirs.offset)


def test_details_count_what_really_ran(fused: TorchEngine, street_frame: Frame) -> None:
    calls = []
    handle = fused.model.backbone.register_forward_hook(lambda *_: calls.append(1))
    details = attack_frame(fused, street_frame, CAMERA, 0).details
    handle.remove()
    assert details.forwards == len(calls)
    assert details.backwards == CAMERA.steps == len(details.losses)
    assert len(details.gradient_share) == 6
    assert min(details.gradient_share) > 0.5
    assert (details.objective, details.note, details.dead_gradient, details.bad_gradients) == ("hide", "", False, 0)


def test_points_that_change_their_pillar_are_counted(fused: TorchEngine, street_frame: Frame) -> None:
    result = attack_frame(fused, street_frame, replace(RAY, eps=0.5), 0)

    def cells(frame: Frame) -> np.ndarray:
        index = np.floor(frame.points[:, :2].astype(np.float64) + 16).astype(int)
        return np.where(((index >= 0) & (index < 32)).all(axis=1), index[:, 1] * 32 + index[:, 0], -1)

    expected = int((cells(street_frame) != cells(result.frame)).sum())
    assert result.details.cell_crossings is not None
    assert abs(result.details.cell_crossings - expected) <= 2  # points exactly on a border: the model rounds in float32
    assert expected > 100


@pytest.mark.parametrize(
    ("spec", "change", "reason"),
    [
        (replace(CAMERA, eps=0), lambda frame: frame, "eps is 0"),
        (replace(RAY, eps=0), lambda frame: frame, "eps is 0"),
        (RAY, lambda frame: _without_points(frame), "no points"),
        (CAMERA, lambda frame: _without_images(frame), "no images"),
    ],
)
def test_nothing_to_attack_gives_the_clean_frame_and_a_reason(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec, change: Callable[[Frame], Frame], reason: str
) -> None:
    frame = change(street_frame)
    result = attack_frame(fused, frame, spec, 0)
    assert fingerprint(result.frame) == fingerprint(frame)
    assert reason in result.details.note
    assert (result.details.objective, result.details.loss_attacked, result.details.forwards) == (None, None, 0)
    assert check_budget(spec, result.budget)[0]


@pytest.mark.parametrize("spec", [CAMERA, RAY])
def test_a_frame_without_objects_is_attacked_with_false_alarms(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec
) -> None:
    result = attack_frame(fused, street_frame.replace(boxes=Boxes.empty()), spec, 0)
    assert result.details.objective == "create"
    assert "instead of 'hide'" in result.details.note
    assert result.details.loss_attacked is not None
    assert result.details.loss_clean is not None
    assert result.details.loss_attacked > result.details.loss_clean


def test_an_attack_on_objects_that_are_all_hidden_stops_at_once(fused: TorchEngine, street_frame: Frame) -> None:
    model = copy.deepcopy(fused.model)
    assert model.center is not None
    with torch.no_grad():
        for layer in model.center.heatmaps:
            layer.bias.fill_(-50.0)
    details = attack_frame(TorchEngine(model, fused.config, "cpu"), street_frame, CAMERA, 0).details
    assert details.dead_gradient
    assert details.backwards == 1
    assert details.loss_clean == details.loss_attacked == KAPPA * round((details.loss_clean or 0.0) / KAPPA) > 0


def test_views_of_different_sizes(fused: TorchEngine, street_frame: Frame) -> None:
    """The smaller view is padded for the model; its padding is not part of the sensor and is not attacked."""
    images = (street_frame.images[0][:24, :50].copy(), *street_frame.images[1:])
    frame = street_frame.replace(images=images)
    result = attack_frame(fused, frame, CAMERA, 0)
    assert [image.shape for image in result.frame.images] == [image.shape for image in images]
    assert result.budget.camera_levels == (4,) * 6
    domain = PixelDomain(frame, CAMERA, fused.device)
    padded = domain.batch(torch.ones_like(domain.clean)).images
    assert not padded[0, 0, :, 24:].any()
    assert not padded[0, 0, :, :, 50:].any()
    assert padded[0, 0, :, :24, :50].all()


def test_attacks_refuse_models_they_cannot_attack(street_frame: Frame, mini_config: Callable[..., Config]) -> None:
    lidar_config, camera_config = mini_config(camera=False), mini_config(lidar=False)
    lidar_only = TorchEngine(build_model(lidar_config, 0), lidar_config, "cpu", "scanner")
    camera_only = TorchEngine(build_model(camera_config, 0), camera_config, "cpu", "viewer")
    with pytest.raises(CalicoError, match="sensor is 'camera', but model scanner only looks at lidar"):
        attack_frame(lidar_only, street_frame, CAMERA, 0)
    with pytest.raises(CalicoError, match="sensor is 'lidar', but model viewer only looks at camera"):
        attack_frame(camera_only, street_frame, RAY, 0)
    users = UserEngine(object(), "mine", ("camera", "lidar"), "0")
    with pytest.raises(CalicoError, match="engine user gives no gradients; expected the torch engine"):
        attack_frame(users, street_frame, CAMERA, 0)


def _without_points(frame: Frame) -> Frame:
    none = np.zeros(0, np.int16)
    return frame.replace(points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none)


def _without_images(frame: Frame) -> Frame:
    return frame.replace(images=(), camera_K=np.zeros((0, 3, 3)), camera_T_lidar=np.zeros((0, 4, 4)),
                         camera_time_s=np.zeros(0))  # fmt: skip


def _hash_of(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.detach().numpy().tobytes())
    return digest.hexdigest()
