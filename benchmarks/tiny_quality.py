"""What the tiny preset learns from random weights.

Fused, LiDAR-only, camera-only, 5 % of the labels; untrained; class prior.

    python benchmarks/tiny_quality.py --out runs/quality --seed 0

Trains four models with the same number of steps and scores all on the held-out scenes. Prints a
Markdown table with n, seed and 95 % intervals over scenes. About half an hour on two cores;
finished trainings are reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import numpy as np

from calico.cli.progress import Progress
from calico.cli.training_parts import make_validation
from calico.config.load import load_config
from calico.data.open import open_source
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.models.calico import build_model
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico.train.checkpoint import load_model
from calico.train.stages import run_stage
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.metrics.summary import compute_metrics
from calico_eval.validation import eval_ranges
from reports.schema import Metric

VARIANTS: dict[str, list[str]] = {
    "fused": ["train.init=random"],
    "LiDAR only": ["train.init=random", "model.camera=null", "augment.sensor_dropout=0"],
    "camera only": ["train.init=random", "model.lidar=null", "augment.sensor_dropout=0"],
    "fused, 5 % of the labels": ["train.init=random", "train.label_fraction=0.05"],
}


class ClassPrior:
    """Always the same answer.

    Where objects and map classes are on average in the training frames.
    """

    name, model_name, sensors, sha256 = "prior", "prior", (), "prior"

    def __init__(self, source: FrameSource) -> None:
        frames = [source[index] for index in range(len(source))]
        self.map_probs = np.mean([f.map_masks for f in frames], axis=0).astype(np.float32)
        boxes = np.concatenate([f.boxes.boxes for f in frames])
        labels = np.concatenate([f.boxes.labels for f in frames])
        found: list[tuple[float, int, np.ndarray]] = []
        for label in range(len(NUSCENES.names)):
            own = np.nan_to_num(boxes[labels == label])
            cells, counts = np.unique(np.round(own[:, :2] / 2.0) * 2.0, axis=0, return_counts=True)
            mean = own.mean(axis=0) if len(own) else np.zeros(9, np.float32)
            found += [
                (n / len(frames), label, np.concatenate([xy, mean[2:]]))
                for xy, n in zip(cells, counts, strict=True)
            ]
        found = sorted(found, key=lambda item: -item[0])[:500]
        self.boxes = np.array([item[2] for item in found], np.float32)
        self.labels = np.array([item[1] for item in found], np.int64)
        self.scores = np.clip(np.array([item[0] for item in found], np.float32), 0, 1)

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        return [Predictions(self.boxes, self.scores, self.labels, self.map_probs) for _ in frames]


def trained(variant: str, seed: int, folder: Path) -> Engine:
    """The variant's engine; trains it unless the folder holds it."""
    config = load_config("tiny", None, [*VARIANTS[variant], f"seed={seed}"])
    source, validate = open_source(config, "train"), make_validation(open_source(config, "val"))
    run_stage(
        "finetune",
        config,
        source,
        folder,
        None,
        validate,
        Progress(variant),
        say=click.echo,
        resume=True,
    )
    model, config = load_model(folder)
    return TorchEngine(model, config, "cpu", variant)


def show(metric: Metric) -> str:
    """Value and interval in percent."""
    if metric.value is None:
        return "-"
    if metric.lo is None or metric.hi is None:
        return f"{100 * metric.value:.1f}"
    return f"{100 * metric.value:.1f} [{100 * metric.lo:.1f}, {100 * metric.hi:.1f}]"


@click.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("runs/quality"))
@click.option("--seed", type=int, default=0)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    type=click.Choice(list(VARIANTS)),
    default=list(VARIANTS),
)
def main(out: Path, seed: int, variants: tuple[str, ...]) -> None:
    """Train, score, print the table."""
    config = load_config("tiny", None, [f"seed={seed}"])
    source = open_source(config, "val")
    engines: list[Engine] = [
        trained(
            variant,
            seed,
            out / f"{variant.replace(' ', '-').replace(',', '').replace('%', 'percent')}-{seed}",
        )
        for variant in variants
    ]
    engines += [
        TorchEngine(build_model(config, seed), config, "cpu", "untrained"),
        ClassPrior(open_source(config, "train")),
    ]
    click.echo(
        f"held-out: {source.name}, {len(source)} frames, seed {seed}, 95 % intervals over scenes\n"
    )
    click.echo("| model | mAP | NDS | mIoU |\n|---|---|---|---|")
    for engine in engines:
        metrics = compute_metrics(evaluate_engine(engine, source, ranges=eval_ranges(config)))
        click.echo(
            f"| {engine.model_name} | "
            + " | ".join(show(metrics[name]) for name in ("mAP", "NDS", "mIoU"))
            + " |"
        )


if __name__ == "__main__":
    main()
