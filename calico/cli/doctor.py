"""The command `calico doctor`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from calico.cli.options import PATH
from calico.extras import EXTRAS


@click.command("doctor")
@click.option("--data-root", type=PATH, help="Folder of a data set; its layout is recognised.")
@click.option("--config", type=PATH, help="YAML file whose data, caches and device are looked at.")
@click.option("--device", help="cpu, cuda, cuda:1 or auto; the small network must run there.")
@click.option(
    "--extra",
    "extras",
    multiple=True,
    type=click.Choice(sorted(EXTRAS)),
    help="An extra that must be installed; may be repeated.",
)
@click.option(
    "--forward/--no-forward",
    default=True,
    show_default=True,
    help="Run a small network with torch, and a small graph with ONNX Runtime.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON (format calico-doctor-1).")
def command(
    data_root: Path | None,
    config: Path | None,
    device: str | None,
    extras: tuple[str, ...],
    forward: bool,
    as_json: bool,
) -> None:
    """Look at the installation: versions, devices, extras, folders, and one small computation.

    \b
    Exit code 2: something that was asked for, or that is installed, does not work.

    Examples:
      calico doctor
      calico doctor --extra train --extra export --device cuda
      calico doctor --data-root DATA --json
    """
    from calico.doctor.diagnosis import Request, diagnose

    found = diagnose(Request(data_root, config, device, extras, forward))
    if as_json:
        click.echo(found.to_json())
    else:
        for line in found.lines():
            click.echo(line)
    if not found.ok:
        sys.exit(2)
