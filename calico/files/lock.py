"""One process at a time in an output folder.

The lock is the operating system's (`filelock`), so it ends with the process that holds it, also
when that process is killed. A note beside it says who holds it, for the message to the other
process.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout

from calico.files.atomic import write_atomic
from calico.files.errors import FileError
from calico.files.strict_json import read_json, to_json

LOCK_FILE, HOLDER_FILE = ".lock", ".lock.json"
LOG = logging.getLogger(__name__)
_NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.ENOTSUP)
"""Some network file systems are mounted without locks."""
LOCK_FILES = (LOCK_FILE, HOLDER_FILE)
"""They do not count as content of a folder, and `--overwrite` leaves them where they are."""


@contextlib.contextmanager
def lock_folder(folder: Path) -> Iterator[None]:
    """Make an output folder where it is missing, and hold it for this process until the end.

    A folder that was made here and is still empty at the end is removed again.

    Raises:
        FileError: Another process holds the folder (names that process), or it is a file.
        OSError: The folder cannot be made.
    """
    if folder.exists() and not folder.is_dir():
        raise FileError(f"output folder {folder}: is a file; expected a folder or nothing")
    new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder.absolute() / LOCK_FILE)
    _acquire(lock, folder)
    note = folder / HOLDER_FILE
    try:
        write_atomic(note, to_json({"pid": os.getpid(), "host": socket.gethostname()}))
        yield
    finally:
        with contextlib.suppress(OSError):  # the folder may be gone, or another process wants it
            note.unlink(missing_ok=True)
            if new and [child.name for child in folder.iterdir()] == [LOCK_FILE]:
                (folder / LOCK_FILE).unlink(missing_ok=True)
                folder.rmdir()
        lock.release()


def _acquire(lock: BaseFileLock, folder: Path) -> None:
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise FileError(
            f"output folder {folder}: in use by {_describe_holder(folder)}; wait for its end, or "
            "choose another --out"
        ) from None
    except (NotImplementedError, OSError) as error:
        if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
            raise
        LOG.warning(
            "output folder %s: its file system has no locks; let no other command write there",
            folder,
        )


def has_holder(folder: Path) -> bool:
    """Say whether a process holds a folder, or held it when it was killed."""
    return (folder / HOLDER_FILE).exists()


def _describe_holder(folder: Path) -> str:
    try:
        holder = read_json(folder / HOLDER_FILE)
        return f"process {int(holder['pid'])} on host {str(holder['host'])!r}"
    except (FileError, ValueError, KeyError, TypeError):
        return "another process"
