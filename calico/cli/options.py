"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

PATH = click.Path(path_type=Path)


def with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --preset, --config, --set, --data-root, --seed, --device; the command gets the resolved `config: Config`."""

    @click.option("--preset", default="tiny", show_default=True, help="tiny, nuscenes or waymo.")
    @click.option("--config", "file", type=PATH, help="YAML file with any part of the configuration.")
    @click.option("--set", "assignments", multiple=True, metavar="KEY=VALUE", help="One setting; may be repeated.")
    @click.option("--data-root", type=PATH, help="Folder of the data set (nuScenes layout).")
    @click.option("--seed", type=int, help="Seed of every random stream of the run.")
    @click.option("--device", help="cpu, cuda, cuda:1 or auto (a GPU where there is one).")
    @functools.wraps(function)
    def command(
        preset: str,
        file: Path | None,
        assignments: tuple[str, ...],
        data_root: Path | None,
        seed: int | None,
        device: str | None,
        **rest: Any,
    ) -> Any:
        from calico.config.load import load_config

        flags = {"data.root": data_root, "seed": seed, "device": device}
        return function(config=load_config(preset, file, assignments, flags), **rest)

    return command


def overwrite_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """--resume and --overwrite for an output folder that is there already."""
    function = click.option("--overwrite", is_flag=True, help="Delete what the output folder holds and start again.")(
        function
    )
    return click.option("--resume", is_flag=True, help="Go on where an interrupted run of the same command stopped.")(
        function
    )
