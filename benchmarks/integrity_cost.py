"""What the checks of stored files cost: `calico robust` on 10 frames and a training step, in two versions of the code.

    git worktree add ../before bc0dd71
    python benchmarks/integrity_cost.py --before ../before [--write]

Both versions run the same commands in turn, `before`, `after`, `before` ..., each with its own model and its own cache of frames.
A training step includes its share of the checkpoints, of which there is one every 5 steps here (the tiny preset writes one every
18). Times are the processor's, of the command and its children; of each the least of the repeats counts, because what else the
machine does only adds. The versions differ in more than the checks: the ratio is that of all changes between them.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

RESULT = Path(__file__).parent / "results" / "integrity_cost.json"
HERE = Path(__file__).resolve().parents[1]
SETTINGS = [
    "data.sim.train_scenes=2",
    "data.sim.val_scenes=1",
    "train.epochs=4",
    "train.validate_every=4",
    "device=cpu",
]
ROBUST = ["--corruptions", "fog,point_drop", "--severity", "3", "--frames", "10"]
TRAIN = """
import sys, time
from pathlib import Path
from calico.config.load import load_config
from calico.data.open import open_source
from calico.train.stages import resolve_init, run_stages
out = Path(sys.argv[1])
config = resolve_init(load_config("tiny", None, sys.argv[2:], {"train.init": "random"}))
source = open_source(config, "train")
for index in range(len(source)):
    source[index]
out.mkdir(parents=True)
times = []
def bar(stage):
    return lambda done, total, values: times.append(time.process_time())
run_stages(config, source, out, stages=("finetune",), measures={"finetune": lambda model, config: {}}, progress=bar,
           say=lambda text: None, resume=False)
print((time.process_time() - times[0]) / (len(times) - 1))
"""


@click.command()
@click.option(
    "--before", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True, help="A worktree."
)
@click.option("--repeats", default=3, show_default=True)
@click.option("--write", is_flag=True, help="Write benchmarks/results/integrity_cost.json.")
def main(before: Path, repeats: int, write: bool) -> None:
    """Print the times and their ratios."""
    trees = {"before": before.resolve(), "after": HERE}
    times: dict[str, dict[str, list[float]]] = {name: {"step_s": [], "robust_s": []} for name in trees}
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats + 1):  # the first one fills caches and is not counted
            for name, tree in trees.items():
                step_s, robust_s = _measure(tree, Path(folder) / name, repeat)
                click.echo(f"{repeat} {name}: step {step_s:.3f} s, robust {robust_s:.2f} s", err=True)
                if repeat:
                    times[name]["step_s"].append(round(step_s, 4))
                    times[name]["robust_s"].append(round(robust_s, 3))
    least = {name: {what: min(values) for what, values in found.items()} for name, found in times.items()}
    ratios = {what: round(least["after"][what] / least["before"][what], 4) for what in ("step_s", "robust_s")}
    record = {
        "command": "python benchmarks/integrity_cost.py --before WORKTREE --write",
        "commits": {name: _commit(tree) for name, tree in trees.items()},
        "settings": SETTINGS,
        "robust": ROBUST,
        "unit": "seconds of processor time, one thread",
        "repeats": times,
        "least": least,
        "after_over_before": ratios,
    }
    click.echo(json.dumps(record, indent=1))
    if write:
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measure(tree: Path, folder: Path, repeat: int) -> tuple[float, float]:
    """Processor seconds of a training step and of the robust command."""
    model, out = folder / f"model{repeat}", folder / f"robust{repeat}"
    step_s = float(_run(tree, folder, ["-c", TRAIN, str(model), *SETTINGS]))
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    settings = [word for text in SETTINGS for word in ("--set", text)]
    command = ["-m", "calico.cli.main", "robust", str(model / "finetune"), "--preset", "tiny", *settings]
    _run(tree, folder, [*command, *ROBUST, "--out", str(out)])
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return step_s, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def _run(tree: Path, folder: Path, words: list[str]) -> str:
    environment: dict[str, Any] = os.environ | {
        "PYTHONPATH": str(tree),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run([sys.executable, *words], cwd=folder.parent, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise click.ClickException(f"{tree}: {done.stderr}")
    return done.stdout


def _commit(tree: Path) -> str:
    words = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(words, cwd=tree, capture_output=True, text=True, check=True).stdout.strip()


if __name__ == "__main__":
    main()
