"""`calico infer`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

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
@click.option("--out", type=PATH, required=True, help="Folder for submission.json and pictures.")
@overwrite_option()
def command(
    models: tuple[str, ...],
    config: Config,
    split: str,
    limit: int | None,
    pictures: bool,
    out: Path,
    overwrite: bool,
) -> None:
    """Write predictions as a nuScenes submission, and pictures of them over the ground truth.

    Classes that nuScenes does not have keep their own names in it.

    \b
    MODEL (one) is a run folder, a .safetensors or .onnx file, package.module:factory, or a folder
    of prediction files.
    Example: calico infer runs/tiny/model.onnx --limit 8 --out runs/tiny-pictures
    """
    from calico.files import make_folder

    if len(models) != 1:
        raise click.UsageError(f"got {len(models)} models, expected one")
    claim_output(out, resume=None, overwrite=overwrite, kind="infer")  # before what is slow
    from calico.cli.words import portable_command
    from calico.data.open import open_source
    from calico_eval.engines.open import open_engine
    from calico_eval.infer import check_inference, run_inference

    source = open_source(config, "train" if split == "train" else "val")
    engine = open_engine(models[0], config.device)
    check_inference(engine, source)
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
    )
    click.echo(f"submission: {submission}")
    if pictures:
        click.echo(f"pictures: {out / 'pictures'}")
