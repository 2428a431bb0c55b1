"""Reading and writing of the text files of a run folder: strict JSON, atomic writes."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any, NoReturn

from reports.errors import ReportError


def read_json(path: Path) -> Any:
    """The content of a JSON file; ReportError where it is missing, malformed or holds NaN or Infinity."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"), parse_constant=_refuse)
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise ReportError(f"{path}: is a folder, expected a file such as {Path(path) / 'results.json'}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise ReportError(f"{path}: no valid JSON, line {error.lineno} column {error.colno}: {error.msg}") from None
    except _NotFiniteError as error:
        raise ReportError(f"{path}: holds {error}; an undefined number is written as null with a reason") from None


def to_json(content: Any) -> str:
    """Sorted keys, two-space indent, shortest floats that read back equal, one trailing newline; ReportError on NaN."""
    try:
        return json.dumps(content, sort_keys=True, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
    except ValueError as error:
        raise ReportError(f"a number to be written is not finite; write null with a reason instead ({error})") from None


def write_text(path: Path, text: str) -> None:
    """Writes a file by way of a temporary one beside it: readers see the old bytes or all the new ones."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


class _NotFiniteError(Exception):
    """NaN or Infinity in a JSON file."""


def _refuse(constant: str) -> NoReturn:
    raise _NotFiniteError(constant)
