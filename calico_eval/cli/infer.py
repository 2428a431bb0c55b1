"""`calico infer`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import click

from calico.cli.options import PATH, claim_output, overwrite_option, with_model_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config


@click.command("infer")
@with_model_config
@click.option("--split", type=click.Choice(["train", "val"]), default="val", show_default=True)
@click.option("--limit", type=click.IntRange(min=1), help="Only the first frames of the split.")
@click.option(
    "--pictures/--no-pictures",
    default=True,
    show_default=True,
    help="Draw BEV and camera overlays.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["nuscenes", "waymo"]),
    default="nuscenes",
    show_default=True,
    help="submission.json of nuScenes, or objects.bin for Waymo's metrics.",
)
@click.option(
    "--details",
    type=PATH,
    help="YAML file about the method, for a Waymo leaderboard: submission.bin, not objects.bin.",
)
@click.option("--out", type=PATH, required=True, help="Folder for the submission and pictures.")
@overwrite_option()
def command(
    models: tuple[str, ...],
    config: Config,
    split: str,
    limit: int | None,
    pictures: bool,
    form: Literal["nuscenes", "waymo"],
    details: Path | None,
    out: Path,
    overwrite: bool,
) -> None:
    """Write predictions as a submission, and pictures of them over the ground truth.

    Classes that nuScenes does not have keep their own names in a nuScenes submission.

    \b
    MODEL (one) is a run folder, a .safetensors or .onnx file, package.module:factory, or a folder
    of prediction files.
    Example: calico infer runs/tiny/model.onnx --limit 8 --out runs/tiny-pictures
    """
    from calico.files import make_folder

    if len(models) != 1:
        raise click.UsageError(f"got {len(models)} models, expected one")
    if details is not None and form != "waymo":
        raise click.UsageError("--details needs --format waymo")
    claim_output(out, resume=None, overwrite=overwrite, kind="infer")  # before what is slow
    from calico.cli.words import portable_command
    from calico.data.open import open_source
    from calico_eval.engines.open import open_engine
    from calico_eval.infer import check_inference, run_inference
    from calico_eval.waymo_submission import read_details

    about = None if details is None else read_details(details)
    source = open_source(config, "train" if split == "train" else "val")
    engine = open_engine(models[0], config.device)
    check_inference(engine, source, form)
    make_folder(out, "infer", portable_command(sys.argv), overwrite=overwrite)
    submission = run_inference(
        engine,
        source,
        out,
        limit=limit,
        pictures=pictures,
        batch_size=config.eval.batch_size,
        range_m=config.grid.pillars.inner_radius_m,
        progress=Progress("inference"),
        form=form,
        details=about,
    )
    click.echo(f"submission: {submission}")
    if pictures:
        click.echo(f"pictures: {out / 'pictures'}")
