"""The commands `calico config show` and `calico config check`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from calico.cli.groups import Group
from calico.cli.options import with_config

if TYPE_CHECKING:
    from calico.config.schema import Config


@click.group("config", cls=Group)
def group() -> None:
    """Show or check a configuration (preset < file < --set < flags)."""


@group.command()
@with_config
def show(config: Config) -> None:
    """Print the resolved configuration as YAML.

    \b
    Example: calico config show --preset nuscenes --set train.epochs=5 > my.yaml
    """
    from calico.config.load import to_yaml

    click.echo(to_yaml(config), nl=False)


@group.command()
@with_config
def check(config: Config) -> None:
    """List every fault of a configuration, or say that it has none.

    A folder of data that is named must exist; `calico data check` looks into it.

    \b
    Example: calico config check --config my.yaml
    """
    from calico.data.root import find_data_root

    if config.data.root is not None:
        find_data_root(config)
    rows, columns = config.grid.pillars.shape
    click.echo(
        f"configuration {config.name!r}: valid; {rows} x {columns} pillars, map "
        f"{config.grid.map.shape}"
    )
