"""JSON that is read strictly: what a lenient parser would guess about is an error with its place.

Refused are keys that appear twice (the last one would win in silence), NaN and Infinity, numbers
that no float64 holds (1e400), integers of more digits than any counter needs, nesting deeper than
`MAX_DEPTH`, NUL characters and lone surrogates (they cannot be written to a file or a terminal).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

from calico.files.errors import FileError
from calico.files.regular import DEFAULT_LIMIT, decode_text, read_bytes
from calico.files.seal import SEAL_PLACEHOLDER, check_seal, seal

MAX_DEPTH = 100
MAX_DIGITS = 400
"""Of a number as written. A float64 written out in full has at most 309 digits before the point."""
SEAL_KEY = "sha256"
_SUSPECT = re.compile(r"\\u(?:0000|[dD][89a-fA-F])|\x00")
_SURROGATE = re.compile("[\ud800-\udfff\x00]")


def read_json(path: Path, limit: int = DEFAULT_LIMIT, what: str = "file") -> Any:
    """Read a JSON file strictly.

    Args:
        path: A regular file in UTF-8.
        limit: Largest size in bytes.
        what: Name of the file's role for the messages.

    Returns:
        The value.

    Raises:
        FileError: The file cannot be read, or is not strict JSON; names file and line.
    """
    return parse_json(read_bytes(path, limit, what), f"{what} {path}")


def parse_json(content: bytes | str, where: str) -> Any:
    """Parse JSON strictly; see the module for what is refused.

    Args:
        content: Text, or bytes in UTF-8 without a byte order mark.
        where: Name of the source for the messages.

    Raises:
        FileError: The content is not strict JSON.
    """
    text = decode_text(content, where) if isinstance(content, bytes) else content
    try:
        value = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_refuse_constant,
            parse_float=_finite,
            parse_int=_bounded,
        )
    except json.JSONDecodeError as error:
        raise FileError(
            f"{where}: no valid JSON, line {error.lineno} column {error.colno}: {error.msg}"
        ) from None
    except RecursionError:
        raise FileError(f"{where}: nested deeper than {MAX_DEPTH} levels") from None
    except _StrictError as error:
        raise FileError(f"{where}: {error.describe(text)}") from None
    _check_depth(value, where)
    if _SUSPECT.search(text):
        _check_strings(value, where)
    return value


def to_json(value: Any, indent: int | None = 1) -> str:
    """Write a value as JSON text with sorted keys and a line break at its end.

    Args:
        value: Anything that JSON can hold.
        indent: Spaces of each level; None writes one line.

    Raises:
        ValueError: A number is NaN or infinite.
    """
    return json.dumps(value, indent=indent, sort_keys=True, allow_nan=False) + "\n"


def to_sealed_json(value: dict[str, Any]) -> bytes:
    """Write an object as JSON that carries its own hash under the key 'sha256'; see `seal`."""
    return seal(to_json(value | {SEAL_KEY: SEAL_PLACEHOLDER}).encode())


def read_sealed_json(path: Path, limit: int = DEFAULT_LIMIT, what: str = "file") -> dict[str, Any]:
    """Read what `to_sealed_json` wrote, without the hash.

    Args:
        path: A regular file in UTF-8.
        limit: Largest size in bytes.
        what: Name of the file's role for the messages.

    Raises:
        FileError: The file cannot be read, is no strict JSON object, or does not match its hash.
    """
    where = f"{what} {path}"
    content = read_bytes(path, limit, what)
    check_seal(content, where)
    value = parse_json(content, where)
    if not isinstance(value, dict) or SEAL_KEY not in value:
        raise FileError(f"{where}: expected an object with the key '{SEAL_KEY}'")
    del value[SEAL_KEY]
    return value


class _StrictError(ValueError):
    """What is wrong, and the text by which the first place of it is found again."""

    def __init__(self, message: str, token: str, occurrence: int = 1) -> None:
        super().__init__(message)
        self.token, self.occurrence = token, occurrence

    def describe(self, text: str) -> str:
        place = -1
        for _ in range(self.occurrence):
            place = text.find(self.token, place + 1)
        line = f", line {text.count(chr(10), 0, place) + 1}" if place >= 0 else ""
        return f"{self}{line}"


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                shown = json.dumps(key)
                raise _StrictError(f"key {shown} appears twice in one object", shown, occurrence=2)
            seen.add(key)
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise _StrictError(f"holds {name}; an undefined number is written as null with a reason", name)


def _finite(digits: str) -> float:
    value = float(digits) if len(digits) <= MAX_DIGITS else math.inf
    if math.isinf(value):
        raise _StrictError(f"number {_shorten(digits)} is larger than any float64", digits)
    return value


def _bounded(digits: str) -> int:
    if len(digits) > MAX_DIGITS:
        raise _StrictError(
            f"integer {_shorten(digits)} of {len(digits)} digits, expected at most {MAX_DIGITS}",
            digits,
        )
    return int(digits)


def _shorten(digits: str) -> str:
    return digits if len(digits) <= 30 else f"{digits[:12]}..."


def _check_depth(value: Any, where: str) -> None:
    level, depth = [value], 0
    while level:
        if depth > MAX_DEPTH:
            raise FileError(f"{where}: nested deeper than {MAX_DEPTH} levels")
        level = [
            child for node in level for child in _children(node) if isinstance(child, list | dict)
        ]
        depth += 1


def _children(node: Any) -> Iterator[Any]:
    if isinstance(node, dict):
        yield from node.values()
    elif isinstance(node, list):
        yield from node


def _check_strings(value: Any, where: str) -> None:
    nodes = [value]
    while nodes:
        node = nodes.pop()
        texts = [node] if isinstance(node, str) else list(node) if isinstance(node, dict) else []
        for text in texts:
            if _SURROGATE.search(text):
                raise FileError(
                    f"{where}: text {ascii(text)[:60]} holds a NUL character or half of a "
                    "surrogate "
                    "pair; expected text that UTF-8 can hold"
                )
        nodes.extend(_children(node))
