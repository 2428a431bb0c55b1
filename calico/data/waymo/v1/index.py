"""The place and time of each frame in a segment's file, kept in the user's cache folder.

The index of a file is made from a few kilobytes of each record: its length, and the fields in front
of the time. A cached index counts only for a file of the same path, size and time of change.
"""

from __future__ import annotations

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import numpy as np

from calico.data.waymo.v1.messages import FRAME
from calico.data.waymo.v1.partial import find_number
from calico.data.waymo.v1.tfrecord import HEADER_BYTES, list_records
from calico.errors import CalicoError
from calico.files import (
    FileError,
    is_replaceable,
    open_regular,
    read_sealed_json,
    to_sealed_json,
    user_cache_dir,
    write_atomic,
)
from calico.frame import Int64

LOG = logging.getLogger(__name__)
INDEX_VERSION = 1
"""Raised whenever the same file gives another index; part of the cache key."""
_TIME = next(number for number, one in FRAME.fields.items() if one.name == "timestamp_micros")


@dataclass(frozen=True)
class FileIndex:
    """The n frames of a file, by time.

    Attributes:
        timestamps_us: (n,) int64, ascending, all different [microseconds].
        offsets: (n,) int64 where their records begin [bytes].
    """

    timestamps_us: Int64
    offsets: Int64


def load_index(path: Path) -> FileIndex:
    """Read the index of a file from the cache, or make it.

    Args:
        path: A TFRecord file of frames.

    Raises:
        CalicoError: The file is damaged, holds no frame, or two of one time.
    """
    with open_regular(path, "segment") as stream:
        key = f"{INDEX_VERSION} {describe_file(path)}"
        digest = hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:40]
        cached = default_cache_dir() / f"{digest}.json"
        index = _load(cached, digest)
        if index is None:
            index = make_index(stream, f"segment {path}")
            _save(cached, digest, index)
    return index


def describe_file(path: Path) -> str:
    """Name a file by its path, size and time of change.

    Raises:
        CalicoError: There is no such file.
    """
    try:
        status = path.stat()
    except OSError as error:
        raise CalicoError(f"segment {path}: cannot be read ({error.strerror})") from None
    return f"{path.absolute()} {status.st_size} {status.st_mtime_ns}"


def make_index(stream: IO[bytes], where: str) -> FileIndex:
    """Read the times of all frames of a file.

    Args:
        stream: The file.
        where: Names the file in errors.

    Raises:
        CalicoError: See `load_index`.
    """
    rows = []
    for count, (offset, length) in enumerate(list_records(stream, where)):
        start = offset + HEADER_BYTES
        place = f"{where}, record {count}"
        rows.append((find_number(stream, start, start + length, _TIME, place), offset))
    if not rows:
        raise CalicoError(f"{where}: holds no frame")
    rows.sort()
    times, offsets = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    twice = np.flatnonzero(np.diff(times) == 0)
    if len(twice):
        raise CalicoError(f"{where}: holds two frames of the time {times[twice[0]]}")
    return FileIndex(times, offsets)


def default_cache_dir() -> Path:
    """Return calico/waymo in the user's cache folder."""
    return user_cache_dir() / "waymo"


def _save(path: Path, digest: str, index: FileIndex) -> None:
    content = {
        "key": digest,
        "timestamps_us": index.timestamps_us.tolist(),
        "offsets": index.offsets.tolist(),
    }
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_replaceable(path):
            path.unlink()  # a pipe or a device in the place of a cached file
        write_atomic(path, to_sealed_json(content))
    except OSError as error:
        LOG.warning("index %s: cannot be stored (%s); made again the next time", path, error)


def _load(path: Path, digest: str) -> FileIndex | None:
    if not path.exists():
        return None
    try:
        content = read_sealed_json(path, what="cached index")
        if content["key"] != digest:
            raise FileError(f"cached index {path}: is that of another file")
        times = np.array(content["timestamps_us"], np.int64)
        offsets = np.array(content["offsets"], np.int64)
    except (FileError, KeyError, TypeError, ValueError, OverflowError) as error:
        LOG.warning("cached index %s: cannot be used (%s); made again", path, error)
        return None
    return FileIndex(times, offsets)
