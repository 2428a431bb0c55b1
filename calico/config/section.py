"""What all sections consist of: strict numbers, ranges, names and paths.

Numbers are finite and have limits. A limit is far above what anybody uses. It stops a slip of the
hand (or a hostile model card) from becoming a request for terabytes.
"""

from __future__ import annotations

import operator
import re
from pathlib import Path
from typing import Annotated, Any, SupportsIndex, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

MAX_NAME, MAX_PATH = 200, 4096
PathLike = TypeVar("PathLike", str, Path)
_EXPONENT = re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+", re.ASCII)


def _to_int(value: Any) -> Any:
    """Take numpy's integers, too.

    A bool or a float stays what it is, and is refused.
    """
    if isinstance(value, SupportsIndex) and not isinstance(value, bool):
        return operator.index(value)
    return value


def _to_float(value: Any) -> Any:
    """Read '1e-3' as the number that it is: YAML 1.1 takes a number without a point for a text."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


def _check_order(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError(f"got {list(limits)}, expected the smaller number first")
    return limits


def _check_extent(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] >= limits[1]:
        raise ValueError(f"got {list(limits)}, expected a first number below the second")
    return limits


def _check_text(text: str) -> str:
    if not text or not text.isprintable() or len(text) > MAX_NAME:
        raise ValueError(f"got {text[:MAX_NAME]!r}, expected 1 to {MAX_NAME} printable characters")
    return text


def _check_name(text: str) -> str:
    if set(text) & set("/\\") or text.startswith("."):
        raise ValueError(
            f"got {text!r}, expected a name without slashes that does not begin with a dot"
        )
    return text


def _check_path(path: PathLike) -> PathLike:
    text = str(path)
    if not all(character.isprintable() or "\udc80" <= character <= "\udcff" for character in text):
        raise ValueError(f"got {text[:MAX_NAME]!r}, expected a path of printable characters")
    if len(text) > MAX_PATH:
        raise ValueError(f"got a path of {len(text)} characters, expected at most {MAX_PATH}")
    return path


Whole = Annotated[int, BeforeValidator(_to_int), Field(strict=True)]
"""An integer. `true`, '3' and 3.0 are none."""
Number = Annotated[float, BeforeValidator(_to_float), Field(strict=True)]
"""A finite number. `true` and '3' are none."""
Flag = Annotated[bool, Field(strict=True)]
Share = Annotated[Number, Field(ge=0, le=1)]
Count = Annotated[Whole, Field(ge=1, le=1_000_000)]
Channels = Annotated[Whole, Field(ge=1, le=4096)]
Pixels = Annotated[Whole, Field(ge=1, le=8192)]
Metres = Annotated[Number, Field(ge=-10_000, le=10_000)]
Length = Annotated[Number, Field(ge=0.001, le=10_000)]
Weight = Annotated[Number, Field(ge=0, le=1e6)]
Factor = Annotated[Number, Field(ge=0.01, le=100)]
Seed = Annotated[Whole, Field(ge=0, lt=2**63)]
Extent = Annotated[tuple[Metres, Metres], AfterValidator(_check_extent)]
"""From, to [m]; not empty."""
FactorRange = Annotated[tuple[Factor, Factor], AfterValidator(_check_order)]
Limits = Annotated[tuple[Weight, Weight], AfterValidator(_check_order)]
Text = Annotated[str, AfterValidator(_check_text)]
Name = Annotated[Text, AfterValidator(_check_name)]
"""Part of a path or of a title."""
FilePath = Annotated[Path, AfterValidator(_check_path)]
PathText = Annotated[str, Field(min_length=1), AfterValidator(_check_path)]
"""A path, or a word in its place. Bytes of a name that are no UTF-8 stand in it as the system gives
them."""


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, validate_default=True, allow_inf_nan=False
    )
