"""Runs that are killed at random moments, again and again, end with the bytes of a run that was
not.

For `make fuzz`; tests of the trainings' and evaluations' own folders kill at chosen moments in
every run of the tests.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.e2e.test_main_job import command, settings

ROOT = Path(__file__).parents[2]
KILLS = int(os.environ.get("FUZZ_KILLS", "0"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
EVALUATION = ROOT / "tests" / "calico_eval" / "evaluation" / "killed_evaluation.py"
ENVIRONMENT = os.environ | {
    "OMP_NUM_THREADS": "1",
    "GIT_DIR": "/nonexistent",
}  # the commit must not change in between
UNSTABLE = {"timings.json", ".lock", ".lock.json"}
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(KILLS < 1, reason="takes minutes: make fuzz, or FUZZ_KILLS=10"),
]


def run(words: list[str], seconds: float | None = None) -> bool:
    """Run a command, killed after some seconds. Says whether it came to its end."""
    process = subprocess.Popen(
        words, cwd=ROOT, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        _, errors = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return False
    assert process.returncode == 0, errors
    return True


def kill_again_and_again(words: list[str], seconds: float, name: str) -> None:
    """Kill a command at random moments of the time that it takes as a whole, and let it end at
    last."""
    rng = random.Random(f"{name} {SEED}")
    for _ in range(KILLS):
        if run(words, rng.uniform(0.0, seconds)):
            return
    assert run(words)


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and file.name not in UNSTABLE]
    return {
        file.relative_to(folder).as_posix(): file.read_bytes()
        for file in files
        if "tensorboard" not in file.parts and file.suffix != ".png"
    }


def test_training(tmp_path: Path) -> None:
    words = command("train", *settings(tmp_path / "cache"), "--resume")
    run([*words, "--out", str(tmp_path / "warm")])  # simulates the frames
    start = time.monotonic()
    assert run([*words, "--out", str(tmp_path / "whole")])
    kill_again_and_again(
        [*words, "--out", str(tmp_path / "killed")], time.monotonic() - start, "train"
    )
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")


def test_evaluation(tmp_path: Path) -> None:
    words = [sys.executable, str(EVALUATION)]
    start = time.monotonic()
    assert run([*words, str(tmp_path / "whole")])
    kill_again_and_again(
        [*words, str(tmp_path / "killed"), "--resume"], time.monotonic() - start, "evaluation"
    )
    assert contents(tmp_path / "killed") == contents(tmp_path / "whole")
