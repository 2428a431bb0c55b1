"""Where the time of a training step goes, per stage.

Loading (frames, views, regions from the cache) against the model.

    python benchmarks/pretraining_speed.py --steps 10

The share is what `calico train` spends in the model with data.workers=0; workers hide the rest. Run
it alone.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

import click
import torch

from calico.config.load import load_config
from calico.config.schema import Config
from calico.data.open import open_source
from calico.models.calico import CalicoModel
from calico.regions import prepare_regions
from calico.train.loop import load_batches
from calico.train.schedule import make_optimizer
from calico.train.stages import make_task, run_stage
from calico.train.task import Plan


def _nothing(model: CalicoModel, config: Config) -> dict[str, float | None]:
    return {}


def _quiet(*words: object) -> None:
    pass


@click.command()
@click.option("--steps", default=10)
@click.option("--threads", default=1)
def main(steps: int, threads: int) -> None:
    """Print the table."""
    torch.set_num_threads(threads)
    settings = [
        "data.sim.train_scenes=4",
        "pretrain.prc.train.epochs=1",
        "pretrain.rad.train.epochs=1",
    ]
    config = load_config("tiny", None, settings)
    source = open_source(config, "train")
    for index in range(len(source)):
        source[index]
    prepare_regions(source, config.pretrain.regions, range(len(source)), 1, None)
    click.echo(
        f"tiny preset, {config.train.batch_size} frames a step, {threads} thread(s), median of "
        f"{steps} steps\n"
    )
    click.echo("| stage | loading [s] | model [s] | share of the model |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        before: Path | None = None
        for stage in ("prc", "rad", "finetune"):
            task = make_task(stage, config, source, before, _nothing, _quiet)
            optimizer, loads, models = make_optimizer(task, task.schedule), [], []
            task.epoch_length = steps * task.schedule.batch_size
            stream = load_batches(task, Plan.from_task(task), 0)
            for _ in range(steps):
                start = time.perf_counter()
                batch = next(stream)
                middle = time.perf_counter()
                optimizer.zero_grad()
                torch.autograd.backward(task(batch)["total"])
                optimizer.step()
                loads.append(middle - start)
                models.append(time.perf_counter() - middle)
            load, model = statistics.median(loads), statistics.median(models)
            click.echo(
                f"| {stage} | {load:.3f} | {model:.3f} | {100 * model / (load + model):.0f} % |"
            )
            if stage == "prc":
                before = Path(folder) / "prc"
                run_stage(
                    stage, config, source, before, None, _nothing, _quiet, say=_quiet, resume=False
                )


if __name__ == "__main__":
    main()
