"""The command `calico corrupt`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import PATH, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config


@click.command("corrupt")
@with_config
@click.option(
    "--name",
    "names",
    multiple=True,
    required=True,
    help="Corruptions, several joined by +, or suites, as calico robust --corruptions takes them; "
    "may be repeated.",
)
@click.option(
    "--severity",
    "severities",
    multiple=True,
    type=int,
    help="A level, from 1; may be repeated.  [default: all]",
)
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option(
    "--link",
    is_flag=True,
    help="Hard links for the files that stay as they are, in place of copies.",
)
@click.option("--out", type=PATH, required=True, help="Folder for the copies.")
def command(
    config: Config,
    names: tuple[str, ...],
    severities: tuple[int, ...],
    split: str,
    link: bool,
    out: Path,
) -> None:
    """Write corrupted copies of a data set, in the nuScenes format, for other pipelines.

    \b
    Each condition becomes a data set of its own, OUT/fog-3 and so on, with tables,
    images, point clouds and a manifest of hashes. Frames, tokens and ground truth
    are those of the split, so predictions made on a copy are scored with
      calico robust --predictions DIR
    where DIR holds clean.json, fog-3.json, ... (nuScenes detection submissions).
    --seed must be the same there. The simulator's own frames are written to
    OUT/clean first. Corruptions of a suite that cannot change the data are left out
    with a note. A killed run continues when the same command is given again.
    Nothing of the original is ever written to.
    Examples:
      calico corrupt --name fog --severity 3 --out copies
      calico corrupt --preset nuscenes --data-root DATA --name fog --severity 1 --out copies
      calico corrupt --preset nuscenes --data-root DATA --name fog+camera_crash --out copies
    """
    from calico.cli.words import portable_command
    from calico.data.applicable import select_applicable
    from calico.data.copies.corrupted import CopyWriter, open_original
    from corruptions.presets import choose_levels

    choose_levels(
        names, severities
    )  # a slip of the hand is found before the clean frames are written
    original = open_original(config, "train" if split == "train" else "val", out, Progress("clean"))
    frames = original.frames
    conditions, notes = select_applicable(
        names, severities, frames, range(len(frames)), config.seed
    )
    for note in notes:
        click.echo(note, err=True)
    writer = CopyWriter(original, config.seed, portable_command(sys.argv), link)
    if original.frames is not original.records:
        click.echo(f"clean: {original.root}")
    for condition in conditions:
        name = condition.file_stem
        lost = writer.write(condition, out, Progress(name))
        click.echo(f"{name}: {out / name}")
        for what, count in lost.items():
            click.echo(
                f"note: {name}: the format cannot hold {what.replace('_', ' ')}: {count}", err=True
            )
