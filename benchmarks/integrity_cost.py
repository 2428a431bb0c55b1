"""What the checks of stored files cost.

`calico robust` on 10 frames and a training step, in two versions of the code.

    git worktree add ../before bc0dd71
    python benchmarks/integrity_cost.py --before ../before [--write]

Both versions run the same work in turn, `before`, `after`, `before` ..., each with its own model
and its own cache of frames. The network is a small one, so that the share of the checks is larger
than with any that is used (`--tiny`: the tiny preset's). A training step includes its share of the
checkpoints, one every 5 steps. Times are the processor's, without the imports. Of each the least of
the repeats counts, because what else the machine does only adds. The versions differ in more than
the checks: the ratio is that of all changes between them.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

RESULT = Path(__file__).parent / "results" / "integrity_cost.json"
HERE = Path(__file__).resolve().parents[1]
SETTINGS = [
    "data.sim.train_scenes=4",
    "data.sim.val_scenes=2",
    "train.epochs=2",
    "train.validate_every=2",
    "device=cpu",
]
SMALL = [
    "model.lidar.pillar_channels=16",
    "model.camera={image_size: [64, 192], backbone_width: 0.25, fpn_channels: 16, channels: 16, "
    "depth_bins: 16}",
    "model.bev={layers: [1, 1], strides: [2, 2], channels: [16, 32], neck_channels: 16, "
    "out_stride: 2}",
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
run_stages(config, source, out, stages=("finetune",),
           measures={"finetune": lambda model, config: {}},
           progress=bar,           say=lambda text: None, resume=False)
print((time.process_time() - times[0]) / (len(times) - 1))
"""
RUN = """
import sys, time
import torch, calico_eval.cli.robust, calico_eval.engines.torch, calico_eval.evaluation.run
from calico.cli.main import cli
start = time.process_time()
cli.main(sys.argv[1:], standalone_mode=False)
print(time.process_time() - start)
"""


@click.command()
@click.option(
    "--before",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    required=True,
    help="A worktree.",
)
@click.option(
    "--tiny", is_flag=True, help="The network of the tiny preset in place of a small one."
)
@click.option("--repeats", default=3, show_default=True)
@click.option("--write", is_flag=True, help="Write benchmarks/results/integrity_cost.json.")
def main(before: Path, tiny: bool, repeats: int, write: bool) -> None:
    """Print the times and their ratios."""
    settings = SETTINGS if tiny else [*SETTINGS, *SMALL]
    trees = {"before": before.resolve(), "after": HERE}
    times: dict[str, dict[str, list[float]]] = {
        name: {"step_s": [], "robust_s": []} for name in trees
    }
    with tempfile.TemporaryDirectory() as folder:
        for repeat in range(repeats + 1):  # the first one fills caches and is not counted
            for name, tree in trees.items():
                step_s, robust_s = _measure(tree, Path(folder) / name, settings, repeat)
                click.echo(
                    f"{repeat} {name}: step {step_s:.3f} s, robust {robust_s:.2f} s", err=True
                )
                if repeat:
                    times[name]["step_s"].append(round(step_s, 4))
                    times[name]["robust_s"].append(round(robust_s, 3))
    least = {
        name: {what: min(values) for what, values in found.items()} for name, found in times.items()
    }
    ratios = {
        what: round(least["after"][what] / least["before"][what], 4)
        for what in ("step_s", "robust_s")
    }
    record = {
        "command": "python benchmarks/integrity_cost.py --before WORKTREE --write",
        "commits": {name: _commit(tree) for name, tree in trees.items()},
        "settings": settings,
        "robust": ROBUST,
        "unit": "seconds of processor time, one thread",
        "repeats": times,
        "least": least,
        "after_over_before": ratios,
    }
    click.echo(json.dumps(record, indent=1))
    if write:
        RESULT.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measure(tree: Path, folder: Path, settings: list[str], repeat: int) -> tuple[float, float]:
    """Processor seconds of a training step and of the robust command."""
    model, out = folder / f"model{repeat}", folder / f"robust{repeat}"
    step_s = _run(tree, folder, ["-c", TRAIN, str(model), *settings])
    words = [word for text in settings for word in ("--set", text)]
    command = [
        "robust",
        str(model / "finetune"),
        "--preset",
        "tiny",
        *words,
        *ROBUST,
        "--out",
        str(out),
    ]
    return step_s, _run(tree, folder, ["-c", RUN, *command])


def _run(tree: Path, folder: Path, words: list[str]) -> float:
    environment: dict[str, Any] = os.environ | {
        "PYTHONPATH": str(tree),
        "XDG_CACHE_HOME": str(folder / "cache"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, *words], cwd=folder.parent, env=environment, capture_output=True, text=True
    )
    if done.returncode:
        raise click.ClickException(f"{tree}: {done.stderr}")
    return float(done.stdout.split()[-1])


def _commit(tree: Path) -> str:
    words = ["git", "rev-parse", "--short", "HEAD"]
    return subprocess.run(
        words, cwd=tree, capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
