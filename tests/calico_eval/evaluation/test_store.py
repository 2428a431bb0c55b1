"""The run folder: damaged files, folders that hold something else."""

from __future__ import annotations

import random
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.store import RunStore
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.suffstats import load_stats, save_stats
from reports.schema import Results
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
