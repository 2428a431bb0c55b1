"""Folders: the data set, and the caches with their sizes."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from calico.data.layouts import SOURCE_OF, detect_layout, find_versions
from calico.errors import CalicoError
from calico.files import FileError, find_nearest, user_cache_dir

MAX_FILES = 100_000
"""Files of a cache that are counted. A cache with more has `complete` false."""


@dataclass(frozen=True)
class Data:
    """The folder of a data set.

    Attributes:
        root: The folder.
        layout: Its layout (`calico.data.layouts`), or None if it is not known.
        versions: Folders of nuScenes' tables.
        source: The `data.source` that reads it, or None.
        problem: Why it cannot be read, or "".
    """

    root: str
    layout: str | None
    versions: list[str]
    source: str | None
    problem: str


@dataclass(frozen=True)
class Cache:
    """A folder for files that can be made again.

    Attributes:
        name: What it holds.
        path: The folder.
        exists: Whether it is there. It is made when it is needed.
        files: Number of files.
        bytes: Their size.
        complete: Whether all files were counted.
        writable: Whether this process may write there.
        free_bytes: Free space of the disk, or None if it is not known.
    """

    name: str
    path: str
    exists: bool
    files: int
    bytes: int
    complete: bool
    writable: bool
    free_bytes: int | None


def find_data(root: Path) -> Data:
    """Find out what a folder of data holds, by the names of its files.

    Args:
        root: The folder. `calico data check` reads what is in it.
    """
    try:
        layout = detect_layout(root)
        versions = find_versions(root)
    except (CalicoError, OSError) as error:
        return Data(str(root), None, [], None, str(error).splitlines()[0].removesuffix(" one of"))
    return Data(str(root), layout, versions, SOURCE_OF[layout], "")


def list_caches(extra: Path | None = None) -> tuple[list[Cache], list[str]]:
    """List the cache folders of the user, and the temporary folder.

    Args:
        extra: `data.cache_dir` of a configuration.

    Returns:
        The folders, and what is wrong with their places in words.
    """
    found, problems = [], []
    try:
        base = user_cache_dir()
    except FileError as error:
        problems.append(str(error))
    else:
        found.append(measure_cache("all caches", base))
        if found[0].exists and os.access(base, os.R_OK | os.X_OK):
            found += [
                measure_cache(path.name, path) for path in sorted(base.iterdir()) if path.is_dir()
            ]
    if extra is not None:
        found.append(measure_cache("data.cache_dir", extra))
    try:
        temporary = Path(tempfile.gettempdir())
    except FileNotFoundError as error:
        problems.append(
            f"temporary folder: {error.strerror}; set TMPDIR to one that can be written"
        )
    else:
        found.append(measure_cache("temporary", temporary, count=False))
    return found, [*problems, *(_complain(one) for one in found if not one.writable)]


def measure_cache(name: str, path: Path, *, count: bool = True) -> Cache:
    """Measure a folder. Links are not followed.

    Args:
        name: What it holds.
        path: The folder.
        count: Whether its files are counted.
    """
    files, size, complete = _count_files(path) if count else (0, 0, False)
    nearest = find_nearest(path)
    exists = nearest == path and path.is_dir()
    try:
        free = shutil.disk_usage(nearest).free
    except OSError:
        free = None
    writable = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    return Cache(name, str(path), exists, files, size, complete, writable, free)


def _complain(cache: Cache) -> str:
    return f"{cache.name}: '{cache.path}' cannot be written; choose another folder"


def _count_files(folder: Path) -> tuple[int, int, bool]:
    """Count regular files below a folder: (number, bytes, whether all were counted)."""
    files = size = 0
    for place, _, names in os.walk(folder):
        for name in names:
            if files == MAX_FILES:
                return files, size, False
            try:
                status = os.lstat(os.path.join(place, name))  # noqa: PTH118
            except OSError:  # removed meanwhile
                continue
            if stat.S_ISREG(status.st_mode):
                files, size = files + 1, size + status.st_size
    return files, size, True
