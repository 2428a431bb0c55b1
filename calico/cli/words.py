"""The words that a user typed, as a result keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_NO_VALUE = ("--resume", "--overwrite", "--traceback")
_WITH_VALUE = ("--out", "-o")


def portable_command(words: Sequence[str]) -> str:
    """Return a command without what differs between equal runs.

    --resume, --overwrite, --traceback and --out are left out. Absolute paths are made relative or
    cut to their last part. The same run interrupted and resumed, or done in another folder,
    therefore has the same command.

    Args:
        words: Words of the command line.
    """
    kept = [Path(word).name for word in words[:1]]
    skip = False
    for word in words[1:]:
        if skip or word in _NO_VALUE or word in _WITH_VALUE:
            skip = not skip and word in _WITH_VALUE
            continue
        if word.startswith(tuple(f"{flag}=" for flag in _WITH_VALUE)):
            continue
        head, equals, tail = ("", "", word) if Path(word).is_absolute() else _split_value(word)
        kept.append(f"{head}{equals}{_portable_path(tail)}")
    return " ".join(kept)


def _split_value(word: str) -> tuple[str, str, str]:
    """Split OPTION=KEY=PATH, KEY=PATH and PATH before the path, which may hold '=' itself."""
    for place, character in enumerate(word):
        if character == "=" and Path(word[place + 1 :]).is_absolute():
            return word[:place], "=", word[place + 1 :]
    return "", "", word


def _portable_path(word: str) -> str:
    path = Path(word)
    if not path.is_absolute():
        return word
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name
