"""The evaluation in one process: ids, resume, guards, summary, gallery."""

from __future__ import annotations

import dataclasses
import json
import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation import applied_condition
from calico_eval.evaluation import run as run_module
from calico_eval.evaluation.conditions import CLEAN, AttackCondition, CorruptionCondition
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.store import RunStore
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.suffstats import load_stats, save_stats
from corruptions import CorruptionError
from reports.comparison import compared_engine
from reports.errors import ReportError
from reports.results_file import read_results
from reports.schema import Metric, Results
from tests.calico_eval.evaluations import plan_for, run_for


@pytest.fixture
def engine(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


def plan_of(engine: UserEngine, source: FrameSource, **changes: Any) -> EvaluationPlan:
    settings: dict[str, Any] = {
        "ranges": class_ranges(),
        "corruptions": ("point_drop", "beam_missing"),
        "severities": (1, 5),
        "indices": (0, 1, 3),
        "batch_size": 2,
    }
    return plan_for([engine], source, **(settings | changes))


def run(engine: UserEngine, source: FrameSource, out: Path, **options: Any) -> Results:
    plan = plan_of(engine, source, **options.pop("plan", {}))
    return run_for(plan, [engine], source, out, title="t", **({"pictures": False} | options))


def contents(out: Path) -> dict[str, bytes]:
    files = sorted(
        path for path in out.rglob("*") if path.is_file() and path.name != "timings.json"
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


def ids(plan: EvaluationPlan) -> set[str]:
    return {job.id for job in plan.jobs}


class OtherData:
    """The same frames under another content hash."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __len__(self) -> int:
        return len(self._source)

    def __getitem__(self, index: int) -> Frame:
        return self._source[index]

    def content_hash(self) -> str:
        return "another"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"batch_size": 3},
        {"indices": (0, 1, 4)},
        {"indices": (0, 1)},
        {"ranges": class_ranges(20.0)},
    ],
)
def test_ids_change_with_what_a_cell_depends_on(
    change: dict[str, Any], engine: UserEngine, street: FrameSource
) -> None:
    assert not ids(plan_of(engine, street)) & ids(plan_of(engine, street, **change))


def test_ids_change_with_weights_engine_and_data(engine: UserEngine, street: FrameSource) -> None:
    plan = plan_of(engine, street)
    other_weights = UserEngine(engine, "cluster", ("lidar",), "abd")
    other_name = UserEngine(engine, "cluster2", ("lidar",), "abc")
    for others in (
        plan_of(other_weights, street),
        plan_of(other_name, street),
        plan_of(engine, OtherData(street)),
    ):
        assert not ids(plan) & ids(others)


def test_ids_change_with_the_suite_version(
    engine: UserEngine, street: FrameSource, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = ids(plan_of(engine, street))
    monkeypatch.setattr("calico_eval.evaluation.plan.SUITE_VERSION", "next")
    assert not before & ids(plan_of(engine, street))


def test_ids_differ_within_a_plan_and_do_not_depend_on_the_other_conditions(
    engine: UserEngine, street: FrameSource
) -> None:
    plan = plan_of(engine, street)
    assert len(ids(plan)) == len(plan.jobs) == 5
    assert ids(plan_of(engine, street, severities=(5,))) < ids(plan)


@pytest.mark.parametrize(
    "change",
    [
        {"threat": Threat(camera_levels=4)},
        {"threat": Threat(camera_rms=8)},
        {"threat": Threat(camera_levels=8, range_m=0.1)},
        {"threat": Threat(camera_levels=8, r_min_m=2.0, range_m=0.1)},
        {"steps": 5},
        {"restarts": 2},
        {"objective": "det"},
        {"random_start": False},
        {"straight_through": False},
        {"name": "noise"},
        {"name": "apgd"},
        {"step_share": 1.0},
    ],
)
def test_attack_parameters_change_the_condition(change: dict[str, Any]) -> None:
    attack = AttackSpec("pgd", Threat(camera_levels=8))
    one = AttackCondition(attack).describe()
    assert one != AttackCondition(dataclasses.replace(attack, **change)).describe()
    assert one == AttackCondition(dataclasses.replace(attack, step_share=0.25)).describe()


def test_one_threat_written_in_two_ways_is_one_condition() -> None:
    """To the byte: a cell's id hashes it."""
    for one, other in (
        (Threat(camera_levels=8), Threat(camera_levels=8.0)),
        (Threat(range_m=1), Threat(range_m=1.0)),
    ):  # type: ignore[arg-type]
        texts = {
            AttackCondition(AttackSpec("pgd", t)).describe().model_dump_json() for t in (one, other)
        }
        assert len(texts) == 1


def test_results_hold_every_cell_in_order_and_can_be_read_back(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    steps: list[tuple[int, int, str]] = []
    out = tmp_path / "run"
    results = run(engine, street, out, pictures=True, progress=lambda *step: steps.append(step))
    assert read_results(out / "results.json") == results
    names = [(cell.condition.name, cell.condition.severity) for cell in results.cells]
    assert names == [
        ("clean", 0),
        ("point_drop", 1),
        ("point_drop", 5),
        ("beam_missing", 1),
        ("beam_missing", 5),
    ]
    assert steps[-1] == (15, 15, "beam_missing 5 on cluster/user")
    assert json.loads((out / "run.json").read_text())["status"] == "complete"
    assert [picture.condition.name for picture in results.pictures] == ["clean", "beam_missing"] * 2
    assert [picture.token for picture in results.pictures[::2]] == [
        picture.token for picture in results.pictures[1::2]
    ]
    assert all((out / picture.path).stat().st_size > 10_000 for picture in results.pictures)
    clean, worst = results.cells[0].metrics["mAP"], results.cells[4].metrics["mAP"]
    assert (clean.value or 0) > (worst.value or 0) > 0
    assert results.cells[4].effect is not None
    assert float(results.cells[4].effect.measured["removed_share"] or 0) > 0.1


def test_summary_is_the_mean_of_the_cells(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    results = run(engine, street, tmp_path / "run")
    values = [cell.metrics["mAP"].value or 0.0 for cell in results.cells]
    summary = results.summary["cluster/user"]
    assert summary["mAP/mPC"].value == pytest.approx(sum(values[1:]) / 4)
    assert summary["mAP/mRR"].value == pytest.approx(sum(values[1:]) / 4 / values[0])
    assert "mAP/mCE" not in summary
    assert "mIoU/mPC" not in summary
    assert (
        (summary["mAP/mPC"].lo or 0)
        < (summary["mAP/mPC"].value or 0)
        < (summary["mAP/mPC"].hi or 0)
    )


def test_a_run_that_contradicts_itself_says_so_and_keeps_what_it_measured(
    engine: UserEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = run_module.summarise_cells

    def wrong(*arguments: Any) -> dict[str, dict[str, Metric]]:
        return {
            label: {
                name: metric.model_copy(update={"value": 0.9, "lo": None, "hi": None})
                for name, metric in found.items()
            }
            for label, found in original(*arguments).items()
        }

    monkeypatch.setattr(run_module, "summarise_cells", wrong)
    with pytest.raises(
        ReportError, match=r"summary\.cluster/user\.mAP/mPC: is 0\.9, but its cells give"
    ):
        run(engine, street, tmp_path / "run")
    assert (tmp_path / "run" / "results.json").exists()
    with pytest.raises(ReportError, match=r"is 0\.9, but its cells give"):
        read_results(tmp_path / "run" / "results.json")


def test_against_itself_under_another_name_mce_is_one(
    cluster_detector_module: ModuleType, engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    twin = UserEngine(cluster_detector_module.build(), "twin", ("lidar",), "abc")
    engines = [engine, twin]
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(),
        corruptions=("point_drop",),
        severities=(5,),
        baseline="twin/user",
    )
    summary = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False).summary
    mce = summary["cluster/user"]["mAP/mCE"]
    assert (mce.value, mce.lo, mce.hi) == (1.0, 1.0, 1.0)
    assert compared_engine(mce) == "twin/user"  # the gate compares it with the baseline's
    assert "mAP/mCE" not in summary["twin/user"]


def test_twice_the_same_bytes_and_resume_of_a_finished_run_changes_nothing(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "a", command=["calico", "robust", "--out", str(tmp_path / "a")])
    run(engine, street, tmp_path / "b", command=["calico", "robust", "--out", str(tmp_path / "b")])
    before = contents(tmp_path / "a")
    assert before == contents(tmp_path / "b")
    run(engine, street, tmp_path / "a", resume=True, command=["calico", "robust", "--resume"])
    assert contents(tmp_path / "a") == before


def _flip(file: Path, bit: int) -> None:
    content = bytearray(file.read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    file.write_bytes(bytes(content))


@pytest.mark.parametrize(
    "damage",
    [
        "cut cell",
        "flipped cell",
        "foreign cell",
        "cut frames",
        "flipped frames",
        "foreign frames",
        "no frames",
    ],
)
def test_a_broken_cell_is_computed_again_and_said_so(
    damage: str, engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    out, warnings = tmp_path / "run", []
    run(engine, street, out)
    before = contents(out)
    first, second = sorted((out / "cells").glob("*.json"))[:2]
    frames = out / "frames" / f"{first.stem}.parquet"
    if damage == "cut cell":
        first.write_bytes(first.read_bytes()[:200])
    elif damage == "flipped cell":
        _flip(first, 8 * first.read_bytes().index(b'"value": 0.') + 8 * 11)
    elif damage == "foreign cell":
        first.write_bytes(second.read_bytes())
    elif damage == "cut frames":
        frames.write_bytes(frames.read_bytes()[:100])
    elif damage == "flipped frames":
        _flip(frames, 8 * 500)
    elif damage == "foreign frames":
        frames.write_bytes((out / "frames" / f"{second.stem}.parquet").read_bytes())
    else:
        frames.unlink()
    run(engine, street, out, resume=True, warn=warnings.append)
    assert contents(out) == before
    assert len(warnings) == 1
    assert warnings[0].endswith("it cannot be trusted and is computed again")
    assert first.stem in warnings[0]


def test_no_flipped_bit_in_a_cell_is_accepted(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "run", plan={"severities": (5,), "indices": (0,)})
    store = RunStore(tmp_path / "run")
    cell = next((tmp_path / "run/cells").glob("*.json"))
    content = cell.read_bytes()
    assert isinstance(store.load_cell(cell.stem), tuple)
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        _flip(cell, bit)
        assert isinstance(store.load_cell(cell.stem), str)
        cell.write_bytes(content)


def test_a_cell_and_frames_of_another_run_do_not_mix(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    """The frames of one cell from two runs that should agree and do not, for example on two
    machines."""
    run(engine, street, tmp_path / "run", plan={"severities": (5,)})
    store, warnings = RunStore(tmp_path / "run"), []
    path = next((tmp_path / "run/frames").glob("*.parquet"))
    save_stats(path, load_stats(path)[::-1], path.stem)
    assert "another run or cell" in str(store.load_cell(path.stem))
    run(
        engine,
        street,
        tmp_path / "run",
        plan={"severities": (5,)},
        resume=True,
        warn=warnings.append,
    )
    assert len(warnings) == 1


def test_damaged_timings_are_begun_again_and_damaged_identity_ends_the_resume(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    out, warnings = tmp_path / "run", []
    run(engine, street, out, plan={"severities": (5,)})
    _flip(out / "timings.json", 8 * 20)
    next((out / "cells").glob("*.json")).unlink()
    run(engine, street, out, plan={"severities": (5,)}, resume=True, warn=warnings.append)
    assert len(warnings) == 1
    assert warnings[0].endswith("begun again")
    _flip(out / "run.json", 8 * 20)
    with pytest.raises(CalicoError, match=r"run\.json: does not match its checksum.*--overwrite"):
        run(engine, street, out, plan={"severities": (5,)}, resume=True)


def test_left_overs_of_a_killed_write_are_removed(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(engine, street, out)
    (out / "cells" / ".x.json.99.tmp").write_text("{")
    (out / "frames" / ".x.parquet.99.tmp").write_text("PAR")
    run(engine, street, out, resume=True)
    assert not [path for path in contents(out) if "/." in path]


def test_a_cell_is_there_only_when_all_of_it_is_written(
    engine: UserEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cell file appears whole or not at all: the rename that publishes it fails here."""
    real = Path.replace

    def refuse(self: Path, target: Path) -> Path:
        if target.parent.name == "cells":
            raise OSError("no space left on device")
        return real(self, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OSError, match="no space"):
        run(engine, street, tmp_path / "run")
    assert not list((tmp_path / "run" / "cells").glob("*.json"))


def test_a_folder_with_something_in_it_names_both_ways_out(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    out = tmp_path / "run"
    run(engine, street, out)
    with pytest.raises(CalicoError, match="--resume goes on with it, --overwrite deletes it"):
        run(engine, street, out)
    run(engine, street, out, overwrite=True, plan={"severities": (5,)})
    assert len(list((out / "cells").iterdir())) == 3


def test_a_folder_that_is_no_run_is_neither_resumed_nor_deleted(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(CalicoError, match=r"holds no run\.json; nothing to resume"):
        run(engine, street, tmp_path, resume=True)
    with pytest.raises(CalicoError, match=r"has no run\.json at all, so it is not deleted"):
        run(engine, street, tmp_path, overwrite=True)
    (tmp_path / "run.json").write_text('{"kind": "train"}')
    with pytest.raises(CalicoError, match="holds a run of kind 'train', expected 'robust'"):
        run(engine, street, tmp_path, resume=True)
    assert (tmp_path / "thesis.tex").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seed": 1}, r"seed: 0 there, 1 now"),
        (
            {"severities": (1, 3)},
            r"conditions: 2 only there \(point_drop 5, beam_missing 5\), 2 only now \(point_drop 3",
        ),
        ({"ranges": class_ranges(20.0)}, r"ranges: barrier 30.0 there, 20.0 now"),
        ({"indices": (0, 1)}, r"n_frames: 3 there, 2 now"),
    ],
)
def test_resuming_another_plan_says_what_differs(
    change: dict[str, Any], message: str, engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "run", plan={"severities": (1, 5)})
    with pytest.raises(CalicoError, match=message):
        run(engine, street, tmp_path / "run", plan=change, resume=True)


def test_resuming_with_other_weights_says_so(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "run")
    other = UserEngine(engine, "cluster", ("lidar",), "abd")
    with pytest.raises(CalicoError, match='models: cluster/user "abc" there, "abd" now'):
        run(other, street, tmp_path / "run", resume=True)


def test_a_corruption_that_changes_nothing_is_an_error_and_no_score(
    engine: UserEngine, street: FrameSource, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(frame: Frame, name: str, severity: int, seed: int) -> Frame:
        return frame

    monkeypatch.setattr(applied_condition, "corrupt", broken)
    with pytest.raises(
        CalicoError, match="condition point_drop 1: point_drop: changed lidar in 0 of 3 frames"
    ):
        run(engine, street, tmp_path / "run")
    assert len(list((tmp_path / "run" / "cells").iterdir())) == 1
    assert not (tmp_path / "run" / "results.json").exists()


def test_a_corruption_of_a_sensor_that_is_not_there_is_an_error(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    class Blind(OtherData):
        def __getitem__(self, index: int) -> Frame:
            frame: Frame = self._source[index]
            return frame.replace(
                images=(),
                camera_K=frame.camera_K[:0],
                camera_T_lidar=frame.camera_T_lidar[:0],
                camera_time_s=frame.camera_time_s[:0],
            )

    with pytest.raises(
        CalicoError, match="camera_crash can do nothing to street: the data have no cameras"
    ):
        run(engine, Blind(street), tmp_path / "run", plan={"corruptions": ("camera_crash",)})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"indices": ()}, r"nothing to run \(1 engines, 0 frames\)"),
        (
            {"baseline": "other/user"},
            "engine 'other/user' is not in this run; expected one of cluster/user",
        ),
        ({"attack_only": ("x",)}, "engine 'x' is not in this run"),
        (
            {"attack_only": ("cluster/user",), "baseline": "cluster/user"},
            "baseline 'cluster/user' is there for the attacks and gets no corruptions",
        ),
        (
            {"attacks": (AttackSpec("pgd", Threat(range_m=0.1)),)},
            "torch model, and none of cluster/user is one; .*--attack-model",
        ),
    ],
)
def test_plans_that_cannot_be(
    settings: dict[str, Any], message: str, engine: UserEngine, street: FrameSource
) -> None:
    with pytest.raises(CalicoError, match=message):
        plan_of(engine, street, **settings)


def test_two_models_of_one_name_are_an_error(engine: UserEngine, street: FrameSource) -> None:
    with pytest.raises(
        CalicoError,
        match="two engines are both called cluster/user; give one of the models another name",
    ):
        plan_for([engine, engine], street, ranges=class_ranges())


@pytest.mark.parametrize("severity", [0, 6])
def test_severities_outside_the_suite(
    severity: int, engine: UserEngine, street: FrameSource
) -> None:
    with pytest.raises(
        CorruptionError, match=f"severity is {severity}, expected one of 1, 2, 3, 4, 5"
    ):
        plan_of(engine, street, severities=(severity,))


def test_conditions_read_well() -> None:
    assert str(CLEAN) == "clean"
    assert str(CorruptionCondition.at_severity("point_drop", 3)) == "point_drop 3"
    assert str(AttackCondition(AttackSpec("pgd", Threat(camera_levels=8)))) == "camera_pgd 8/255"
    assert str(AttackCondition(AttackSpec("noise", Threat(range_m=0.1)))) == "lidar_noise 0.1 m"


def test_a_control_is_another_condition_for_another_objective() -> None:
    """Its frames are the same, its success rate is not."""
    one, other = (
        AttackCondition(AttackSpec("noise", Threat(range_m=0.1), objective)).describe()
        for objective in ("hide", "create")
    )
    assert (one.name, one.parameters["objective"]) == ("lidar_noise", "hide")
    assert (other.name, other.parameters["objective"]) == ("lidar_noise_create", "create")
    assert "steps" not in one.parameters


def test_conditions_of_joint_and_crossed_attacks_read_well() -> None:
    joint = AttackSpec("apgd", Threat(camera_levels=4, range_m=0.1), objective="create")
    assert str(AttackCondition(joint)) == "joint_apgd_create 4/255 + 0.1 m"
    on = CorruptionCondition.at_severity("fog", 3)
    assert str(AttackCondition(joint, on)) == "fog+joint_apgd_create 3, 4/255 + 0.1 m"
    assert AttackCondition(joint, on).on == on
