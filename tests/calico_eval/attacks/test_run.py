"""Attacks on the real network: budgets hold exactly, nothing else changes, the seed and the frame
decide everything."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from calico.config.schema import Config
from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.models.calico import build_model
from calico_eval.attacks import (
    AttackSpec,
    Threat,
    attack_frame,
    attack_frames,
    check_budget,
    measure_budget,
)
from calico_eval.attacks import run as attack
from calico_eval.attacks.catalogue import ALGORITHMS
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine

CAMERA = AttackSpec("pgd", Threat(camera_levels=4), steps=4)
RMS = AttackSpec("pgd", Threat(camera_rms=2.0), steps=4)
RAY = AttackSpec("pgd", Threat(range_m=0.2), steps=4)
BOX = AttackSpec("pgd", Threat(axis_m=0.2), steps=4)
INTENSITY = AttackSpec("pgd", Threat(intensity=0.2), steps=4)
JOINT = AttackSpec("pgd", Threat(camera_levels=2, range_m=0.1, intensity=0.1), steps=4)
ALL = [CAMERA, RMS, RAY, BOX, INTENSITY, JOINT]


def words(spec: AttackSpec) -> str:
    return f"{spec.name} {spec.threat} {spec.objective}"


def with_two_sweeps(frame: Frame) -> Frame:
    """Every second point belongs to a sweep that the sensor took 4 m further back and 1 m to the
    left."""
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, :2, 3] = (-4.0, 1.0)
    return frame.replace(
        sweep_T=sweep_T, sweep_index=(np.arange(len(frame.points)) % 2).astype(np.int16)
    )


def fingerprint(frame: Frame) -> str:
    digest = hashlib.sha256()
    arrays = (
        *frame.images,
        frame.points,
        frame.ring,
        frame.sweep_index,
        frame.camera_K,
        frame.camera_T_lidar,
        frame.boxes.boxes,
        frame.boxes.labels,
        frame.sweep_T,
    )
    for array in arrays:
        digest.update(array.tobytes())
    return digest.hexdigest()


def loss_of(engine: TorchEngine, frame: Frame, objective: str = "hide") -> float:
    """The objective on a frame through the model's plain forward pass."""
    batch = collate_frames([frame])
    with torch.no_grad():
        return float(OBJECTIVES[objective].loss(Scene(engine.model, batch), engine.model(batch))[0])


@pytest.mark.parametrize("levels", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("name", ["pgd", "noise"])
def test_images_stay_within_eps_in_integers(
    fused: TorchEngine, street_frame: Frame, name: str, levels: int
) -> None:
    spec = AttackSpec(name, Threat(camera_levels=levels), steps=2)
    result = attack_frame(fused, street_frame, spec, 0)
    assert check_budget(spec.threat, result.budget)[0]
    for before, after in zip(street_frame.images, result.frame.images, strict=True):
        assert after.dtype == np.uint8
        assert np.abs(after.astype(int) - before.astype(int)).max() == levels
    assert result.frame.points is street_frame.points


@pytest.mark.parametrize("metres", [0.01, 0.1, 0.5])
@pytest.mark.parametrize("name", ["pgd", "noise"])
def test_points_stay_on_their_sweeps_ray_and_within_eps(
    fused: TorchEngine, street_frame: Frame, name: str, metres: float
) -> None:
    frame = with_two_sweeps(street_frame)
    spec = AttackSpec(name, Threat(range_m=metres), steps=2)
    result = attack_frame(fused, frame, spec, 0)
    assert check_budget(spec.threat, result.budget)[0]
    origin = np.where((frame.sweep_index == 1)[:, None], [-4.0, 1.0, 0.0], 0.0)
    old, new = (
        points[:, :3].astype(np.float64) - origin for points in (frame.points, result.frame.points)
    )
    old_range, new_range = np.linalg.norm(old, axis=1), np.linalg.norm(new, axis=1)
    moved = np.abs(new_range - old_range)
    assert 0.99 * metres < moved.max() <= metres
    off_ray = np.linalg.norm(new - old * (new_range / old_range)[:, None], axis=1)
    assert np.degrees(off_ray / new_range).max() < 1e-3
    assert np.array_equal(frame.points[:, 3:], result.frame.points[:, 3:])
    assert all(a is b for a, b in zip(frame.images, result.frame.images, strict=True))


@pytest.mark.parametrize("metres", [0.01, 0.5])
def test_points_stay_in_their_box(fused: TorchEngine, street_frame: Frame, metres: float) -> None:
    spec = AttackSpec("pgd", Threat(axis_m=metres), steps=2)
    result = attack_frame(fused, street_frame, spec, 0)
    assert check_budget(spec.threat, result.budget)[0]
    change = np.abs(result.frame.points.astype(np.float64) - street_frame.points.astype(np.float64))
    assert (change[:, :3].max(axis=0) <= metres).all()
    assert (change[:, :3].max(axis=0) > 0.99 * metres).all()
    assert not change[:, 3:].any()


@pytest.mark.parametrize("name", ["fgsm", "pgd", "mifgsm", "apgd", "apgd_decay", "noise"])
@pytest.mark.parametrize("spec", [RMS, INTENSITY, JOINT], ids=words)
def test_other_budgets_hold_and_are_used(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec, name: str
) -> None:
    """Measured here, not by the budget check: L2 over all pixels, the intensity column, all of a
    joint budget at once."""
    result = attack_frame(fused, street_frame, replace(spec, name=name), 0)
    pixels = np.concatenate(
        [
            (after.astype(float) - before.astype(float)).ravel()
            for before, after in zip(street_frame.images, result.frame.images, strict=True)
        ]
    )
    points = np.abs(result.frame.points.astype(np.float64) - street_frame.points.astype(np.float64))
    threat = spec.threat
    if threat.camera_rms:
        assert 0.95 * threat.camera_rms < np.sqrt((pixels**2).mean()) <= threat.camera_rms
    else:
        assert np.abs(pixels).max() == threat.camera_levels
    assert (points[:, 3].max() > 0.95 * threat.intensity) == (threat.intensity > 0)
    assert points[:, 3].max() <= threat.intensity
    assert np.linalg.norm(points[:, :3], axis=1).max() <= threat.range_m + 1e-5
    assert (points[:, :3].max() > 0.5 * threat.range_m) == (threat.range_m > 0)
    assert not points[:, 4].any()


@pytest.mark.parametrize(
    "spec", [*ALL, replace(CAMERA, objective="det"), replace(RAY, objective="create")], ids=words
)
def test_pgd_raises_the_loss_more_than_noise_does(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec
) -> None:
    spec = replace(spec, steps=8)
    pgd = attack_frame(fused, street_frame, spec, 0)
    assert pgd.details.loss_attacked is not None
    assert pgd.details.loss_clean is not None
    assert pgd.details.loss_clean == pytest.approx(
        loss_of(fused, street_frame, spec.objective), rel=1e-5
    )
    assert pgd.details.loss_attacked == pytest.approx(
        loss_of(fused, pgd.frame, spec.objective), rel=1e-5
    )
    assert pgd.details.loss_attacked > pgd.details.loss_clean
    for seed in range(3):
        control = attack_frame(fused, street_frame, replace(spec, name="noise"), seed)
        assert pgd.details.loss_attacked > loss_of(fused, control.frame, spec.objective)
        assert (
            control.details.objective,
            control.details.loss_attacked,
            control.details.forwards,
        ) == (None, None, 0)


def test_damage_grows_with_eps(fused: TorchEngine, street_frame: Frame) -> None:
    for threats in (
        [Threat(camera_levels=levels) for levels in (1, 4, 16)],
        [Threat(camera_rms=rms) for rms in (0.5, 2.0, 8.0)],
        [Threat(range_m=metres) for metres in (0.01, 0.1, 0.5)],
        [Threat(intensity=share) for share in (0.01, 0.1, 0.5)],
    ):
        losses = [
            attack_frame(fused, street_frame, replace(CAMERA, threat=t), 0).details.loss_attacked
            for t in threats
        ]
        assert losses[0] is not None
        assert losses == sorted(losses)


@pytest.mark.parametrize("spec", [*ALL, *(replace(spec, name="noise") for spec in ALL)], ids=words)
def test_the_seed_decides_and_nothing_else_changes(
    fused: TorchEngine, street_frame: Frame, spec: AttackSpec
) -> None:
    weights, clean = _hash_of(fused.model), fingerprint(street_frame)
    of_numpy = np.random.get_state()[1].copy()  # noqa: NPY002
    states = torch.get_rng_state(), of_numpy, random.getstate()
    before = torch.are_deterministic_algorithms_enabled()
    first = attack_frame(fused, street_frame, spec, 0)
    torch.rand(3)
    again, other = (
        attack_frame(fused, street_frame, spec, 0),
        attack_frame(fused, street_frame, spec, 1),
    )
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


def test_another_token_gets_another_random_start(fused: TorchEngine, street_frame: Frame) -> None:
    spec = replace(CAMERA, name="noise")
    one = attack_frame(fused, street_frame, spec, 0).frame
    two = attack_frame(fused, street_frame.replace(token="other"), spec, 0).frame
    assert not np.array_equal(one.images[0], two.images[0])


@pytest.mark.parametrize("spec", ALL, ids=words)
def test_a_frame_alone_and_in_a_batch_is_attacked_alike(
    fused: TorchEngine, street: FrameSource, spec: AttackSpec
) -> None:
    """Noise gives the same bytes. A gradient attack starts at the same place; from there on the
    model's convolutions round differently in batches of other sizes, so that a step along the sign
    of a gradient of almost zero may go the other way. Measured (6 threats, 2 seeds, 3 frames, PGD
    and APGD of 4 steps, CPU): no byte of 72 frames differs, losses do, by up to 5e-6."""
    frames = [
        street[1],
        street[4].replace(
            points=street[4].points[:1500],
            ring=street[4].ring[:1500],
            sweep_index=street[4].sweep_index[:1500],
        ),
        street[2],
    ]
    for name in ("noise", "pgd"):
        how = replace(spec, name=name)
        together = attack_frames(fused, frames, how, 0)
        for frame, one in zip(frames, together, strict=True):
            alone = attack_frame(fused, frame, how, 0)
            if name == "noise":
                assert fingerprint(one.frame) == fingerprint(alone.frame)
                assert (one.budget, one.details) == (alone.budget, alone.details)
                continue
            assert one.details.seed == alone.details.seed
            assert one.details.losses == pytest.approx(alone.details.losses, abs=1e-3)
            assert one.details.loss_clean == pytest.approx(alone.details.loss_clean, abs=1e-4)
            assert one.details.loss_attacked == pytest.approx(alone.details.loss_attacked, abs=1e-3)
            assert _share_that_differs(one.frame, alone.frame) < 1e-3


def _share_that_differs(one: Frame, other: Frame) -> float:
    pairs = [(one.points, other.points), *zip(one.images, other.images, strict=True)]
    return sum(int((a != b).sum()) for a, b in pairs) / sum(a.size for a, _ in pairs)


def test_order_is_kept_where_frames_differ_in_what_can_be_done(
    fused: TorchEngine, street: FrameSource
) -> None:
    """Nothing to attack, another objective, an ordinary frame: each gets its own result, in its own
    place."""
    frames = [
        _without_points(street[0]),
        street[1],
        street[2].replace(boxes=Boxes.empty()),
        street[4],
    ]
    done = attack_frames(fused, frames, RAY, 0)
    assert [one.frame.token for one in done] == [frame.token for frame in frames]
    assert [one.details.objective for one in done] == [None, "hide", "create", "hide"]
    for frame, one in zip(frames, done, strict=True):
        assert measure_budget(frame, one.frame) == one.budget


def test_points_that_change_their_pillar_are_counted(
    fused: TorchEngine, street_frame: Frame
) -> None:
    result = attack_frame(fused, street_frame, replace(RAY, threat=Threat(range_m=0.5)), 0)

    def cells(frame: Frame) -> np.ndarray:
        index = np.floor(frame.points[:, :2].astype(np.float64) + 16).astype(int)
        return np.where(
            ((index >= 0) & (index < 32)).all(axis=1), index[:, 1] * 32 + index[:, 0], -1
        )

    expected = int((cells(street_frame) != cells(result.frame)).sum())
    assert result.details.cell_crossings is not None
    assert (
        abs(result.details.cell_crossings - expected) <= 2
    )  # points exactly on a border: the model rounds in float32
    assert expected > 100
    assert attack_frame(fused, street_frame, CAMERA, 0).details.cell_crossings is None


@pytest.mark.parametrize(
    ("spec", "change", "reason"),
    [
        (replace(CAMERA, threat=Threat()), lambda frame: frame, "the threat allows nothing"),
        (
            replace(CAMERA, name="noise", threat=Threat()),
            lambda frame: frame,
            "the threat allows nothing",
        ),
        (RAY, lambda frame: _without_points(frame), "no points"),
        (CAMERA, lambda frame: _without_images(frame), "no images"),
        (JOINT, lambda frame: _without_images(_without_points(frame)), "no images and no points"),
    ],
)
def test_nothing_to_attack_gives_the_clean_frame_and_a_reason(
    fused: TorchEngine,
    street_frame: Frame,
    spec: AttackSpec,
    change: Callable[[Frame], Frame],
    reason: str,
) -> None:
    frame = change(street_frame)
    result = attack_frame(fused, frame, spec, 0)
    assert fingerprint(result.frame) == fingerprint(frame)
    assert reason in result.details.note
    assert (result.details.objective, result.details.loss_attacked, result.details.forwards) == (
        None,
        None,
        0,
    )
    assert check_budget(spec.threat, result.budget)[0]


@pytest.mark.parametrize("name", ["pgd", "noise"])
def test_a_joint_attack_on_a_frame_that_lacks_one_sensor_attacks_the_other(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    result = attack_frame(fused, _without_points(street_frame), replace(JOINT, name=name), 0)
    assert result.budget.camera_levels == (2,) * 6


def test_views_of_different_sizes(fused: TorchEngine, street_frame: Frame) -> None:
    """The smaller view is padded for the model; its padding is not part of the sensor and is not
    attacked."""
    images = (street_frame.images[0][:24, :50].copy(), *street_frame.images[1:])
    frame = street_frame.replace(images=images)
    result = attack_frame(fused, frame, CAMERA, 0)
    assert [image.shape for image in result.frame.images] == [image.shape for image in images]
    assert result.budget.camera_levels == (4,) * 6


def test_over_budget_is_an_error_and_no_result(
    fused: TorchEngine, street_frame: Frame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An attack that takes one level more than it may: the budget check says so, whatever the
    attack says."""
    honest = ALGORITHMS["pgd"]

    def greedy(engine: object, frames: list[Frame], spec: AttackSpec, seed: int) -> list[Crafted]:
        images = tuple(np.where(image > 127, image - 5, image + 5) for image in street_frame.images)
        return [Crafted(frame.replace(images=images), AttackDetails()) for frame in frames]

    dishonest = replace(honest, compute_attack=greedy)  # type: ignore[arg-type]
    monkeypatch.setitem(attack.ALGORITHMS, "pgd", dishonest)
    with pytest.raises(
        CalicoError,
        match=r"attack pgd \(4/255\) went over budget on frame street0-1: view 0 changed by 5 grey "
        r"levels",
    ):
        attack_frame(fused, street_frame, CAMERA, 0)


def test_attacks_refuse_models_they_cannot_attack(
    street_frame: Frame, mini_config: Callable[..., Config]
) -> None:
    lidar_config, camera_config = mini_config(camera=False), mini_config(lidar=False)
    lidar_only = TorchEngine(build_model(lidar_config, 0), lidar_config, "cpu", "scanner")
    camera_only = TorchEngine(build_model(camera_config, 0), camera_config, "cpu", "viewer")
    for spec in (CAMERA, JOINT):
        with pytest.raises(
            CalicoError, match="sensor is 'camera', but model scanner only looks at lidar"
        ):
            attack_frame(lidar_only, street_frame, spec, 0)
    with pytest.raises(
        CalicoError, match="sensor is 'lidar', but model viewer only looks at camera"
    ):
        attack_frame(camera_only, street_frame, RAY, 0)
    users = UserEngine(object(), "mine", ("camera", "lidar"), "0")
    with pytest.raises(
        CalicoError, match="engine user gives no gradients; expected a torch checkpoint or a model"
    ):
        attack_frame(users, street_frame, CAMERA, 0)
    assert (
        attack_frame(users, street_frame, replace(CAMERA, name="noise"), 0).budget.camera_levels
        == (4,) * 6
    )


def _without_points(frame: Frame) -> Frame:
    none = np.zeros(0, np.int16)
    return frame.replace(points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none)


def _without_images(frame: Frame) -> Frame:
    return frame.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )


def _hash_of(model: torch.nn.Module) -> str:
    digest = hashlib.sha256()
    for name, tensor in model.state_dict().items():
        digest.update(name.encode() + tensor.detach().numpy().tobytes())
    return digest.hexdigest()
