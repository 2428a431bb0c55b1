"""Whole files or none."""

from __future__ import annotations

import os
from pathlib import Path


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write a file in one step: readers see the old content or the new one, never a part.

    The file's permissions follow the user's umask. An error leaves nothing behind.

    Args:
        path: File to write; its folder exists.
        content: Bytes, or text that is written in UTF-8.

    Raises:
        OSError: The system refuses (no space, no permission); names the file.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name[:200]}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        error.filename, error.filename2 = str(path), None  # a full disk names no file by itself
        raise
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
