"""The command `calico corrupt`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.option_groups import read_names, read_numbers, refuse_old_option
from calico.cli.options import PATH, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config


@click.command("corrupt")
@with_config
@click.option(
    "--corruptions",
    multiple=True,
    required=True,
    callback=read_names,
    metavar="NAMES",
    help="Corruptions, several joined by +, or suites, as calico robust takes them; separated by "
    "commas.",
)
@refuse_old_option("--name", "--corruptions")
@click.option(
    "--severity",
    "severities",
    multiple=True,
    callback=read_numbers,
    metavar="LEVELS",
    help="Levels from 1, separated by commas.  [default: all]",
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
    corruptions: tuple[str, ...],
    severities: tuple[int, ...],
    split: str,
    link: bool,
    out: Path,
) -> None:
    """Write corrupted copies of a data set in the nuScenes format, for pipelines that read it.

    \b
    Each condition becomes a data set of its own, OUT/fog-3 and so on, with tables,
    images, point clouds and a manifest of hashes. Frames, tokens and ground truth are
    those of the split. Predictions that were made on a copy are scored with
      calico robust --predictions DIR
    DIR holds clean.json, fog-3.json, ... (nuScenes detection submissions). --seed must
    be the same there. The simulator's own frames are written to OUT/clean first. What
    can do nothing to the data is left out of a suite, with a note. A killed run goes
    on when the same command is given again. The original is never written to.

    \b
    Examples:
      calico corrupt --corruptions fog --severity 3 --out copies
      calico corrupt --preset nuscenes --data-root DATA --corruptions fog,low_light \\
        --severity 1,3 --out copies
    """
    from calico.cli.words import portable_command
    from calico.data.applicable import select_applicable
    from calico.data.copies.corrupted import CopyWriter, open_original
    from corruptions.presets import choose_levels

    # A mistake in the names is found before the clean frames are written.
    choose_levels(corruptions, severities)
    original = open_original(config, "train" if split == "train" else "val", out, Progress("clean"))
    frames = original.frames
    conditions, notes = select_applicable(
        corruptions, severities, frames, range(len(frames)), config.seed
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
