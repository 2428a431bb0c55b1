"""Regions on disk, by content: one small .npz each, sealed and written atomically.

A file carries the key that it is found by. One that is damaged or has another key counts as absent:
it is made again.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from calico.config.training import RegionConfig
from calico.data.source import FrameSource
from calico.files import (
    DAMAGED_NPZ,
    FileError,
    check_seal,
    is_replaceable,
    is_sealed,
    read_bytes,
    seal_zip,
    user_cache_dir,
    write_atomic,
)
from calico.frame import Frame
from calico.regions.find import find_regions
from calico.workers import run_jobs

LOG = logging.getLogger(__name__)
REGIONS_VERSION = 1
"""Raised whenever the same points and settings give other regions; part of the cache key."""


def cached_regions(frame: Frame, config: RegionConfig) -> npt.NDArray[np.int32]:
    """Find the regions of a frame, or read them from the cache.

    Args:
        frame: Frame whose points are clustered.
        config: Settings, and the folder of the cache.

    Returns:
        What `find_regions` returns.
    """
    folder = config.cache_dir or default_cache_dir()
    key = _key(frame, config)
    path = folder / f"{key}.npz"
    ids = _load(path, len(frame.points), key)
    if ids is None:
        ids = find_regions(frame, config)
        stream = io.BytesIO()
        np.savez_compressed(stream, allow_pickle=False, ids=ids, key=np.array(key))
        folder.mkdir(parents=True, exist_ok=True)
        if not is_replaceable(path):
            path.unlink()  # a pipe or a device in the place of a cached file
        write_atomic(path, seal_zip(stream.getvalue()))
    return ids


def prepare_regions(
    source: FrameSource,
    config: RegionConfig,
    indices: Sequence[int],
    workers: int,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Fill the cache for frames of a source, in worker processes.

    Args:
        source: Frames.
        config: Settings, and the folder of the cache.
        indices: Which frames.
        workers: Number of processes. 0 or 1 work in this process.
        progress: Called with (frames done, frames in all), from this process.
    """
    done = 0
    if progress is not None:
        progress(done, len(indices))
    if workers <= 1:
        for index in indices:
            cached_regions(source[index], config)
            done += 1
            if progress is not None:
                progress(done, len(indices))
        return
    parts = [
        part.tolist() for part in np.array_split(np.asarray(indices), 20 * workers) if len(part)
    ]
    jobs = [(source, config, part) for part in parts]
    for count in run_jobs(_prepare, jobs, workers, f"finding regions of {source.name}"):
        done += count
        if progress is not None:
            progress(done, len(indices))


def default_cache_dir() -> Path:
    """Return calico/regions in the user's cache folder."""
    return user_cache_dir() / "regions"


def _prepare(source: FrameSource, config: RegionConfig, indices: list[int]) -> int:
    for index in indices:
        cached_regions(source[index], config)
    return len(indices)


def _key(frame: Frame, config: RegionConfig) -> str:
    settings = config.model_dump_json(exclude={"cache_dir"})
    digest = hashlib.sha256(f"{REGIONS_VERSION} {settings} {frame.points.shape} ".encode())
    digest.update(np.ascontiguousarray(frame.points).tobytes())
    return digest.hexdigest()[:40]


def _load(path: Path, points: int, key: str) -> npt.NDArray[np.int32] | None:
    if not path.exists():
        return None
    try:
        content = read_bytes(path, what="cached regions")
        if not is_sealed(content):
            return None  # of an earlier version
        check_seal(content, f"cached regions {path}")
        with np.load(io.BytesIO(content), allow_pickle=False) as stored:
            ids: npt.NDArray[np.int32] = stored["ids"]
            found = str(stored["key"])
        if found != key or ids.dtype != np.int32 or ids.shape != (points,):
            raise FileError(
                f"cached regions {path}: are those of other points or settings ({found})"
            )
    except FileError as error:
        LOG.warning("%s; made again", error)
        return None
    except DAMAGED_NPZ as error:
        LOG.warning("cached regions %s: cannot be read (%s); made again", path, error)
        return None
    return ids
