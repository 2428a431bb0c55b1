"""Whole files or none, and lines added to a log."""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from calico.files.errors import FileError


def append_line(path: Path, line: str) -> None:
    """Add a line to a text file, and create the file if it is missing.

    Args:
        path: The file. Its folder exists.
        line: The text, without a line break at its end.

    Raises:
        OSError: The system refuses. The message names the file.
    """
    with name_file(path), path.open("a", encoding="utf-8") as stream:
        stream.write(line + "\n")


@contextlib.contextmanager
def name_file(path: Path) -> Iterator[None]:
    """Add the name of a file to the system's errors in the block that have none.

    The error of a full disk, for example, names no file by itself.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None and error.filename is None:
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file in one step: readers see the old content or the new one, never a part.

    The file's permissions follow the user's umask. An error leaves nothing behind.

    Args:
        path: File to write. Its folder exists.
        content: Bytes, or text that is written in UTF-8.

    Raises:
        OSError: The system refuses (no space, no permission). The message names the file.
    """
    with open_atomic(path) as stream:
        stream.write(content.encode("utf-8") if isinstance(content, str) else content)


def is_replaceable(path: Path) -> bool:
    """Tell whether a file may take this place.

    It may if nothing is there, or a regular file, or a link. A link itself is replaced, not the
    file that it points to.

    Renaming a file onto a device would take the device from the whole machine, where the user may
    do that.
    """
    try:
        mode = path.lstat().st_mode
    except OSError:
        # Nothing is there. If something else is wrong, the system says so when the file is written.
        return True
    return stat.S_ISREG(mode) or stat.S_ISLNK(mode) or stat.S_ISDIR(mode)


@contextlib.contextmanager
def open_atomic(path: Path) -> Iterator[IO[bytes]]:
    """Write a file piece by piece; it appears under its name when the block ends without an error.

    See `write_atomic`, which is for contents that fit in memory.
    """
    if not is_replaceable(path):
        raise FileError(
            f"output file {path}: is a pipe, a device or a socket, which is not replaced; choose "
            "another place"
        )
    # Processes on two machines may have one number, so the name needs a random part, too.
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}-{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        # A full disk names no file by itself.
        if error.errno is not None and error.filename in (None, str(temporary)):
            raise OSError(error.errno, error.strerror, str(path)) from error
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
