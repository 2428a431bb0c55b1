"""Options that several commands share."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from calico.cli.option_groups import grouped_option

if TYPE_CHECKING:
    from calico.config.schema import Config

PATH = click.Path(path_type=Path)
DEFAULT_RUN = "runs/tiny"
MODELS, CONFIGURATION = "Models", "Configuration"
"""Headings of options."""
UNTRAINED = "untrained"
"""In place of a model: the preset with random weights (`calico export`)."""


def _settings(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --config, --set, --data-root, --seed, --device."""
    option = functools.partial(grouped_option, CONFIGURATION)
    for add in (
        option("--device", help="cpu, cuda, cuda:1 or auto (a GPU if there is one)."),
        option("--seed", type=int, help="Seed of every random stream of the run."),
        option("--data-root", type=PATH, help="Folder of the data set; its layout is recognised."),
        option(
            "--set",
            "assignments",
            multiple=True,
            metavar="KEY=VALUE",
            help="One setting; may be repeated.",
        ),
        option("--config", "file", type=PATH, help="YAML file with any part of the configuration."),
    ):
        function = add(function)
    return function


def with_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the options of a configuration to a command.

    They are --preset, --config, --set, --data-root, --seed and --device. The command gets the
    resolved `config: Config`.
    """

    @grouped_option(
        CONFIGURATION,
        "--preset",
        default="tiny",
        show_default=True,
        help="tiny, nuscenes or waymo.",
    )
    @_settings
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
        return function(config=_resolve(preset, file, assignments, data_root, seed, device), **rest)

    wrapped: Callable[..., Any] = command
    return wrapped


def _resolve(
    base: str | Config,
    file: Path | None,
    assignments: tuple[str, ...],
    data_root: Path | None,
    seed: int | None,
    device: str | None,
) -> Config:
    """Return the configuration that the options describe.

    A folder of data that would not be read is refused.
    """
    from calico.data.adapt import resolve_config
    from calico.errors import CalicoError

    config = resolve_config(
        base, file, assignments, {"data.root": data_root, "seed": seed, "device": device}
    )
    if data_root is not None and config.data.source == "sim":
        raise CalicoError(
            f"--data-root {data_root}: data.source is 'sim', so these frames would not be looked "
            "at; leave out data.source, which the folder decides"
        )
    return config


def claim_output(
    folder: Path, *, resume: bool | None, overwrite: bool, kind: str, lock: Path | None = None
) -> None:
    """Hold a command's output folder until the command ends (see `calico.files.claim_folder`).

    Args:
        folder: Output folder.
        resume: Whether the run continues, or None for a command that cannot resume.
        overwrite: Whether what the folder holds may be deleted.
        kind: What the folder holds.
        lock: Folder that is locked. The default is `folder`.
    """
    from calico.files import claim_folder

    claim = claim_folder(folder, resume=resume, overwrite=overwrite, kind=kind, lock=lock)
    click.get_current_context().with_resource(claim)


def overwrite_option(
    text: str = "Delete what the output folder holds and start again.",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add --overwrite to a command that has nothing to resume."""
    return click.option("--overwrite", is_flag=True, help=text)


def overwrite_options(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add --resume and --overwrite for an output folder that exists."""
    function = overwrite_option()(function)
    return click.option(
        "--resume", is_flag=True, help="Go on where an interrupted run of the same command stopped."
    )(function)


def with_model_config(function: Callable[..., Any]) -> Callable[..., Any]:
    """Add the argument MODEL... (or --model) and the configuration of the models' frames.

    Without any model the run that `calico train` leaves by default is taken. Without --preset the
    configuration is that of the first model that carries one (all of ours do), and --config, --set
    and the flags change it. A user's own model gets the tiny preset's simulator. The command
    receives `models: tuple[str, ...]` and `config: Config`. Folders of its option --predictions, if
    it has one, are models too.
    """

    @click.argument("models", nargs=-1, metavar="[MODEL]...")
    @grouped_option(
        MODELS,
        "--model",
        "more",
        multiple=True,
        help=f"The same as MODEL; may be repeated.  [default: {DEFAULT_RUN}]",
    )
    @grouped_option(
        CONFIGURATION,
        "--preset",
        help="tiny, nuscenes or waymo.  [default: the model's own configuration]",
    )
    @_settings
    @functools.wraps(function)
    def command(
        models: tuple[str, ...],
        more: tuple[str, ...],
        preset: str | None,
        file: Path | None,
        assignments: tuple[str, ...],
        data_root: Path | None,
        seed: int | None,
        device: str | None,
        **rest: Any,
    ) -> Any:
        folders = rest.pop("predictions", ())
        _check_predictions(folders)
        models = (*models, *more, *folders) or (DEFAULT_RUN,)
        carriers = (*models, *rest.get("attack_models", ()))
        _check_places(carriers)
        own = None if preset else _config_of(carriers)
        config = _resolve(preset or own or "tiny", file, assignments, data_root, seed, device)
        if own is not None:
            _check_unchanged(own, config)
        return function(models=models, config=config, **rest)

    wrapped: Callable[..., Any] = command
    return wrapped


def _check_unchanged(own: Config, config: Config) -> None:
    """Refuse a setting of the network that differs from the trained one.

    It would change nothing.
    """
    from calico.config.load import describe_changes
    from calico.errors import CalicoError

    before, after = (
        one.model_dump(mode="json", include={"grid", "taxonomy", "model"}) for one in (own, config)
    )
    changed = describe_changes(before, after)
    if changed:
        raise CalicoError(
            f"settings of a trained network are fixed, and these differ from its own: "
            f"{'; '.join(changed)}; leave them out"
        )


def _check_places(models: tuple[str, ...]) -> None:
    """Refuse a path with nothing there, before anything slow is imported."""
    from calico.errors import CalicoError
    from calico.names import split_name

    for model in models:
        place = split_name(model)[1]
        if place != UNTRAINED and ":" not in place and not Path(place).exists():
            raise CalicoError(
                f"model '{place}' does not exist; expected a run folder, a .safetensors or .onnx "
                f"file, a folder of "
                "prediction files (clean.json, ...), or package.module:factory"
            )


def _check_predictions(folders: tuple[str, ...]) -> None:
    """Refuse a folder that holds no prediction files."""
    from calico.errors import CalicoError
    from calico.names import split_name

    for folder in folders:
        if not (Path(split_name(folder)[1]) / "clean.json").is_file():
            raise CalicoError(
                f"--predictions {folder}: no clean.json there; expected a folder with one nuScenes "
                f"detection submission per "
                "condition: clean.json, fog-3.json, ..."
            )


def _config_of(models: tuple[str, ...]) -> Config | None:
    """Return the configuration of the first model that has one.

    It comes from a run folder (with the data's place) or from a file's metadata.
    """
    from calico.config.saved import read_run_config
    from calico.names import split_name

    for model in models:
        path = Path(split_name(model)[1])
        if path.suffix == ".onnx" and path.is_file():
            from calico.export.graph import read_metadata

            return read_metadata(path).config
        if (path / "config.yaml").is_file():
            return read_run_config(path)
        if path.suffix == ".safetensors" and path.is_file():
            from calico.train.checkpoint import read_model_config

            return read_model_config(path)
    return None
