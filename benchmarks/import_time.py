"""Measure how long `import calico` takes: python -m benchmarks.import_time."""

from __future__ import annotations

import statistics
import subprocess
import sys

RUNS = 11
CODE = "import time; start = time.perf_counter(); import {}; print(time.perf_counter() - start)"


def measure_import(module: str) -> float:
    """Measure the median time of an import [s].

    Args:
        module: Dotted name of the module.

    Returns:
        The median over `RUNS` fresh interpreters.
    """
    times = [
        float(subprocess.check_output([sys.executable, "-c", CODE.format(module)], text=True))
        for _ in range(RUNS)
    ]
    return statistics.median(times)


if __name__ == "__main__":
    for name in ("calico", "corruptions", "calico_eval.metrics.from_boxes"):
        sys.stdout.write(f"{name:<32}{measure_import(name):8.3f} s\n")
