"""The command `calico data convert`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

import click

from calico.cli.options import PATH, claim_output, overwrite_option, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config
    from calico.data.convert import Target
    from calico.data.layouts import Layout

LAYOUTS = ("folder", "nuscenes", "waymo-v1", "waymo-v2", "kitti", "argoverse2")


@click.command()
@with_config
@click.option(
    "--from",
    "layout",
    type=click.Choice(["sim", *LAYOUTS]),
    help="Layout that is read.  [default: that of --data-root; without it, sim]",
)
@click.option("--to", "target", type=click.Choice(LAYOUTS), default="folder", show_default=True)
@click.option(
    "--split",
    "splits",
    multiple=True,
    default=("train", "val"),
    show_default=True,
    help="train, val, another split of the data set, one scene, or all; may be repeated.",
)
@click.option(
    "--small",
    is_flag=True,
    help="From the simulator to Waymo's files: sensors of a sixteenth of the pixels, for tests.",
)
@click.option("--out", type=PATH, required=True, help="Folder for the data set.")
@overwrite_option()
def convert(
    config: Config,
    layout: str | None,
    target: str,
    splits: tuple[str, ...],
    small: bool,
    out: Path,
    overwrite: bool,
) -> None:
    """Write a data set in another layout.

    \b
    Every layout can be read. A folder holds everything; what the others cannot hold
    (a map, older sweeps, velocities) is left out. Waymo's files consist of range
    images, so that only the simulator and Waymo's own files become such.

    Examples:
      calico data convert --data-root kitti --split all --out ours
      calico data convert --preset nuscenes --data-root DATA --split val --out ours
      calico data convert --from sim --to waymo-v2 --split val --out waymo
    """
    from calico.cli.words import portable_command
    from calico.data.convert import convert_data
    from calico.data.layouts import SOURCE_OF, detect_layout
    from calico.errors import CalicoError
    from calico.files import make_folder

    root = config.data.root
    found: Layout | Literal["sim"] = "sim"
    if root is not None and config.data.source != "sim":
        found = detect_layout(root)
    if layout is not None and layout != found:
        raise CalicoError(
            f"--from {layout}: the data are in the layout '{found}'"
            + ("; name their folder with --data-root" if found == "sim" else f" ({root})")
        )
    if found != "sim" and SOURCE_OF[found] != config.data.source:
        raise CalicoError(
            f"data.source is '{config.data.source}', but {root} is in the layout '{found}'; leave "
            "out data.source"
        )
    splits = tuple(dict.fromkeys(splits))
    if target != "nuscenes":  # whose writer keeps a manifest of its own, and can be resumed
        claim_output(out, resume=None, overwrite=overwrite, kind="convert")
        make_folder(out, "convert", portable_command(sys.argv), overwrite=overwrite)
    count = convert_data(
        config,
        found,
        cast("Target", target),
        splits,
        out,
        Progress(f"converting to {target}"),
        small=small,
    )
    click.echo(f"{count} frames: {out}")
