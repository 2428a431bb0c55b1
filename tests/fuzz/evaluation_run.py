"""The run folder of a small evaluation, made once in a process: the original of all its files."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

from calico_eval.engines.load_user import load_user_engine
from calico_eval.metrics.nuscenes import class_ranges
from tests.calico_eval.evaluations import plan_for, run_for
from tests.calico_eval.street import Street


@cache
def run_small() -> Path:
    """A finished run: one user's model on four frames, clean and under two corruptions."""
    folder = Path(tempfile.mkdtemp(prefix="calico-fuzz-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    source, engines = Street(2, 2), [load_user_engine("examples.user_model:build")]
    plan = plan_for(
        engines,
        source,
        ranges=class_ranges(),
        corruptions=("point_drop", "camera_crash"),
        severities=(1, 5),
    )
    run_for(
        plan,
        engines,
        source,
        folder / "run",
        title="fuzz",
        command=["calico", "robust"],
        config_yaml=None,
        resume=False,
        overwrite=False,
        pictures=False,
    )
    return folder / "run"
