"""The command `python -m experiments.pretraining`."""

from __future__ import annotations

import functools
import sys
from pathlib import Path
from typing import Literal

import click

from calico.cli.options import PATH
from calico.cli.progress import Progress
from calico.extras import require_extra


@click.command("pretraining")
@click.option(
    "--size",
    default="laptop",
    show_default=True,
    help="ci (minutes), laptop and laptop-short (hours), laptop-8-beams and laptop-4-beams (a "
    "cheaper LiDAR), real (one "
    "sequence), full (GPUs).",
)
@click.option(
    "--variant",
    "variants",
    multiple=True,
    help="May be repeated.  [default: the core table; see docs]",
)
@click.option(
    "--labels",
    multiple=True,
    type=float,
    help="Share of labelled frames; may be repeated.  [default: 0.05]",
)
@click.option("--all-labels", is_flag=True, help="1, 5, 10, 20, 50 and 100 % of the labels.")
@click.option(
    "--seed", "seeds", multiple=True, type=int, help="May be repeated.  [default: 0, 1, 2]"
)
@click.option(
    "--split",
    type=click.Choice(["val", "test"]),
    default="test",
    show_default=True,
    help="val to choose anything.",
)
@click.option(
    "--set",
    "extra",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting on top of the size's; may be repeated.",
)
@click.option(
    "--work",
    type=PATH,
    default=Path("runs/bench"),
    show_default=True,
    help="Folder of models and logs.",
)
@click.option(
    "--results", type=PATH, help="Folder of the cells' JSON.  [default: WORK/results/SIZE-SPLIT]"
)
@click.option(
    "--robust",
    is_flag=True,
    help="Also corruptions and attacks on the fine-tuned models: mCE, share of the clean mAP lost.",
)
@click.option(
    "--table-only", is_flag=True, help="Train nothing; write the table of the cells that are there."
)
def command(
    size: str,
    variants: tuple[str, ...],
    labels: tuple[float, ...],
    all_labels: bool,
    seeds: tuple[int, ...],
    split: Literal["val", "test"],
    extra: tuple[str, ...],
    work: Path,
    results: Path | None,
    robust: bool,
    table_only: bool,
) -> None:
    """Measure label efficiency: fine-tune on few labels from each initialisation.

    \b
    All initialisations get the same number of fine-tuning steps. Finished cells are
    not run again and a killed run continues. Writes one JSON per cell, table.md and
    plot.svg.

    Examples:
      python -m experiments.pretraining --size ci --seed 0
      python -m experiments.pretraining --size laptop --labels 0.05
      python -m experiments.pretraining --size laptop --variant lidar-prc --labels 0.2 --seed 0
      python -m experiments.pretraining --size full --all-labels --set data.root=DATA --split val
    """
    require_extra("the experiment on pre-training", "train", "sim", "viz")
    from experiments.pretraining.protocol import CORE, LABELS, SEEDS, cells, groups
    from experiments.pretraining.robust import measure_robustness
    from experiments.pretraining.run import Bench
    from experiments.pretraining.table import write_tables

    folder = results or work / "results" / f"{size}-{split}"
    if not table_only:
        say = functools.partial(click.echo, err=True)
        bench = Bench(
            work, folder, split=split, extra=extra, command=sys.argv, progress=Progress, say=say
        )
        chosen = cells(
            size, variants or CORE, LABELS if all_labels else labels or (0.05,), seeds or SEEDS
        )
        compared = groups(chosen) if robust else []
        bench.check(chosen)
        for number, cell in enumerate(chosen, 1):
            click.echo(f"cell {number} of {len(chosen)}: {cell.name}", err=True)
            bench.run(cell)
        for group in compared:
            measure_robustness(
                work,
                folder,
                group,
                split=split,
                extra=extra,
                command=sys.argv,
                progress=Progress,
                say=say,
            )
    for path in write_tables(folder):
        click.echo(path)
