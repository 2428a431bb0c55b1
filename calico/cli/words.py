"""The words that a user typed, as a result keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

_NO_VALUE = ("--resume", "--overwrite", "--traceback")
_WITH_VALUE = ("--out", "-o")


def portable_command(words: Sequence[str]) -> str:
    """The command without --resume, --overwrite, --traceback and --out; absolute paths made relative or cut to their last part.

    So the same run interrupted and resumed, or done in another folder, has the same command.
    """
    kept = [Path(word).name for word in words[:1]]
    skip = False
    for word in words[1:]:
        if skip or word in _NO_VALUE or word in _WITH_VALUE:
            skip = not skip and word in _WITH_VALUE
            continue
        if word.startswith(tuple(f"{flag}=" for flag in _WITH_VALUE)):
            continue
        head, equals, tail = word.rpartition("=")
        kept.append(f"{head}{equals}{_portable_path(tail)}")
    return " ".join(kept)


def _portable_path(word: str) -> str:
    path = Path(word)
    if not path.is_absolute():
        return word
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else path.name
