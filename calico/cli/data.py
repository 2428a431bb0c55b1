"""`calico data check|prepare`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from calico.cli.options import with_config
from calico.cli.progress import Progress

if TYPE_CHECKING:
    from calico.config.schema import Config


@click.group("data")
def group() -> None:
    """Check a data set, or prepare the simulator's frames."""


@group.command()
@with_config
def check(config: Config) -> None:
    """Say what of a data set is there and what is not; exit code 2 if something is missing or broken.

    \b
    Example: calico data check --preset nuscenes --data-root /data/nuscenes --set data.version=v1.0-mini
    """
    from calico.data.check import check_data

    found = check_data(config, progress=Progress("checking"))
    for line in found.lines():
        click.echo(line)
    if not found.ok:
        sys.exit(2)


@group.command()
@with_config
def prepare(config: Config) -> None:
    """Render the simulator's frames into the cache now, instead of when training asks for them.

    \b
    Example: calico data prepare --preset tiny
    """
    from calico.data.open import open_source

    for split in ("train", "val"):
        source = open_source(config, split)
        render = getattr(source, "prepare", None)
        if render is None:
            click.echo(f"{source.name}: nothing to prepare")
            continue
        render(workers=max(config.data.workers, 2), progress=Progress(f"simulating {source.name}"))
        click.echo(f"{source.name}: {len(source)} frames ready")
