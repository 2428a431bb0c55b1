"""The evaluation in one process: ids, resume, guards, summary, gallery."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation import run as run_module
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.metrics.nuscenes import class_ranges
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


def test_twice_the_same_bytes_and_resume_of_a_finished_run_changes_nothing(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run(engine, street, tmp_path / "a", command=["calico", "robust", "--out", str(tmp_path / "a")])
    run(engine, street, tmp_path / "b", command=["calico", "robust", "--out", str(tmp_path / "b")])
    before = contents(tmp_path / "a")
    assert before == contents(tmp_path / "b")
    run(engine, street, tmp_path / "a", resume=True, command=["calico", "robust", "--resume"])
    assert contents(tmp_path / "a") == before
