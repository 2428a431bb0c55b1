"""Finds the segments of a split, in either version of the files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from calico.data.waymo.records import Segment
from calico.errors import CalicoError
from calico.files import open_regular

Version = Literal["v1", "v2"]
SPLITS = {"train": "training", "val": "validation", "test": "testing"}
"""Our names of the data set's splits."""
COMPONENTS = (
    "camera_calibration",
    "camera_image",
    "lidar",
    "lidar_box",
    "lidar_calibration",
    "lidar_camera_synced_box",
    "lidar_pose",
    "stats",
    "vehicle_pose",
)
"""The components of version 2 that are read."""
BLOCKS, BLOCK_BYTES = 16, 4096
"""How much of each file a digest covers, besides its size."""


def detect_version(root: Path, split: str) -> Version:
    """Find out which version of the files a split has.

    Args:
        root: Folder of the data set.
        split: Folder in it, e.g. "training".

    Raises:
        CalicoError: It has files of neither version, or of both.
    """
    folder = root / split
    if not folder.is_dir():
        there = sorted(path.name for path in root.iterdir() if path.is_dir())[:10]
        raise CalicoError(
            f"Waymo data set {root}: has no folder {split}, got {', '.join(there) or 'none'}; "
            "expected one folder for each split: training, validation, testing"
        )
    v1 = any(folder.glob("*.tfrecord"))
    v2 = any(any((folder / name).glob("*.parquet")) for name in COMPONENTS)
    if v1 and v2:
        raise CalicoError(
            f"Waymo data set {folder}: has files of version 1 (*.tfrecord) and of version 2 "
            "(vehicle_pose/*.parquet); expected one of them, or data.waymo.version"
        )
    if not v1 and not v2:
        raise CalicoError(
            f"Waymo data set {folder}: has neither segment-*.tfrecord (version 1) nor "
            "vehicle_pose/*.parquet (version 2)"
        )
    return "v1" if v1 else "v2"


def open_segments(root: Path, split: str, version: Version) -> Sequence[Segment]:
    """List the segments of a split by name; no sensor data is read.

    Args:
        root: Folder of the data set.
        split: Folder in it, e.g. "training".
        version: Of the files.

    Raises:
        CalicoError: The folder has no segment of that version.
    """
    if version == "v1":
        from calico.data.waymo.v1.reader import open_segments as open_v1

        return open_v1(root, split)
    from calico.data.waymo.v2.reader import open_segments as open_v2

    return open_v2(root, split)


def list_files(root: Path, split: str, version: Version) -> tuple[Path, ...]:
    """List the files of a split that frames are made of, in a fixed order.

    Args:
        root: Folder of the data set.
        split: Folder in it.
        version: Of the files.
    """
    folder = root / split
    if version == "v1":
        return tuple(sorted(folder.glob("*.tfrecord")))
    return tuple(path for name in COMPONENTS for path in sorted((folder / name).glob("*.parquet")))


def hash_files(paths: Sequence[Path], root: Path) -> str:
    """Digest files by name, size and blocks that are spread evenly over each.

    Files that are exchanged, cut or written anew are noticed in a data set of any size. A change of
    a few bytes in the middle of a large file may not be.

    Args:
        paths: The files.
        root: Folder that the names are relative to.

    Returns:
        64 hexadecimal digits.

    Raises:
        CalicoError: A file is missing, or is no regular file.
    """
    digest = hashlib.sha256()
    for path in paths:
        with open_regular(path, "Waymo file") as stream:
            size = os.fstat(stream.fileno()).st_size
            digest.update(f"{path.relative_to(root).as_posix()!r} {size}\n".encode())
            if size <= BLOCKS * BLOCK_BYTES:
                digest.update(stream.read(BLOCKS * BLOCK_BYTES))
                continue
            for block in range(BLOCKS):
                stream.seek((size - BLOCK_BYTES) * block // (BLOCKS - 1))
                digest.update(stream.read(BLOCK_BYTES))
    return digest.hexdigest()
