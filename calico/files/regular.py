"""Bytes of regular files. A pipe would hang the reader, and a device may never end."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import IO

from calico.files.errors import FileError

MEBIBYTE = 1 << 20
DEFAULT_LIMIT = 256 * MEBIBYTE
"""Largest file that is read where the caller names no limit, in bytes."""


def read_bytes(path: Path, limit: int = DEFAULT_LIMIT, what: str = "file") -> bytes:
    """Read a regular file whole.

    Args:
        path: File to read; links are followed.
        limit: Largest size in bytes.
        what: Name of the file's role for the messages, for example "gate rules".

    Returns:
        The content.

    Raises:
        FileError: The file is missing, a folder, a pipe or a device, larger than the limit, or
            cannot be read.
    """
    with open_regular(path, what) as stream:
        status = os.fstat(stream.fileno())
        if status.st_size > limit:
            raise FileError(
                f"{what} {path}: has {status.st_size} bytes, expected at most {limit}; is it the "
                "right file?"
            )
        try:
            return stream.read(status.st_size)  # a file that grows is read as it was when opened
        except OSError as error:
            raise FileError(f"{what} {path}: cannot be read ({_reason(error)})") from None
        except MemoryError:
            raise FileError(
                f"{what} {path}: has {status.st_size} bytes, for which there is no memory"
            ) from None


def open_regular(path: Path, what: str = "file") -> IO[bytes]:
    """Open a regular file, to read a large one piece by piece.

    Args:
        path: File to read; links are followed.
        what: Name of the file's role for the messages.

    Returns:
        The open file, which the caller closes.

    Raises:
        FileError: The file is missing, a folder, a pipe or a device, or cannot be opened.
    """
    try:
        # Without O_NONBLOCK, opening a pipe that nobody writes to waits for ever.
        handle = os.open(
            path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        )
    except FileNotFoundError:
        raise FileError(f"{what} {path}: no such file") from None
    except (OSError, ValueError) as error:  # ValueError: a NUL byte in the name
        raise FileError(f"{what} {path!s}: cannot be opened ({_reason(error)})") from None
    mode = os.fstat(handle).st_mode
    if stat.S_ISREG(mode):
        return os.fdopen(handle, "rb")
    os.close(handle)
    if stat.S_ISDIR(mode):
        raise FileError(f"{what} {path}: is a folder, expected a file")
    raise FileError(f"{what} {path}: is a pipe, a device or a socket, expected a regular file")


def read_text(path: Path, limit: int = DEFAULT_LIMIT, what: str = "file") -> str:
    """Read a regular file as UTF-8, as `read_bytes` does.

    Args:
        path: File to read. Links are followed.
        limit: Largest size in bytes.
        what: Name of the file's role for the messages.

    Returns:
        The text.

    Raises:
        FileError: As `read_bytes`, or the content is not UTF-8 (says at which byte).
    """
    return decode_text(read_bytes(path, limit, what), f"{what} {path}")


def decode_text(content: bytes, where: str) -> str:
    """Decode UTF-8, with a message that names the first wrong byte.

    Args:
        content: Bytes of the whole file.
        where: Name of the file for the message.

    Raises:
        FileError: The content is not UTF-8.
    """
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise FileError(
            f"{where}: no text in UTF-8: byte {error.start} (line {line}) is "
            f"0x{content[error.start]:02x}"
        ) from None


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
