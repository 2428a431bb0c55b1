"""`calico eval`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, overwrite_option, with_model_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.open import Split
    from reports.schema import Metric


@click.command("eval")
@with_model_config
@click.option(
    "--split",
    type=click.Choice(["train", "val", "test"]),
    default="val",
    show_default=True,
    help="test: of the simulator, frames on which nothing is chosen.",
)
@click.option("--out", type=PATH, help="JSON file for all metrics with their intervals.")
@overwrite_option("Replace the JSON file if it is there.")
def command(
    models: tuple[str, ...], config: Config, split: Split, out: Path | None, overwrite: bool
) -> None:
    """Score models on clean frames: nuScenes detection and BEV map, with scene-clustered intervals.

    \b
    MODEL is a run folder, a .safetensors or .onnx file, package.module:factory, or a folder of
    prediction files (clean.json); NAME=MODEL names it.

    Examples:
      calico eval runs/tiny
      calico eval runs/tiny --split test --set data.sim.test_scenes=80 --out test.json
      calico eval runs/tiny/model.onnx my_package.my_model:create --preset tiny
    """
    from calico.files import check_file, write_atomic

    if overwrite and not out:
        raise click.UsageError(
            "--overwrite is for the file of --out; add it, or leave --overwrite out"
        )
    if out:
        check_file(out, overwrite=overwrite)  # before what is slow
    from calico.data.open import open_source
    from calico_eval.engines.base import check_labels
    from calico_eval.engines.open import open_engine
    from calico_eval.engines.predictions import PredictionFiles
    from calico_eval.engines.repeat import compare_two_answers
    from calico_eval.evaluate import evaluate_engine
    from calico_eval.metrics.summary import compute_metrics
    from calico_eval.validation import eval_ranges

    source = open_source(config, split)
    engines = [open_engine(spec, config.device) for spec in models]
    check_labels(engines)
    if out:
        out.parent.mkdir(parents=True, exist_ok=True)
    found = {}
    for engine in engines:
        label = f"{engine.model_name}/{engine.name}"
        stats = evaluate_engine(
            engine,
            source,
            ranges=eval_ranges(config),
            batch_size=config.eval.batch_size,
            progress=Progress(label),
        )
        metrics = compute_metrics(stats)
        found[label] = {name: metric.model_dump() for name, metric in metrics.items()}
        click.echo(f"{label} on {source.name}; {describe_ranges(config)}")
        for name, metric in metrics.items():
            click.echo(format_line(name, metric))
        if metrics["mAP"].n_scenes == 1:
            click.echo(
                "  one scene: the intervals are over its frames and say nothing of other scenes"
            )
        for name in ("NDS", "mIoU"):
            if note := name_rare_classes(metrics[name]):
                click.echo(f"  the interval of {name} knows too little of classes {note}")
        if not isinstance(engine, PredictionFiles) and (
            how := compare_two_answers(engine, source[0])
        ):
            click.echo(
                f"warning: {label} answers differently when it is asked twice about one frame "
                f"({how}): its figures "
                "cannot be made again",
                err=True,
            )
    if out:
        write_atomic(out, json.dumps(found, indent=1, sort_keys=True) + "\n")
        click.echo(f"metrics: {out}")


def describe_ranges(config: Config) -> str:
    """Describe the ranges within which objects are scored, and the setting that decides them."""
    ranges = f"ranges of taxonomy {config.taxonomy.build().name}"
    if not config.eval.clip_range_to_grid:
        return ranges
    return (
        f"{ranges}, but at most {config.grid.pillars.inner_radius_m:g} m, where the model's "
        "grid ends "
        "(eval.clip_range_to_grid)"
    )


def name_rare_classes(metric: Metric) -> str:
    """Name the classes that few scenes have, from the method of a mean over classes."""
    return (metric.method or "").partition("; ")[2]


def format_line(name: str, metric: Metric) -> str:
    """Print one figure with its interval and what it was measured on.

    Args:
        name: Name of the figure.
        metric: The figure.
    """
    if metric.value is None:
        return f"  {name:<28} undefined ({metric.reason})"
    interval = (
        "" if metric.lo is None or metric.hi is None else f"  [{metric.lo:.4f}, {metric.hi:.4f}]"
    )
    scenes = "one scene" if metric.n_scenes == 1 else f"{metric.n_scenes} scenes"
    size = "" if metric.n_objects is None else f", {metric.n_objects} objects"
    return f"  {name:<28} {metric.value:.4f}{interval}  ({metric.n_frames} frames, {scenes}{size})"
