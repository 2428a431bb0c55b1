"""The commands `calico data check`, `convert`, `prepare` and `regions`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.convert import convert
from calico.cli.groups import Group
from calico.cli.options import PATH, claim_output, overwrite_option, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.source import FrameSource


@click.group("data", cls=Group)
def group() -> None:
    """Check or convert a data set, prepare its frames, or look at regions."""


@group.command()
@with_config
@click.option(
    "--split",
    "splits",
    multiple=True,
    help="train, val, another split of the data set, one scene, or all; may be repeated. "
    "Default: train and val, but for a copy only those that it was made of.",
)
@click.option(
    "--pictures",
    type=PATH,
    metavar="DIR",
    help="Draw frames there: points and boxes from above and in every camera.",
)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    default=4,
    show_default=True,
    help="How many frames of a split --pictures draws.",
)
@overwrite_option()
def check(
    config: Config, splits: tuple[str, ...], pictures: Path | None, frames: int, overwrite: bool
) -> None:
    """List what a data set lacks and what contradicts itself.

    \b
    Exit code 2: something is missing or broken, or cannot be right.

    Examples:
      calico data check --preset nuscenes --data-root /data/nuscenes
      calico data check --preset nuscenes --data-root /data/nuscenes --split scene-0103
      calico data check --data-root /data/ours --pictures runs/overlays
    """
    from calico.data.check import SPLITS, check_data

    if pictures is not None:
        claim_output(pictures, resume=None, overwrite=overwrite, kind="overlays")
    wanted = tuple(dict.fromkeys(splits)) or None
    found = check_data(config, wanted, progress=Progress("checking"))
    for line in found.lines():
        click.echo(line)
    if pictures is not None:
        _draw_overlays(config, wanted or SPLITS, pictures, frames, overwrite)
    if not found.ok:
        sys.exit(2)


def _draw_overlays(
    config: Config, splits: tuple[str, ...], out: Path, frames: int, overwrite: bool
) -> None:
    """Draw frames of every split that can be opened."""
    from calico.cli.words import portable_command
    from calico.data.open import open_named
    from calico.data.pictures import write_overlays
    from calico.errors import CalicoError
    from calico.files import make_folder

    make_folder(out, "overlays", portable_command(sys.argv), overwrite=overwrite)
    for split in splits:
        try:
            source = open_named(config, split)
            write_overlays(
                source,
                out,
                frames=frames,
                range_m=config.grid.pillars.inner_radius_m,
                progress=Progress(f"drawing {source.name}"),
            )
        except CalicoError as error:
            click.echo(f"no pictures of {split}: {error}", err=True)
    click.echo(f"pictures: {out}")


@group.command()
@with_config
def prepare(config: Config) -> None:
    """Render simulated frames, or index large tables.

    If augment.paste is set, the objects to paste are cut out of the training frames as well.
    Without this command it happens when it is first needed. Small tables get no index.

    \b
    Examples:
      calico data prepare --preset tiny
      calico data prepare --preset nuscenes --data-root /data/nuscenes
    """
    from calico.data.open import open_source

    for split in ("train", "val"):
        source = open_source(config, split, Progress("indexing the tables"))
        _prepare_split(config, source)
        if split == "train" and config.augment.paste is not None:
            from calico.train.finetune import find_pasted

            stored = find_pasted(config, source, Progress("cutting out objects"))
            if stored is not None:
                click.echo(f"{source.name}: objects to paste ready, {stored.path}")


def _prepare_split(config: Config, source: FrameSource) -> None:
    """Fill the caches of one split, and say what was done."""
    index = getattr(source, "index_file", None)
    if index is not None:
        click.echo(f"{source.name}: {len(source)} frames ready, index {index}")
        return
    render = getattr(source, "prepare", None)
    if render is None:
        click.echo(f"{source.name}: nothing to prepare")
        return
    render(workers=max(config.data.workers, 2), progress=Progress(f"simulating {source.name}"))
    click.echo(f"{source.name}: {len(source)} frames ready")


@group.command()
@with_config
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option(
    "--frames",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="How many, spread over the split.",
)
@click.option(
    "--limits",
    type=click.Choice(["config", "prototype"]),
    default="config",
    show_default=True,
    help="Those of pretrain.regions, or all settings of the first author's prototype.",
)
@click.option(
    "--min-points",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Count objects that have as many LiDAR points.",
)
@click.option("--out", type=PATH, required=True, help="Folder for the pictures.")
@overwrite_option()
def regions(
    config: Config,
    split: str,
    frames: int,
    limits: str,
    min_points: int,
    out: Path,
    overwrite: bool,
) -> None:
    """Draw the regions that pre-training contrasts, and say how many labelled objects they cover.

    \b
    Example: calico data regions --preset tiny --out runs/regions
    """
    from calico.files import make_folder

    claim_output(out, resume=None, overwrite=overwrite, kind="regions")  # before what is slow
    import numpy as np

    from calico.cli.words import portable_command
    from calico.data.open import open_source
    from calico.draw.regions import draw_regions
    from calico.files.images import write_png
    from calico.regions import PROTOTYPE, cached_regions
    from calico.regions.coverage import Coverage, covering_regions, measure_coverage

    settings = config.pretrain.regions
    if limits == "prototype":
        settings = PROTOTYPE.model_copy(update={"cache_dir": settings.cache_dir})
    source = open_source(config, "train" if split == "train" else "val")
    indices = np.unique(np.linspace(0, len(source) - 1, frames).round().astype(int))
    make_folder(out, "regions", portable_command(sys.argv), overwrite=overwrite)
    progress, total = Progress("regions"), Coverage()
    for done, index in enumerate(indices.tolist()):
        progress(done, len(indices))
        frame = source[index]
        ids = cached_regions(frame, settings)
        total += measure_coverage(frame, ids, min_points)
        picture = draw_regions(
            frame, ids, covering_regions(frame, ids), range_m=config.grid.pillars.inner_radius_m
        )
        write_png(out / f"{index:05d}.png", picture)
    progress(len(indices), len(indices))
    click.echo(
        "\n".join(
            [
                f"{source.name}, {len(indices)} of {len(source)} frames",
                "",
                *total.lines(source.taxonomy.names),
                "",
            ]
        )
    )
    click.echo(f"pictures: {out}")


group.add_command(convert)
