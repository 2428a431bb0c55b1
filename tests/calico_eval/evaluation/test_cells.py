"""Attacks in an evaluation: crafted once on the torch model, shown to it and to engines without
gradients, and refereed.
"""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackedFrame, AttackSpec, Threat, attack_frames
from calico_eval.attacks.budget.verify import verify_attacked
from calico_eval.attacks.catalogue import PHANTOMS
from calico_eval.attacks.success.counts import count_created, count_hidden
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation import applied_condition
from calico_eval.metrics.nuscenes import class_ranges
from reports.writers.run_folder import write_report
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 3)


CAMERA = AttackSpec("pgd", Threat(camera_levels=8), steps=3)


LIDAR = AttackSpec("pgd", Threat(range_m=0.3), steps=3)


NOISE = AttackSpec("noise", Threat(range_m=0.3))


def lidar_only(engine: TorchEngine, name: str) -> TorchEngine:
    """The engine as one that says it has no cameras."""
    model = engine.config.model.model_copy(update={"camera": None})
    return TorchEngine(
        engine.model, engine.config.model_copy(update={"model": model}), "cpu", model_name=name
    )


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

    def counted(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int, fitted: Fitted | None
    ) -> list[AttackedFrame]:
        crafted.extend((spec.name, spec.sensor, frame.token) for frame in frames)
        return attack_frames(engine, frames, spec, seed)

    monkeypatch.setattr(applied_condition, "attack_frames", counted)
    engines = [cluster, small_engine]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(16.0),
        corruptions=("point_drop",),
        severities=(5,),
        attacks=(CAMERA, LIDAR, NOISE),
        indices=FRAMES,
    )
    assert plan.notes == (
        "left out on cluster/user: attack camera_pgd 8/255: model cluster has no camera branch to "
        "attack; it has lidar",
    )
    results = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    assert len(crafted) == len(set(crafted)) == 3 * len(FRAMES)
    cells = {(cell.condition.name, cell.model): cell for cell in results.cells}
    assert set(cells) == {
        *(
            (name, model)
            for name in ("clean", "point_drop", "lidar_noise")
            for model in ("cluster", "small")
        ),
        ("camera_pgd", "small"),
        ("lidar_pgd", "small"),
        ("lidar_pgd_transfer", "cluster"),
    }

    clean, attacked = (
        cells["clean", "small"].metrics["mAP"],
        cells["lidar_pgd", "small"].metrics["mAP"],
    )
    assert (clean.value or 0) > 0.05
    assert (attacked.value or 0) < (clean.value or 0)
    budget = cells["camera_pgd", "small"].budget
    assert budget is not None
    assert budget.passed
    assert budget.measured["camera_levels"] == 8
    assert budget.measured["range_m"] == 0
    lidar = cells["lidar_pgd_transfer", "cluster"].budget
    assert lidar is not None
    assert 0.1 < float(lidar.measured["range_m"] or 0) <= 0.3
    details = cells["lidar_pgd_transfer", "cluster"].details
    assert details["crafted_on"] == "small/torch-cpu"
    assert float(details["loss_attacked"] or 0) > float(details["loss_clean"] or 0)
    assert int(details["backwards"] or 0) == 3 * len(FRAMES)
    assert details["frames_not_attacked"] == 0
    control = cells["lidar_noise", "small"]
    assert control.budget is not None
    assert 0.29 < float(control.budget.measured["range_m"] or 0) <= 0.3
    assert control.details["frames_not_attacked"] == 0, "noise raises nothing, but it did attack"
    assert not any("crafted_on" in cells["lidar_noise", m].details for m in ("small", "cluster")), (
        "it looks at no model"
    )


def test_an_attack_model_of_another_model_gives_transfer_cells(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Made once on the other model, shown to ours beside our own attack, under a name of its own;
    S6 compares the two."""
    crafted: list[tuple[str, str]] = []

    def counted(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int, fitted: Fitted | None
    ) -> list[AttackedFrame]:
        crafted.extend((engine.model_name, frame.token) for frame in frames)
        return attack_frames(engine, frames, spec, seed)

    monkeypatch.setattr(applied_condition, "attack_frames", counted)
    weaker = copy.deepcopy(small_engine.model)
    with torch.no_grad():
        for parameter in weaker.parameters():
            parameter.mul_(1.05)
    engines = [small_engine, TorchEngine(weaker, small_engine.config, "cpu", model_name="other")]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(16.0),
        attacks=(CAMERA, NOISE),
        attack_only=("other/torch-cpu",),
        transfer_from=("other/torch-cpu",),
        indices=FRAMES,
    )
    results = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    cells = {(cell.condition.name, cell.model): cell for cell in results.cells}
    assert set(cells) == {
        *(
            (name, model)
            for name in ("clean", "camera_pgd", "lidar_noise")
            for model in ("small", "other")
        ),
        ("camera_pgd_transfer", "small"),
    }
    assert len(crafted) == len(set(crafted)) + len(FRAMES), (
        "camera_pgd once on each model, noise once on the first"
    )
    transfer, own = cells["camera_pgd_transfer", "small"], cells["camera_pgd", "small"]
    assert transfer.condition.parameters == own.condition.parameters | {
        "crafted_on": "other/torch-cpu"
    }
    assert transfer.details["crafted_on"] == "other/torch-cpu"
    assert (
        transfer.details["loss_attacked"] == cells["camera_pgd", "other"].details["loss_attacked"]
    )
    assert transfer.metrics["mAP"].value != own.metrics["mAP"].value
    s6 = {check.model: check for check in results.sanity if check.id == "S6"}
    assert s6["small"].measured["pairs"] == 1
    assert s6["other"].verdict == "NOT RUN"


def test_a_model_without_the_attacked_sensor_is_left_out_with_a_note(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    plan = plan_for(
        [lidar_only(small_engine, "blind"), small_engine],
        street,
        ranges=class_ranges(16.0),
        attacks=(CAMERA, LIDAR),
    )
    attacked = [(job.condition.name, job.engine) for job in plan.jobs if job.attack]
    assert attacked == [
        ("camera_pgd", "small/torch-cpu"),
        ("lidar_pgd", "blind/torch-cpu"),
        ("lidar_pgd", "small/torch-cpu"),
    ]
    assert plan.notes == (
        "left out on blind/torch-cpu: attack camera_pgd 8/255: model blind has no camera branch to "
        "attack; it has lidar",
    )


def test_a_spoofed_vehicle_counts_as_a_success_where_a_box_appears(
    street: FrameSource, tmp_path: Path
) -> None:
    """The model takes whatever is not in the clean cloud for a car: no object is hidden, and one is
    seen that is not there."""
    known = {row.tobytes() for index in FRAMES for row in street[index].points}

    class Gullible:
        def predict(self, frames: Sequence[Frame]) -> list[dict[str, object]]:
            answers = []
            for frame in frames:
                new = [row[:2] for row in frame.points if row.tobytes() not in known]
                boxes = [[*np.mean(new, axis=0), 0, 4, 2, 2, 0, 0, 0]] if new else []
                answers.append(
                    {"boxes": boxes, "scores": [0.9] * len(boxes), "labels": [0] * len(boxes)}
                )
            return answers

    engine = UserEngine(Gullible(), "gullible", ("lidar",), "0")
    attacks = tuple(AttackSpec(name, PHANTOMS[0], steps=2) for name in ("spoof", "spoof_random"))
    plan = plan_for([engine], street, ranges=class_ranges(16.0), attacks=attacks, indices=FRAMES)
    results = run_for(plan, [engine], street, tmp_path / "run", title="t", pictures=False)
    rates = {
        cell.condition.name: cell.metrics["ASR"]
        for cell in results.cells
        if cell.condition.kind == "attack"
    }
    assert rates["lidar_spoof"].n_objects == rates["lidar_spoof_random"].n_objects == len(FRAMES)
    assert rates["lidar_spoof"].value == 1.0


def test_the_deployed_form_is_attacked_through_its_own_weights(
    small_engine: TorchEngine, cluster: UserEngine, street: FrameSource
) -> None:
    """An engine without gradients follows the torch engine of its own model name, wherever that
    stands in the list."""
    other = TorchEngine(small_engine.model, small_engine.config, "cpu", model_name="other")
    deployed = UserEngine(cluster, "small", ("lidar",), "abc")
    plan = plan_for(
        [deployed, other, small_engine, cluster], street, ranges=class_ranges(), attacks=(LIDAR,)
    )
    crafted = {
        job.engine: (str(job.condition), job.source_engine) for job in plan.jobs if job.attack
    }
    assert crafted == {
        "small/user": ("lidar_pgd 0.3 m", "small/torch-cpu"),
        "other/torch-cpu": ("lidar_pgd 0.3 m", "other/torch-cpu"),
        "small/torch-cpu": ("lidar_pgd 0.3 m", "small/torch-cpu"),
        "cluster/user": ("lidar_pgd_transfer 0.3 m, from other/torch-cpu", "other/torch-cpu"),
    }


def test_an_engine_without_gradients_is_shown_what_the_named_models_can_make(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    """Whatever their order: a model without cameras makes no attack on cameras."""
    user = UserEngine(object(), "user", ("camera", "lidar"), "abc")
    blind = lidar_only(small_engine, "blind")
    others = [
        TorchEngine(small_engine.model, small_engine.config, "cpu", model_name=name)
        for name in ("b", "c")
    ]
    for helpers in ([blind, *others], [*others, blind]):
        labels = [f"{engine.model_name}/torch-cpu" for engine in helpers]
        plan = plan_for(
            [user, *helpers],
            street,
            ranges=class_ranges(),
            attacks=(CAMERA, LIDAR),
            attack_only=labels,
            transfer_from=labels,
        )
        shown = {
            (j.condition.name, j.source_engine)
            for j in plan.jobs
            if j.engine == "user/user" and j.source_engine
        }
        assert shown == {
            ("camera_pgd_transfer", "b/torch-cpu"),
            ("camera_pgd_transfer", "c/torch-cpu"),
            ("lidar_pgd_transfer", "b/torch-cpu"),
            ("lidar_pgd_transfer", "c/torch-cpu"),
            ("lidar_pgd_transfer", "blind/torch-cpu"),
        }
        assert [note.partition(":")[0] for note in plan.notes] == ["left out on blind/torch-cpu"]


def test_attacks_that_would_be_made_on_the_attack_model_alone_are_an_error(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    with pytest.raises(
        CalicoError, match="attack camera_pgd 8/255: model blind has no camera branch to attack"
    ):
        plan_for(
            [lidar_only(small_engine, "blind"), small_engine],
            street,
            ranges=class_ranges(),
            attacks=(CAMERA,),
            attack_only=("small/torch-cpu",),
        )


def test_resuming_an_attack_gives_the_same_bytes_and_pictures(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    plan = plan_for(
        [small_engine], street, ranges=class_ranges(16.0), attacks=(LIDAR,), indices=FRAMES
    )
    out = tmp_path / "run"
    results = run_for(plan, [small_engine], street, out, title="t")
    assert [picture.condition.name for picture in results.pictures] == ["clean", "lidar_pgd"] * 2
    before = (
        (out / "results.json").read_bytes(),
        [(out / p.path).read_bytes() for p in results.pictures],
    )
    (out / "cells" / f"{plan.jobs[1].id}.json").unlink()
    run_for(plan, [small_engine], street, out, title="t", resume=True)
    assert before == (
        (out / "results.json").read_bytes(),
        [(out / p.path).read_bytes() for p in results.pictures],
    )


def test_attacked_frames_are_kept_in_one_place_whatever_was_resumed(
    cluster: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    """Shown to two engines; when only the second one's cell is made again, the frames still belong
    to the first one's."""
    engines = [cluster, UserEngine(cluster, "second", ("lidar",), "abc")]
    plan = plan_for(engines, street, ranges=class_ranges(16.0), attacks=(NOISE,), indices=FRAMES)

    def run(out: Path, *, save: bool, resume: bool = False) -> None:
        run_for(
            plan, engines, street, out, title="t", save_attacked=save, pictures=False, resume=resume
        )

    def kept(out: Path) -> dict[str, bytes]:
        return {
            str(p.relative_to(out)): p.read_bytes()
            for p in (out / "attacked").rglob("*")
            if p.is_file()
        }

    first, second = (job.id for job in plan.jobs if job.attack)
    run(tmp_path / "kept", save=True)
    before = kept(tmp_path / "kept")
    assert len(before) == len(FRAMES)
    assert {Path(name).parent.name for name in before} == {first}
    assert all(
        verify_attacked(tmp_path / "kept" / "attacked" / first, street[index]) for index in FRAMES
    )
    (tmp_path / "kept" / "cells" / f"{second}.json").unlink()
    run(tmp_path / "kept", save=True, resume=True)
    assert kept(tmp_path / "kept") == before
    run(tmp_path / "bare", save=False)
    with pytest.raises(CalicoError, match="save_attacked: null there, true now"):
        run(tmp_path / "bare", save=True, resume=True)


def test_a_sensor_that_the_model_does_not_have_cannot_be_attacked(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    blind = lidar_only(small_engine, "small")
    with pytest.raises(
        CalicoError, match="model small has no camera branch to attack; it has lidar"
    ):
        plan_for([blind], street, ranges=class_ranges(), attacks=(CAMERA,))


def test_what_an_attack_needs_of_the_model_is_looked_at_before_anything_is_run(
    small_engine: TorchEngine, cluster: UserEngine, street: FrameSource
) -> None:
    def planned(engine: Engine, *specs: AttackSpec) -> None:
        plan_for([engine], street, ranges=class_ranges(), attacks=specs)

    with pytest.raises(
        CalicoError,
        match="attack camera_square 8/255: model cluster has no camera branch to attack",
    ):
        planned(cluster, AttackSpec("square", Threat(camera_levels=8)))
    with pytest.raises(CalicoError, match="attack objective 'det' needs the inside of the model"):
        planned(cluster, AttackSpec("square", Threat(range_m=0.1), "det"))
    model = small_engine.config.model.model_copy(update={"map": None})
    mapless = TorchEngine(
        small_engine.model, small_engine.config.model_copy(update={"model": model}), "cpu"
    )
    with pytest.raises(
        CalicoError, match="attack objective 'map_erase': the model has no map head"
    ):
        planned(mapless, AttackSpec("pgd", Threat(range_m=0.1), "map_erase"))
    planned(cluster, AttackSpec("spoof", PHANTOMS[0], "det"))  # has an aim of its own


def test_zero_budget_is_the_clean_result(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    nothing = AttackSpec("pgd", Threat())
    plan = plan_for(
        [small_engine], street, ranges=class_ranges(16.0), attacks=(nothing,), indices=FRAMES
    )
    results = run_for(plan, [small_engine], street, tmp_path / "run", title="t", pictures=False)
    clean, attacked = (dict(cell.metrics) for cell in results.cells)
    assert attacked.pop("ASR").value == 0
    assert attacked == clean


HARD = AttackSpec("pgd", Threat(axis_m=1.0), steps=10)


CREATE = AttackSpec("pgd", Threat(range_m=0.5), "create", steps=10)


def test_success_rates_of_an_attack_and_of_its_control(
    small_engine: TorchEngine, cluster: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    """Counted here from the frames and the two engines alone, one frame at a time."""
    noise = dataclasses.replace(CREATE, name="noise")
    engines, ranges = [small_engine, cluster], class_ranges(16.0)
    plan = plan_for(
        engines, street, ranges=ranges, attacks=(HARD, CREATE, noise), indices=FRAMES, batch_size=2
    )
    results = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    rates = {(cell.condition.name, cell.model): cell.metrics.get("ASR") for cell in results.cells}
    assert rates["clean", "small"] is rates["clean", "cluster"] is None
    frames = [street[index] for index in FRAMES]
    for spec, name in (
        (HARD, "lidar_pgd"),
        (CREATE, "lidar_pgd_create"),
        (noise, "lidar_noise_create"),
    ):
        attacked = [result.frame for result in attack_frames(small_engine, frames, spec, plan.seed)]
        for engine in engines:
            measure = count_hidden if spec is HARD else count_created
            each = zip(frames, engine.predict(frames), engine.predict(attacked), strict=True)
            hits, trials = np.sum([measure(*one, ranges) for one in each], axis=0)
            transfer = "_transfer" if engine is cluster and spec is not noise else ""
            found = rates[name + transfer, engine.model_name]
            assert found is not None
            assert (found.value, found.n_objects) == (hits / trials, trials)
            assert (found.n_frames, found.n_scenes, found.higher_is_better) == (2, 2, False)
    best = rates["lidar_pgd", "small"]
    assert best is not None
    assert (best.value or 0) > 0.2, best
    controls = [cell for cell in results.cells if cell.condition.name == "lidar_noise_create"]
    assert {cell.condition.parameters["objective"] for cell in controls} == {"create"}
    assert all(float(cell.details["new_false_boxes_per_frame"] or 0) >= 0 for cell in controls)


def test_on_corrupted_frames_the_corrupted_ones_are_the_clean_ones(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    """An attack that does nothing has success rate 0, although the corruption alone loses map
    cells."""
    nothing = AttackSpec("pgd", Threat(), "map_erase")
    plan = plan_for(
        [small_engine],
        street,
        ranges=class_ranges(16.0),
        corruptions=("point_drop",),
        severities=(5,),
        attacks=(nothing,),
        attack_corrupted=True,
        indices=FRAMES,
    )
    results = run_for(plan, [small_engine], street, tmp_path / "run", title="t", pictures=False)
    cells = {cell.condition.name: cell for cell in results.cells}
    crossed = dict(cells["point_drop+none_pgd_map_erase"].metrics)
    rate = crossed.pop("ASR")
    assert crossed == cells["point_drop"].metrics != cells["clean"].metrics
    assert rate.value == 0
    assert 0 < (rate.n_objects or 0) < (cells["none_pgd_map_erase"].metrics["ASR"].n_objects or 0)


def test_without_a_map_the_success_rate_of_a_map_attack_is_null(
    small_engine: TorchEngine, cluster: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    spec = AttackSpec("pgd", Threat(range_m=0.1), "map_erase", steps=3)
    engines = [small_engine, cluster]
    plan = plan_for(engines, street, ranges=class_ranges(16.0), attacks=(spec,), indices=FRAMES)
    results = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    mine, theirs = (
        cell.metrics["ASR"] for cell in results.cells if cell.condition.kind == "attack"
    )
    assert 0 < (mine.value or 0) < 1
    assert (theirs.value, theirs.reason) == (None, "no true map cells predicted before")
    texts = {path.name: path.read_text(encoding="utf-8") for path in write_report(tmp_path / "run")}
    assert "PGD map erase" in texts["report.html"]
    lines = [
        line
        for line in texts["metrics.txt"].splitlines()
        if line.startswith("calico_metric{") and '"ASR"' in line
    ]
    assert [float(line.split()[-1]) for line in lines] == [mine.value]


def test_controls_and_queries_need_the_head_of_their_objective(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    model = small_engine.config.model.model_copy(update={"map": None})
    boxes_only = TorchEngine(
        small_engine.model,
        small_engine.config.model_copy(update={"model": model}),
        "cpu",
        model_name="boxes",
    )
    wanted = dataclasses.replace(NOISE, objective="map_erase")
    for attack in (wanted, dataclasses.replace(wanted, name="square")):
        with pytest.raises(CalicoError, match="objective 'map_erase': the model has no map head"):
            plan_for([boxes_only], street, ranges=class_ranges(16.0), attacks=(attack,))
    removal = AttackSpec(
        "remove", Threat(removed_share=1.0, window_deg=20.0), objective="map_erase"
    )
    plan_for(
        [boxes_only], street, ranges=class_ranges(16.0), attacks=(removal,)
    )  # does harm without an aim
    plan = plan_for(
        [small_engine, boxes_only], street, ranges=class_ranges(16.0), attacks=(wanted,)
    )
    assert [job.engine for job in plan.jobs if job.attack] == ["small/torch-cpu"]
    assert plan.notes[0].startswith("left out on boxes/torch-cpu: attack objective 'map_erase'")
