"""The same evaluation gives the same bytes: twice, and killed half-way and resumed. Real processes,
a real SIGKILL."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).with_name("killed_evaluation.py")
ROOT = SCRIPT.parents[3]
CELLS = 7


def evaluate(out: Path, *flags: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {
        "OMP_NUM_THREADS": "1",
        "GIT_DIR": "/nonexistent",
    }  # the commit must not change in between
    return subprocess.run(
        [sys.executable, str(SCRIPT), str(out), *flags],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )


def contents(out: Path) -> dict[str, bytes]:
    """Every file but the wall times, by path within the run folder."""
    files = sorted(
        path for path in out.rglob("*") if path.is_file() and path.name != "timings.json"
    )
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.slow
def test_killed_and_resumed_gives_the_same_bytes(tmp_path: Path) -> None:
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert evaluate(whole).returncode == 0
    first = evaluate(killed, "--kill-after", "3")
    assert first.returncode == -signal.SIGKILL
    done = {path: path.stat().st_mtime_ns for path in (killed / "cells").glob("*.json")}
    assert len(done) == 3
    assert not (killed / "results.json").exists()

    resumed = evaluate(killed, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert {path: path.stat().st_mtime_ns for path in done} == done, (
        "a finished cell was computed again"
    )
    assert contents(killed) == contents(whole)
    assert len(list((whole / "cells").iterdir())) == CELLS
    assert b"/tmp" not in (whole / "results.json").read_bytes()
