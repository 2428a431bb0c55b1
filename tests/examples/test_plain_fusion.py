"""A camera-LiDAR network in plain torch, attacked through its own loss like our own network."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from calico.config.presets import make_tiny
from calico.data.batch import collate_frames
from calico.data.open import open_source
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackSpec, Threat, attack_frames, check_budget
from calico_eval.attacks.sanity import Checklist, active_checks
from calico_eval.attacks.sanity.gradients import check_gradients_agree, check_gradients_arrive
from calico_eval.engines.base import MODEL_LOSS
from calico_eval.engines.load_user import wrap_user_model
from calico_eval.engines.user_white_box import UserWhiteBox
from calico_eval.metrics.detected_objects import detect_any
from reports.schema import SanityCheck

pytest.importorskip("trimesh", reason="the simulator needs the extra 'sim'")
from examples.plain_fusion import Network, PlainFusion, create

EXAMPLE = Path(__file__).parents[2] / "examples" / "plain_fusion.py"
CHECKLIST = Checklist("plain_fusion", "user")
CAMERA, LIDAR = Threat(camera_levels=8), Threat(range_m=0.2)
ADDED = Threat(points_added=100, points_removed=100)


@pytest.fixture(scope="module")
def frames() -> list[Frame]:
    """Of the simulator's validation scenes, which the network was not trained on."""
    source = open_source(make_tiny(), "val")
    return [source[3], source[23]]


@pytest.fixture(scope="module")
def engine() -> UserWhiteBox:
    return engine_of(create())


def engine_of(model: PlainFusion) -> UserWhiteBox:
    engine = wrap_user_model(model)
    assert isinstance(engine, UserWhiteBox)
    return engine


def losses(engine: UserWhiteBox, clean: list[Frame], frames: list[Frame]) -> np.ndarray:
    """The example's own loss on frames, of the clean frames' objects, without any attack code."""
    batch, truth = collate_frames(frames), collate_frames(clean)
    labelled = replace(batch, boxes=truth.boxes, labels=truth.labels)
    with torch.no_grad():
        found: np.ndarray = engine._model.loss(labelled).numpy()
    return found


def detected(engine: UserWhiteBox, clean: list[Frame], frames: list[Frame]) -> int:
    answers = engine.predict(frames)
    return sum(int(detect_any(c, a).sum()) for c, a in zip(clean, answers, strict=True))


def test_the_example_imports_nothing_of_ours() -> None:
    imported = set()
    for node in ast.walk(ast.parse(EXAMPLE.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add(str(node.module).partition(".")[0])
    assert imported == {
        "__future__", "collections", "numpy", "pathlib", "safetensors", "torch", "types", "typing"
    }  # fmt: skip


def test_it_detects_objects_that_attacks_can_hide(
    engine: UserWhiteBox, frames: list[Frame]
) -> None:
    clean = detected(engine, frames, frames)
    assert clean >= 8
    spec = AttackSpec("pgd", replace(CAMERA, range_m=0.2), MODEL_LOSS, steps=10)
    attacked = [one.frame for one in attack_frames(engine, frames, spec, 0)]
    assert detected(engine, frames, attacked) <= clean / 2


@pytest.mark.parametrize(
    ("name", "threat", "control"),
    [
        ("pgd", CAMERA, "noise"),
        ("pgd", Threat(camera_rms=4.0), "noise"),
        ("pgd", LIDAR, "noise"),
        ("pgd", Threat(axis_m=0.1, intensity=0.1), "noise"),
        ("pgd", replace(CAMERA, range_m=0.2), "noise"),
        ("apgd", CAMERA, "noise"),
        ("apgd_decay", LIDAR, "noise"),
        ("fgsm", CAMERA, "noise"),
        ("mifgsm", CAMERA, "noise"),
        ("suite", LIDAR, "noise"),
        ("ta_pgd", CAMERA, "noise"),
        ("ta_apgd", LIDAR, "noise"),
        ("drop", Threat(removed_share=0.05), "random_drop"),
        ("inject", ADDED, "inject_random"),
        ("attach", ADDED, "inject_random"),
        ("patch_object", Threat(patch_share=0.1), "patch_object_random"),
        ("patch_world", Threat(patch_share=0.3), "patch_world_random"),
    ],
)
def test_every_gradient_attack_raises_the_loss_more_than_its_control(
    engine: UserWhiteBox, frames: list[Frame], name: str, threat: Threat, control: str
) -> None:
    patch = name.startswith("patch")  # learnt under random light and bends, not for one rendering
    spec = AttackSpec(name, threat, MODEL_LOSS, steps=12 if patch else 4)
    results = attack_frames(engine, frames, spec, 0)
    random = attack_frames(engine, frames, replace(spec, name=control), 0)
    clean = losses(engine, frames, frames)
    rise = losses(engine, frames, [one.frame for one in results]) - clean
    noise = losses(engine, frames, [one.frame for one in random]) - clean
    assert rise.min() > 0 or patch
    assert rise.sum() > max(noise.sum(), 0.0)
    for one, before, loss in zip(results, frames, clean + rise, strict=True):
        passed, message = check_budget(threat, one.budget)
        assert passed, message
        assert one.details.objective == MODEL_LOSS
        assert one.details.loss_attacked == pytest.approx(float(loss), abs=1e-2)
        assert (one.budget.points_changed > 0) == bool(threat.range_m or threat.axis_m)
        assert one.frame.token == before.token


@pytest.mark.parametrize(
    ("name", "threat"),
    [
        ("universal", Threat(camera_levels=8)),
        ("universal", Threat(range_m=0.2)),
        ("patch_world_universal", Threat(patch_share=0.3)),
    ],
)
def test_what_is_learnt_on_one_scene_raises_its_mean_loss(
    engine: UserWhiteBox, frames: list[Frame], name: str, threat: Threat
) -> None:
    fit = ALGORITHMS[name].fit
    assert fit is not None
    spec = AttackSpec(name, threat, MODEL_LOSS, steps=4)
    learnt = fit(engine, frames[:1], spec, 0)
    assert learnt.loss_end > learnt.loss_start
    other = attack_frames(engine, frames[1:], spec, 0, learnt)[0]
    assert check_budget(threat, other.budget)[0]


@pytest.mark.parametrize("name", ["drop", "inject"])
def test_point_attacks_do_without_point_weights(
    engine: UserWhiteBox, frames: list[Frame], name: str
) -> None:
    model = copy.copy(engine._model)
    model.weighs_points = False
    threat = Threat(removed_share=0.05) if name == "drop" else ADDED
    spec = AttackSpec(name, threat, MODEL_LOSS, steps=4)
    result = attack_frames(engine_of(model), frames[:1], spec, 0)[0]
    control = replace(spec, name="random_drop" if name == "drop" else "inject_random")
    random = attack_frames(engine, frames[:1], control, 0)[0]
    clean, attacked, noise = (
        losses(engine, frames[:1], [one])[0] for one in (frames[0], result.frame, random.frame)
    )
    assert attacked > max(clean, noise)


def checked(engine: UserWhiteBox, frames: list[Frame]) -> dict[str, SanityCheck]:
    specs = [AttackSpec("pgd", one, MODEL_LOSS, steps=6) for one in (CAMERA, LIDAR)]
    groups = active_checks(engine, frames, specs, 0, engine.sha256)
    return {check.id: check for make in groups.values() for check in make()}


@pytest.mark.slow
def test_the_sanity_checks_pass_on_it(engine: UserWhiteBox, frames: list[Frame]) -> None:
    checks = checked(engine, frames)
    verdicts = {name: check.verdict for name, check in checks.items()}
    assert verdicts.pop("S13") == "NOT RUN"
    assert "this model shows none" in checks["S13"].message
    assert set(verdicts) == {"S1", "S2", "S3", "S4", "S5", "S7", "S8", "S10", "S12", "S14", "S16"}
    assert "FAIL" not in verdicts.values(), {n: c.message for n, c in checks.items()}
    for name in ("S1", "S7", "S8", "S10", "S14"):
        assert verdicts[name] == "PASS", checks[name].message


class CutCamera(Network):
    def look_at_images(self, batch: Any) -> Tensor:
        return super().look_at_images(batch).detach()


class CutPoints(Network):
    def look_at_points(self, batch: Any) -> Tensor:
        return super().look_at_points(SimpleNamespace(**{
            **vars(batch), "points": batch.points.detach()
        }))  # fmt: skip


def cut(kind: Callable[[], nn.Module]) -> UserWhiteBox:
    net = kind()
    net.load_state_dict(create().net.state_dict())
    assert isinstance(net, Network)
    return engine_of(PlainFusion(net))


@pytest.mark.parametrize(
    ("kind", "dead", "wrong"),
    [(CutCamera, "view 0, view 1", "images"), (CutPoints, "points", "points")],
)
def test_a_detach_in_a_branch_is_found(
    frames: list[Frame], kind: Callable[[], nn.Module], dead: str, wrong: str
) -> None:
    faulty = cut(kind)
    arrive = check_gradients_arrive(CHECKLIST, faulty, frames, MODEL_LOSS)
    assert arrive.verdict == "FAIL"
    assert dead in arrive.message
    agree = check_gradients_agree(CHECKLIST, faulty, frames[:1], MODEL_LOSS, 0)
    assert agree.verdict == "FAIL"
    assert agree.measured[f"{wrong}_cosine_median"] == 0.0
    assert wrong in agree.message
