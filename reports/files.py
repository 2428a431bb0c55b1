"""Reading and writing of the text files of a run folder, by way of `calico.files`.

Reading is strict and bounded. A file is written whole or not at all.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from calico.files import (
    SEAL_KEY,
    SEAL_PLACEHOLDER,
    FileError,
    check_seal,
    parse_json,
    read_bytes,
    seal,
    write_atomic,
)
from calico.files import read_json as read_strict_json
from calico.files import read_yaml as read_strict_yaml
from reports.errors import ReportError


def read_json(path: Path, what: str = "results") -> Any:
    """Read the content of a JSON file.

    Args:
        path: A regular file.
        what: What the file holds, for the message.

    Raises:
        ReportError: The file is missing, no regular file, or no strict JSON (see
            `calico.files.strict_json`).
    """
    if Path(path).is_dir():
        raise ReportError(
            f"{path}: is a folder, expected a file such as {Path(path) / 'results.json'}"
        )
    try:
        return read_strict_json(Path(path), what=what)
    except FileError as error:
        raise ReportError(str(error)) from None


def read_sealed_json(path: Path, what: str = "results") -> Any:
    """Read a JSON file that may carry its checksum under the key "sha256", and leave that out.

    Other programs may write the file, too, so that a checksum may be missing. A checksum in the
    file must be right.

    Args:
        path: A regular file.
        what: What the file holds, for the message.

    Raises:
        ReportError: As `read_json`, or the file does not match its checksum.
    """
    if Path(path).is_dir():
        raise ReportError(
            f"{path}: is a folder, expected a file such as {Path(path) / 'results.json'}"
        )
    where = f"{what} {path}"
    try:
        text = read_bytes(Path(path), what=what)
        content = parse_json(text, where)
        if not isinstance(content, dict) or SEAL_KEY not in content:
            return content
        check_seal(text, where)
    except FileError as error:
        hint = (
            "; if it was changed on purpose, remove its field sha256"
            if "checksum" in str(error)
            else ""
        )
        raise ReportError(f"{error}{hint}") from None
    return {key: value for key, value in content.items() if key != SEAL_KEY}


def to_sealed_json(content: dict[str, Any]) -> str:
    """Convert to JSON as `to_json`, with the text's own checksum under the key "sha256"."""
    text = to_json(content | {SEAL_KEY: SEAL_PLACEHOLDER})
    try:
        return seal(text.encode()).decode()
    except FileError as error:
        raise ReportError(f"results: {error}") from None


def read_yaml(path: Path, what: str) -> Any:
    """Read the content of a YAML file.

    Args:
        path: A regular file.
        what: What the file holds, for the message.

    Raises:
        ReportError: The file is missing, no regular file, or no strict YAML (see
            `calico.files.strict_yaml`).
    """
    try:
        return read_strict_yaml(Path(path), what=what)
    except FileError as error:
        raise ReportError(str(error)) from None


def to_json(content: Any) -> str:
    """Convert to JSON text: sorted keys, two-space indent, shortest floats that read back equal.

    Characters beyond ASCII are written as escapes, so that a terminal which shows the file obeys
    none of them. The text ends with a newline.

    Raises:
        ReportError: A number is not finite.
    """
    try:
        return json.dumps(content, sort_keys=True, indent=2, allow_nan=False) + "\n"
    except ValueError as error:
        raise ReportError(
            f"a number to be written is not finite; write null with a reason instead ({error})"
        ) from None


def write_text(path: Path, text: str) -> None:
    """Write a file in one step, and make the folder that it belongs in.

    Readers see the old bytes or all the new ones.

    Args:
        path: The file.
        text: Its content.

    Raises:
        OSError: The system refuses (no space, no permission). The message names the file.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, text)
