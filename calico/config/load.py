"""Merging of settings: preset < file < --set < flags.

Every fault is reported at once, each with the nearest valid key.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin

import yaml
from pydantic import BaseModel, ValidationError

from calico.config.data import DataConfig
from calico.config.presets import PRESETS
from calico.config.schema import Config, EvalConfig
from calico.config.taxonomy import TaxonomyConfig
from calico.errors import CalicoError
from calico.files import parse_yaml, read_yaml
from calico.taxonomy import Taxonomy

Tree = dict[str, Any]
_MAX_SHOWN, _MAX_FAULTS = 100, 20
"""Characters of a wrong value, and faults, in a message."""


def load_config(
    preset: str | Config = "tiny",
    file: Path | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Resolve a configuration.

    Args:
        preset: Name in `presets.PRESETS`, or a configuration to start from.
        file: YAML file with any part of the tree.
        assignments: "a.b=value" strings with the value in YAML. The value of a path or a name is
            taken literally.
        flags: Dotted keys to values. None values are left out.

    Raises:
        CalicoError: Settings are wrong. The message lists every fault, its key, what was got and
            the nearest valid key.
    """
    start = preset if isinstance(preset, Config) else _preset(preset)
    tree: Tree = start.model_dump()
    _merge(tree, read_settings(file, assignments, flags))
    _fit_heads(tree, start)
    return validate_config(tree, "configuration" if file is None else f"configuration {file}")


def read_settings(
    file: Path | None = None,
    assignments: Iterable[str] = (),
    flags: Mapping[str, Any] | None = None,
) -> Tree:
    """Merge what a user asks for, without the settings that it changes; see `load_config`.

    Args:
        file: YAML file with any part of the tree.
        assignments: "a.b=value" strings.
        flags: Dotted keys to values. None values are left out.

    Returns:
        Sections as mappings, not yet validated.
    """
    tree: Tree = {} if file is None else _read_file(file)
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals or not key:
            raise CalicoError(
                f"--set {_shorten(assignment)}: expected KEY=VALUE, e.g. --set train.epochs=5"
            )
        _merge(tree, _nested(key, _value(key, text, f"--set {_shorten(assignment)}")))
    for key, value in (flags or {}).items():
        if value is not None:
            _merge(tree, _nested(key, value))
    return tree


def _fit_heads(tree: Tree, start: Config) -> None:
    """Give the heads of a preset the classes of another taxonomy, where nothing else is asked for.

    A class joins the task that has the first of its sources, or the last task. A map head that is
    new gets the classes, too. Nothing is done for a taxonomy with a fault, which is found later.
    """
    before, model = start.taxonomy.build(), tree.get("model")
    if not isinstance(model, dict):
        return
    try:
        now = TaxonomyConfig.model_validate(tree["taxonomy"]).build()
    except ValidationError:
        return
    detection, of_map = model.get("detection"), model.get("map")
    if isinstance(of_map, dict) and "classes" not in of_map and now.map_names:
        of_map["classes"] = now.map_names
    if tree["taxonomy"] == start.taxonomy.model_dump():
        return
    asked = start.model.detection
    if isinstance(detection, dict) and asked and detection.get("tasks") == asked.tasks:
        detection["tasks"] = translate_tasks(asked.tasks, before, now)
    if isinstance(of_map, dict) and of_map.get("classes") == before.map_names:
        if now.map_names:
            of_map["classes"] = now.map_names
        else:
            model["map"] = None


def translate_tasks(
    tasks: tuple[tuple[str, ...], ...], before: Taxonomy, now: Taxonomy
) -> tuple[tuple[str, ...], ...]:
    """Sort the classes of a taxonomy into the detection tasks that were made for another one.

    Args:
        tasks: Names of classes of `before`, by task.
        before: The taxonomy of the tasks.
        now: The other one.

    Returns:
        All classes of `now`. Tasks without one are left out.
    """
    places = {before.label_of(name): index for index, names in enumerate(tasks) for name in names}
    found: list[list[str]] = [[] for _ in tasks]
    for one in now.classes:
        known = [before.label_of(name) for name in (one.name, *one.sources)]
        index = next((places[label] for label in known if label in places), len(tasks) - 1)
        found[index].append(one.name)
    return tuple(tuple(names) for names in found if names)


def _preset(name: str) -> Config:
    if name not in PRESETS:
        raise CalicoError(
            f"unknown preset {name!r}{_nearest(name, PRESETS)}; expected one of "
            f"{', '.join(PRESETS)}"
        )
    return PRESETS[name]()


def validate_config(tree: object, where: str = "configuration") -> Config:
    """A Config from a plain tree.

    Args:
        tree: Sections as mappings.
        where: Name of the source for the message.

    Raises:
        CalicoError: The tree is no configuration. The message lists every fault, the first of them
            first.
    """
    try:
        return Config.model_validate(tree)
    except ValidationError as error:
        faults = error.errors(include_url=False)
        lines = [_explain(fault) for fault in faults[:_MAX_FAULTS]]
        if len(faults) > _MAX_FAULTS:
            lines.append(f"and {len(faults) - _MAX_FAULTS} faults more")
        raise CalicoError(f"{where}: " + f"\n{' ' * 15}".join(lines)) from None


def to_yaml(config: Config) -> str:
    """Write a configuration as YAML that `load_config` reads back to an equal one."""
    return yaml.safe_dump(
        config.model_dump(mode="json"), sort_keys=False, default_flow_style=None, width=110
    )


def portable_config(config: Config) -> Config:
    """Remove what belongs to the machine and decides no result.

    Those are paths, the device, and sizes that only trade memory for time.
    """
    camera = config.model.camera
    if camera is not None:
        camera = camera.model_copy(update={"backbone_weights": None})
    regions = config.pretrain.regions.model_copy(update={"cache_dir": None})
    machine = {
        "root": None,
        "cache_dir": None,
        "workers": DataConfig().workers,
        "follow_links": False,
    }
    return config.model_copy(
        update={
            "device": "auto",
            "data": config.data.model_copy(update=machine),
            "model": config.model.model_copy(update={"camera": camera}),
            "pretrain": config.pretrain.model_copy(update={"regions": regions}),
            "train": config.train.model_copy(update={"init": Path(config.train.init).name}),
            "eval": config.eval.model_copy(update={"batch_size": EvalConfig().batch_size}),
        }
    )


def describe_changes(before: object, now: object) -> list[str]:
    """List which settings differ between two trees, as 'train.epochs was 2, is 3'.

    Args:
        before: Earlier tree of sections and values.
        now: Present tree.
    """
    old, new = _leaves(before), _leaves(now)
    return [
        f"{key} was {_shorten(old.get(key))}, is {_shorten(new.get(key))}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key)
    ]


def _leaves(tree: object, prefix: str = "") -> Tree:
    """Dotted keys of a tree to its values that are no mappings."""
    if not isinstance(tree, Mapping):
        return {prefix: tree}
    parts = (
        _leaves(value, f"{prefix}.{key}" if prefix else str(key)) for key, value in tree.items()
    )
    return {key: leaf for part in parts for key, leaf in part.items()}


def _read_file(path: Path) -> Tree:
    content = read_yaml(path, what="configuration file")
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise CalicoError(
            f"configuration file {path}: got a {type(content).__name__}, expected keys and values"
        )
    return content


def _value(key: str, text: str, where: str) -> Any:
    """Return the value of an assignment.

    A path may hold ': ' or ' #', and a name may look like a number.
    """
    *parents, name = key.split(".")
    section = _section(parents)
    field = section.model_fields.get(name) if section else None
    literal = text.strip() and text.strip()[0] not in "'\"" and text.strip() not in ("null", "~")
    textual = field is not None and bool(_types(field.annotation) & {str, Path})
    return text if literal and textual else parse_yaml(text, where)


def _types(annotation: Any) -> set[Any]:
    """The types that an annotation allows, without what is attached to them."""
    if get_origin(annotation) is Annotated:
        return _types(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return set().union(*map(_types, get_args(annotation)))
    return {annotation}


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
    key = ".".join(part if part.isprintable() else ascii(part) for part in path)[:_MAX_SHOWN]
    if fault["type"] == "extra_forbidden":
        section = _section(path[:-1])
        known = list(section.model_fields) if section else []
        return f"unknown key {key}{_nearest(path[-1], known)}; valid here: {', '.join(known)}"
    message = fault["msg"].removeprefix("Value error, ")
    got = "" if fault["type"] == "value_error" else f"; got {_shorten(fault['input'])}"
    return f"{key}: {message}{got}" if key else f"{message}{got}"


def _shorten(value: object) -> str:
    text = repr(value)
    return text if len(text) <= _MAX_SHOWN else f"{text[: _MAX_SHOWN - 3]}..."


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
