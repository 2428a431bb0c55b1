"""`calico gallery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from calico.cli.options import overwrite_option, with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from collections.abc import Sequence

    from calico.config.schema import Config
    from calico.frame import Frame
    from corruptions import Spec


@click.command("gallery")
@with_config
@click.option(
    "--frame",
    "number",
    type=click.IntRange(min=0),
    help="Number of the frame.  [default: 19, or the last]",
)
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option(
    "--corruptions",
    multiple=True,
    metavar="NAMES",
    help="Names, pairs joined by +, or presets; separated by commas, may be repeated.  [default: "
    "all]",
)
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The HTML file.")
@click.option(
    "--sheets",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a contact sheet of every group, as in the documentation; besides --out, or "
    "alone.",
)
@click.option(
    "--closeups",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for a large picture of one camera under every corruption: clean, and at "
    "severities 1, 3, 5.",
)
@click.option(
    "--camera",
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="The camera of --closeups.",
)
@overwrite_option("Replace the files that are there.")
def command(
    config: Config,
    number: int | None,
    split: str,
    corruptions: tuple[str, ...],
    out: Path | None,
    sheets: Path | None,
    closeups: Path | None,
    camera: int,
    overwrite: bool,
) -> None:
    """Show every corruption at every severity on one frame, with its measured effect.

    The page is one HTML file without scripts. Corruptions whose effect check fails on this frame
    are listed in red.

    \b
    Examples:
      calico gallery --out gallery.html
      calico gallery --corruptions fog,fog+camera_crash --out fog.html
      calico gallery --preset nuscenes --data-root DATA --frame 3 --out real.html
      calico gallery --preset nuscenes --data-root DATA --closeups weather \\
        --corruptions fog,rain,snowfall,wet_ground
      calico gallery --set data.sweeps=5 --sheets docs/images/corruptions --overwrite
    """
    from calico.data.open import open_source
    from calico.errors import CalicoError
    from calico.files import check_file
    from corruptions import SPECS
    from corruptions.presets import choose_names

    if out is None and sheets is None and closeups is None:
        raise click.UsageError(
            "nothing to write; give --out FILE, --sheets FOLDER or --closeups FOLDER"
        )
    names = choose_names(corruptions)
    singles = [SPECS[name] for name in names if name in SPECS]
    if sheets is not None and not singles:
        raise click.UsageError(
            f"--sheets: a sheet shows single corruptions, and {', '.join(names)} are none; use "
            "--out"
        )
    pictures = [] if sheets is None else [sheets / f"{spec.group}.jpg" for spec in singles]
    pictures += [] if closeups is None else [closeups / f"{name}.jpg" for name in names]
    for file in [*([out] if out else []), *pictures]:
        check_file(file, overwrite=overwrite)
    source = open_source(config, "train" if split == "train" else "val")
    index = min(19, len(source) - 1) if number is None else number
    if index >= len(source):
        raise CalicoError(
            f"--frame {index}: {source.name} has {len(source)} frames; expected 0 to "
            f"{len(source) - 1}"
        )
    frame = source[index]
    if out is not None:
        _write_page(out, frame, names, config.seed, source.name)
    if sheets is not None:
        _write_sheets(sheets, frame, singles, config.seed)
    if closeups is not None:
        _write_closeups(closeups, frame, names, camera, config.seed)


def _write_page(out: Path, frame: Frame, names: Sequence[str], seed: int, source: str) -> None:
    from calico.files import write_atomic
    from calico_eval.corruption_gallery.page import render_page

    out.parent.mkdir(parents=True, exist_ok=True)  # before the long part
    page, failed = render_page(frame, names, seed, source, Progress("gallery"))
    write_atomic(out, page)
    click.echo(f"{out} ({len(page) / 1e6:.1f} MB), {len(failed)} failed effect checks")


def _write_sheets(folder: Path, frame: Frame, specs: Sequence[Spec], seed: int) -> None:
    from calico.files import write_atomic
    from calico_eval.corruption_gallery.sheet import draw_sheet

    folder.mkdir(parents=True, exist_ok=True)
    for group in dict.fromkeys(spec.group for spec in specs):
        own = [spec for spec in specs if spec.group == group]
        write_atomic(folder / f"{group}.jpg", draw_sheet(frame, own, seed))
        click.echo(f"{folder / group}.jpg: {len(own)} corruptions")


def _write_closeups(
    folder: Path, frame: Frame, names: Sequence[str], camera: int, seed: int
) -> None:
    from calico.files import write_atomic
    from calico_eval.corruption_gallery.closeup import draw_closeup

    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        write_atomic(folder / f"{name}.jpg", draw_closeup(frame, name, camera, seed))
        click.echo(f"{folder / name}.jpg")
