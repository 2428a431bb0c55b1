"""Attacks in a sweep: crafted once on the torch model, shown to it and to engines without gradients, and refereed."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackedFrame, AttackSpec, Threat, attack_frames
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.sweep import changes
from calico_eval.sweep.plan import make_plan
from calico_eval.sweep.run import run_sweep

FRAMES = (0, 3)
CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=3)
LIDAR = AttackSpec("pgd", Threat(range_m=0.3), steps=3)
NOISE = AttackSpec("noise", Threat(range_m=0.3))


@pytest.fixture
def cluster(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


def test_attacks_are_crafted_once_and_shown_to_every_engine(
    small_engine: TorchEngine,
    cluster: UserEngine,
    street: FrameSource,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    crafted: list[tuple[str, str, str]] = []

    def counted(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[AttackedFrame]:
        crafted.extend((spec.name, spec.sensor, frame.token) for frame in frames)
        return attack_frames(engine, frames, spec, seed)

    monkeypatch.setattr(changes, "attack_frames", counted)
    engines = [cluster, small_engine]
    plan = make_plan(
        engines,
        street,
        ranges=class_ranges(16.0),
        corruptions=("point_drop",),
        severities=(5,),
        attacks=(CAMERA, LIDAR, NOISE),
        attack_only=("small/torch-cpu",),
        indices=FRAMES,
    )
    results = run_sweep(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    assert len(crafted) == len(set(crafted)) == 3 * len(FRAMES)
    cells = {(cell.condition.name, cell.model): cell for cell in results.cells}
    assert set(cells) == {
        (name, model)
        for name in ("clean", "point_drop", "camera_pgd", "lidar_pgd", "lidar_noise")
        for model in ("cluster", "small")
    } - {("point_drop", "small")}

    clean, attacked = cells["clean", "small"].metrics["mAP"], cells["lidar_pgd", "small"].metrics["mAP"]
    assert (clean.value or 0) > 0.05
    assert (attacked.value or 0) < (clean.value or 0)
    assert cells["camera_pgd", "cluster"].metrics == cells["clean", "cluster"].metrics, "it looks at LiDAR only"
    budget = cells["camera_pgd", "small"].budget
    assert budget is not None
    assert budget.passed
    assert budget.measured["camera_levels"] == 8
    assert budget.measured["range_m"] == 0
    lidar = cells["lidar_pgd", "cluster"].budget
    assert lidar is not None
    assert 0.1 < float(lidar.measured["range_m"] or 0) <= 0.3
    details = cells["lidar_pgd", "cluster"].details
    assert details["crafted_on"] == "small/torch-cpu"
    assert float(details["loss_attacked"] or 0) > float(details["loss_clean"] or 0)
    assert int(details["backwards"] or 0) == 3 * len(FRAMES)
    assert details["frames_not_attacked"] == 0
    control = cells["lidar_noise", "small"]
    assert control.budget is not None
    assert 0.29 < float(control.budget.measured["range_m"] or 0) <= 0.3
    assert control.details["frames_not_attacked"] == 0, "noise raises nothing, but it did attack"


def test_the_deployed_form_is_attacked_through_its_own_weights(
    small_engine: TorchEngine, cluster: UserEngine, street: FrameSource
) -> None:
    """An engine without gradients follows the torch engine of its own model name, wherever that stands in the list."""
    other = TorchEngine(small_engine.model, small_engine.config, "cpu", model_name="other")
    deployed = UserEngine(cluster, "small", ("lidar",), "abc")
    plan = make_plan([deployed, other, small_engine, cluster], street, ranges=class_ranges(), attacks=(LIDAR,))
    crafted = {job.engine: job.crafted_on for job in plan.jobs if job.condition.kind == "attack"}
    assert crafted == {
        "small/user": "small/torch-cpu",
        "other/torch-cpu": "other/torch-cpu",
        "small/torch-cpu": "small/torch-cpu",
        "cluster/user": "other/torch-cpu",
    }


def test_over_budget_is_an_error_and_no_score(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def greedy(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[AttackedFrame]:
        more = dataclasses.replace(spec.threat, camera_levels=spec.threat.camera_levels + 1)
        return attack_frames(engine, frames, dataclasses.replace(spec, threat=more), seed)

    monkeypatch.setattr(changes, "attack_frames", greedy)
    plan = make_plan([small_engine], street, ranges=class_ranges(16.0), attacks=(CAMERA,), indices=FRAMES)
    with pytest.raises(
        CalicoError, match=r"attack camera_pgd 8/255 went over budget on frame street0-0: view \d changed by 9"
    ):
        run_sweep(plan, [small_engine], street, tmp_path / "run", title="t")
    assert len(list((tmp_path / "run" / "cells").iterdir())) == 1


def test_an_attack_that_changes_nothing_is_an_error(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def idle(engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int) -> list[AttackedFrame]:
        done = attack_frames(engine, frames, spec, seed)
        return [dataclasses.replace(one, frame=frame) for one, frame in zip(done, frames, strict=True)]

    monkeypatch.setattr(changes, "attack_frames", idle)
    plan = make_plan([small_engine], street, ranges=class_ranges(16.0), attacks=(LIDAR,), indices=FRAMES)
    with pytest.raises(CalicoError, match=r"condition lidar_pgd 0\.3 m: changed the lidar data of none of 2 frames"):
        run_sweep(plan, [small_engine], street, tmp_path / "run", title="t")


def test_resuming_an_attack_gives_the_same_bytes_and_pictures(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    plan = make_plan([small_engine], street, ranges=class_ranges(16.0), attacks=(LIDAR,), indices=FRAMES)
    out = tmp_path / "run"
    results = run_sweep(plan, [small_engine], street, out, title="t")
    assert [picture.condition.name for picture in results.pictures] == ["clean", "lidar_pgd"] * 2
    before = (out / "results.json").read_bytes(), [(out / p.path).read_bytes() for p in results.pictures]
    (out / "cells" / f"{plan.jobs[1].id}.json").unlink()
    run_sweep(plan, [small_engine], street, out, title="t", resume=True)
    assert before == ((out / "results.json").read_bytes(), [(out / p.path).read_bytes() for p in results.pictures])


def test_a_sensor_that_the_model_does_not_have_cannot_be_attacked(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    model = small_engine.config.model.model_copy(update={"camera": None})
    blind = TorchEngine(small_engine.model, small_engine.config.model_copy(update={"model": model}), "cpu")
    with pytest.raises(CalicoError, match="model small has no camera branch to attack; it has lidar"):
        make_plan([blind], street, ranges=class_ranges(), attacks=(CAMERA,))


def test_zero_budget_is_the_clean_result(small_engine: TorchEngine, street: FrameSource, tmp_path: Path) -> None:
    nothing = dataclasses.replace(CAMERA, threat=Threat())
    plan = make_plan([small_engine], street, ranges=class_ranges(16.0), attacks=(nothing,), indices=FRAMES)
    results = run_sweep(plan, [small_engine], street, tmp_path / "run", title="t", pictures=False)
    values = [np.array([m.value for m in cell.metrics.values() if m.value is not None]) for cell in results.cells]
    assert np.array_equal(*values)
