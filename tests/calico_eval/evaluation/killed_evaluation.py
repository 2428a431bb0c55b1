"""An evaluation over the small street with the example model, for tests that kill it: python
killed_evaluation.py OUT [--resume].

With --kill-after N the process kills itself (SIGKILL) when the Nth cell has been written.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parents[2])]

from street import Street  # noqa: E402

from calico_eval.engines.load_user import load_user_engine  # noqa: E402
from calico_eval.metrics.nuscenes import class_ranges  # noqa: E402
from tests.calico_eval.evaluations import plan_for, run_for  # noqa: E402


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--kill-after", type=int)
    options = parser.parse_args()
    source = Street()
    engines = [load_user_engine("examples.user_model:build")]
    plan = plan_for(
        engines,
        source,
        ranges=class_ranges(),
        corruptions=("point_drop", "beam_missing", "camera_crash"),
        severities=(1, 5),
    )

    def watch(done: int, total: int, what: str) -> None:
        finished = len(list((options.out / "cells").glob("*.json")))
        if options.kill_after is not None and finished >= options.kill_after:
            os.kill(os.getpid(), signal.SIGKILL)

    run_for(
        plan,
        engines,
        source,
        options.out,
        title="street",
        command=[
            "calico",
            "robust",
            "--out",
            str(options.out),
            *(["--resume"] if options.resume else []),
        ],
        resume=options.resume,
        progress=watch,
    )


if __name__ == "__main__":
    main()
