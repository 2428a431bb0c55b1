"""Limits of every setting."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from calico.config.load import (
    load_config,
    validate_config,
)
from calico.config.schema import Config
from calico.errors import CalicoError


def test_numbers_as_people_write_them() -> None:
    config = load_config(
        "tiny", None, ["train.learning_rate=1e-3", "train.weight_decay=0", "data.sim.seed=7"]
    )
    assert (config.train.learning_rate, config.train.weight_decay, config.data.sim.seed) == (
        0.001,
        0.0,
        7,
    )


def leaves(section: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Dotted keys of all settings, with their annotations."""
    for name, field in section.model_fields.items():
        candidates = [field.annotation, *get_args(field.annotation)]
        inner = [one for one in candidates if isinstance(one, type) and issubclass(one, BaseModel)]
        if inner:
            yield from leaves(inner[0], f"{prefix}{name}.")
        else:
            yield prefix + name, field.annotation


POISON = (
    True,
    False,
    None,
    "x",
    "",
    "\0",
    ".",
    math.nan,
    math.inf,
    -math.inf,
    10**400,
    -(10**400),
    1e300,
    -1e300,
    -1,
    0,
    0.5,
    [],
    {},
    [[]],
    [0, 0],
    [1, -1],
    [math.nan, math.nan],
    ["x", "x"],
    [True, True],
)


MAY_BE_EMPTY = (
    "data.cameras",
    "train.corruptions",
    "taxonomy.attribute_order",
    "taxonomy.symmetric",
)


@pytest.mark.parametrize(("key", "annotation"), list(leaves(Config)))
def test_every_setting_refuses_what_it_cannot_mean(key: str, annotation: Any) -> None:
    """A value is refused with the key named, or it is kept as it was given: nothing is converted in
    silence."""
    *parents, name = key.split(".")
    start = ["train.adversarial={}", "augment.paste={}"]
    if parents == ["taxonomy"]:
        start += [
            "taxonomy={classes: [car, bus], map_classes: [walkway], attributes: {car: [lit]}}"
        ]
    for value in POISON:
        tree: dict[str, Any] = load_config("tiny", None, start).model_dump()
        section = tree
        for part in parents:
            section = section[part]
        section[name] = value
        try:
            kept: Any = validate_config(tree)
        except CalicoError as error:
            assert parents[-1:] == [] or parents[0] in str(error), error  # noqa: PT017
            continue
        for part in key.split("."):
            kept = getattr(kept, part)
        assert not isinstance(value, float) or math.isfinite(value), value
        assert not isinstance(value, bool) or annotation is bool, value
        assert not isinstance(value, int | float) or abs(value) < 1e12, value
        assert value != "\0", value
        if isinstance(value, list):
            assert list(kept) == value
            assert value or key in MAY_BE_EMPTY, key
        elif isinstance(kept, Path):
            assert str(kept) == (value or ".")
        else:
            assert kept == value
