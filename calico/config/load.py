"""Merging: preset < file < --set < flags; every fault at once, each with the nearest valid key."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from calico.config.presets import PRESETS
from calico.config.schema import Config
from calico.errors import CalicoError

Tree = dict[str, Any]


def load_config(
    preset: str | Config = "tiny",
    file: Path | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """The resolved configuration.

    Args:
        preset: a name of `presets.PRESETS`, or a configuration to start from.
        file: YAML with any part of the tree.
        assignments: "a.b=value" strings, value in YAML.
        flags: dotted keys to values; None values are left out.

    Raises:
        CalicoError: lists every fault, its key, what was got and the nearest valid key.
    """
    tree: Tree = (preset if isinstance(preset, Config) else _preset(preset)).model_dump()
    if file is not None:
        _merge(tree, _read_yaml(file))
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise CalicoError(f"--set {assignment!r}: expected KEY=VALUE, e.g. --set train.epochs=5")
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise CalicoError(f"--set {assignment!r}: the value is not valid YAML ({error})") from error
        _merge(tree, _nested(key, value))
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(tree, _nested(key, value))
    return validate(tree)


def _preset(name: str) -> Config:
    if name not in PRESETS:
        raise CalicoError(f"unknown preset {name!r}{_nearest(name, PRESETS)}; expected one of {', '.join(PRESETS)}")
    return PRESETS[name]()


def validate(tree: Tree) -> Config:
    """A Config from a plain tree, with all faults in one CalicoError."""
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        lines = [_explain(fault) for fault in error.errors()]
        raise CalicoError("configuration: " + "\n               ".join(lines)) from None


def to_yaml(config: Config) -> str:
    """The configuration as YAML that `load_config` reads back to an equal one."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=110)


def portable_config(config: Config) -> Config:
    """The configuration without paths and device of the machine it was used on."""
    camera = config.model.camera
    if camera is not None:
        camera = camera.model_copy(update={"backbone_weights": None})
    regions = config.pretrain.regions.model_copy(update={"cache_dir": None})
    return config.model_copy(
        update={
            "device": "auto",
            "data": config.data.model_copy(update={"root": None, "cache_dir": None}),
            "model": config.model.model_copy(update={"camera": camera}),
            "pretrain": config.pretrain.model_copy(update={"regions": regions}),
            "train": config.train.model_copy(update={"init": Path(config.train.init).name}),
        }
    )


def _read_yaml(path: Path) -> Tree:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CalicoError(f"configuration file {path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise CalicoError(f"configuration file {path}: not valid YAML ({error})") from error
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CalicoError(f"configuration file {path}: got a {type(content).__name__}, expected keys and values")
    return content


def _nested(key: str, value: Any) -> Tree:
    for part in reversed(key.split(".")):
        value = {part: value}
    result: Tree = value
    return result


def _merge(base: Tree, update: Mapping[str, Any]) -> None:
    for key, value in update.items():
        if isinstance(value, Mapping) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _explain(fault: Any) -> str:
    path = [str(part) for part in fault["loc"]]
    key = ".".join(path) or "(whole)"
    if fault["type"] == "extra_forbidden":
        section = _section(path[:-1])
        known = list(section.model_fields) if section else []
        return f"unknown key {key}{_nearest(path[-1], known)}; valid here: {', '.join(known)}"
    message = fault["msg"].removeprefix("Value error, ")
    got = "" if fault["type"] == "value_error" else f"; got {fault['input']!r}"
    return f"{key}: {message}{got}"


def _section(path: list[str]) -> type[BaseModel] | None:
    """The section class at a dotted path."""
    section: type[BaseModel] = Config
    for part in path:
        if part not in section.model_fields:
            return None
        annotation = section.model_fields[part].annotation
        candidates = [annotation, *get_args(annotation)]
        found = [c for c in candidates if isinstance(c, type) and issubclass(c, BaseModel)]
        if not found:
            return None
        section = found[0]
    return section


def _nearest(word: str, known: Iterable[str]) -> str:
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {close[0]}?)" if close else ""
