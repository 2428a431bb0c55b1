"""Measure what RAD adds to PRC + random camera, on more test frames than the table has.

Run it from the repository's root, after `python -m experiments.pretraining` of these sizes,
variants and seeds:

    python -m experiments.pretraining.rad_gain --seed 1 --seed 2 --out runs/rad-gain

The fine-tuned models are scored on the first 80 test scenes of the simulator (the 20 of the table
are among them), under the condition of their size. Each size and seed gives one JSON file in --out,
with hashes. Files that exist are not made again. The program prints the differences CALICO minus
PRC + random camera within a seed, their mean with the 95 % interval over seeds (Student's t), and
those of a seed averaged over the sizes.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import click

from calico.data.open import open_source
from calico.data.source import FrameSource
from calico.files import write_atomic
from calico.train.checkpoint import MODEL_FILE, load_model
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.evaluation.provenance import describe_origin
from calico_eval.metrics.summary import compute_metrics
from calico_eval.validation import eval_ranges
from experiments.pretraining.conditioned import ConditionedSource
from experiments.pretraining.protocol import SIZES, VARIANTS, Cell
from experiments.pretraining.table import METRICS, Estimate

LIDARS = ("laptop-short", "laptop-8-beams", "laptop-4-beams")
WITHOUT, WITH = "fused-prc", "fused-calico"
SCENES = 80
LABELS = 0.05


@click.command()
@click.option(
    "--work", type=click.Path(path_type=Path), default=Path("runs/bench"), show_default=True
)
@click.option(
    "--size",
    "sizes",
    multiple=True,
    type=click.Choice(LIDARS),
    default=LIDARS,
    help="May be repeated.",
)
@click.option("--seed", "seeds", multiple=True, type=int, required=True, help="May be repeated.")
@click.option(
    "--out", type=click.Path(path_type=Path), required=True, help="Folder of the JSON files."
)
def main(work: Path, sizes: tuple[str, ...], seeds: tuple[int, ...], out: Path) -> None:
    """Score what is missing and print the table of all files in --out."""
    out.mkdir(parents=True, exist_ok=True)
    for size in sizes:
        for seed in seeds:
            path = out / f"{size}-seed{seed}.json"
            if not path.exists():
                write_atomic(
                    path, json.dumps(scored(work, size, seed), indent=1, sort_keys=True) + "\n"
                )
                click.echo(path, err=True)
    records = [
        json.loads(path.read_text(encoding="utf-8")) for path in sorted(out.glob("*-seed*.json"))
    ]
    for line in table(records):
        click.echo(line)


def scored(work: Path, size: str, seed: int) -> dict[str, Any]:
    """Return metrics of the two models of a size and seed.

    Args:
        work: Folder of models and logs.
        size: Size of the benchmark.
        seed: Seed of the run.
    """
    models: dict[str, Any] = {}
    for name in (WITHOUT, WITH):
        folder = Cell(size, VARIANTS[name], LABELS, seed).model_folder(work)
        if not (folder / MODEL_FILE).is_file():
            command = (
                f"python -m experiments.pretraining --size {size} --labels {LABELS} --seed "
                f"{seed} --variant {name}"
            )
            raise click.ClickException(f"{folder / MODEL_FILE}: not there; run {command}")
        model, config = load_model(folder)
        sim = config.data.sim.model_copy(update={"test_scenes": SCENES})
        config = config.model_copy(update={"data": config.data.model_copy(update={"sim": sim})})
        source: FrameSource = open_source(config, "test")
        if condition := SIZES[size].condition:
            source = ConditionedSource(source, condition)
        engine = TorchEngine(model, config, config.device, name)
        stats = evaluate_engine(
            engine, source, ranges=eval_ranges(config), batch_size=config.eval.batch_size
        )
        metrics = compute_metrics(stats, with_intervals=False)
        models[name] = {
            "model_sha256": hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
            "metrics": {metric: found.value for metric, found in metrics.items()},
            "data_hash": source.content_hash(),
            "n_frames": len(source),
        }
    return {
        "size": size,
        "seed": seed,
        "labels": LABELS,
        "models": models,
        "origin": describe_origin(sys.argv),
    }


def table(records: list[dict[str, Any]]) -> list[str]:
    """Write lines of Markdown, in points."""
    lines = [
        "| | metric | PRC + random camera | CALICO | CALICO minus PRC + random camera | by seed |",
        "|" + 6 * "---|",
    ]
    gains: dict[str, dict[int, dict[str, float]]] = {metric: {} for metric in (*METRICS, "AP/car")}
    for size in LIDARS:
        found = {record["seed"]: record["models"] for record in records if record["size"] == size}
        for metric in gains:
            values = {
                name: [100.0 * found[seed][name]["metrics"][metric] for seed in sorted(found)]
                for name in (WITHOUT, WITH)
            }
            differences = [
                after - before for before, after in zip(values[WITHOUT], values[WITH], strict=True)
            ]
            for seed, difference in zip(sorted(found), differences, strict=True):
                gains[metric].setdefault(seed, {})[size] = difference
            if found:
                means = " | ".join(str(Estimate.of(values[name])) for name in (WITHOUT, WITH))
                lines.append(f"| {size} | {metric} | {means} | {_row(differences)} |")
    for metric, seeds in gains.items():
        means_of_seeds = [
            sum(by.values()) / len(by) for _, by in sorted(seeds.items()) if len(by) == len(LIDARS)
        ]
        if means_of_seeds:
            lines.append(f"| mean of the three | {metric} | | | {_row(means_of_seeds)} |")
    return lines


def _row(differences: list[float]) -> str:
    return (
        f"{Estimate.of(differences).signed} | {' '.join(f'{value:+.1f}' for value in differences)}"
    )


if __name__ == "__main__":
    main()
