"""Built maps on disk: one small .npz for each segment, sealed and written atomically.

Building a map takes half a second, reading a built one some milliseconds. A file carries the key
that it is found by. One that is damaged or has another key counts as absent: it is made again.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Protocol

import numpy as np

from calico.data.waymo.maps import MAP_CLASSES, WaymoMap, build_map
from calico.data.waymo.records import MapFeature
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
from calico.frame import Float64
from calico.geometry.vector_map import Shape, VectorMap, make_shape

LOG = logging.getLogger(__name__)
MAPS_VERSION = 1
"""Raised whenever the same features give another map; part of the cache key."""
_KNOWN = "known"


class MapSegment(Protocol):
    """A segment that has a map."""

    @property
    def map_key(self) -> str:
        """Text that changes with the map's features, found without reading them."""
        ...

    def read_map(self) -> tuple[MapFeature, ...] | None:
        """Read the features of the map."""
        ...


def load_map(segment: MapSegment) -> WaymoMap | None:
    """Build the map of a segment, or read it from the cache.

    Args:
        segment: A segment of version 1.

    Returns:
        None where the map is unknown.

    Raises:
        CalicoError: The segment's file is damaged.
    """
    text = f"{MAPS_VERSION} {segment.map_key}"
    key = hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:40]
    path = default_cache_dir() / f"{key}.npz"
    return _read(path, key, lambda: build_map(segment.read_map()))


def default_cache_dir() -> Path:
    """Return calico/waymo-maps in the user's cache folder."""
    return user_cache_dir() / "waymo-maps"


def _read(path: Path, key: str, make: Callable[[], WaymoMap | None]) -> WaymoMap | None:
    if path.exists():
        try:
            content = read_bytes(path, what="cached map")
            if is_sealed(content):
                check_seal(content, f"cached map {path}")
                return _decode(content, path, key)
        except FileError as error:
            LOG.warning("%s; made again", error)
        except DAMAGED_NPZ as error:
            LOG.warning("cached map %s: cannot be read (%s); made again", path, error)
    found = make()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not is_replaceable(path):
            path.unlink()  # a pipe or a device in the place of a cached file
        write_atomic(path, seal_zip(_encode(found, key)))
    except OSError as error:
        LOG.warning("map %s: cannot be stored (%s); made again the next time", path, error)
    return found


def _encode(found: WaymoMap | None, key: str) -> bytes:
    """Shapes one behind the other: the class and number of rings of each, the length of each."""
    rows: list[tuple[int, bool, int]] = []
    rings: list[Float64] = []
    shapes = {} if found is None else dict(found.areas.shapes) | {_KNOWN: found.known}
    for number, name in enumerate((*MAP_CLASSES, _KNOWN)):
        for shape in shapes.get(name, ()):
            rows.append((number, shape.is_line, len(shape.rings)))
            rings += shape.rings
    stream = io.BytesIO()
    np.savez_compressed(
        stream,
        allow_pickle=False,
        key=np.array(key),
        is_known=np.array(found is not None),
        shapes=np.array(rows, np.int64).reshape(-1, 3),
        lengths=np.array([len(ring) for ring in rings], np.int64),
        points=np.concatenate([np.zeros((0, 2)), *rings]),
    )
    return stream.getvalue()


def _decode(content: bytes, path: Path, key: str) -> WaymoMap | None:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        data = {name: stored[name] for name in stored.files}
    if str(data["key"]) != key:
        raise FileError(f"cached map {path}: is that of another segment")
    if not data["is_known"]:
        return None
    rings = np.split(data["points"], np.cumsum(data["lengths"])[:-1])
    names = (*MAP_CLASSES, _KNOWN)
    shapes: dict[str, list[Shape]] = {name: [] for name in names}
    first = 0
    for number, is_line, count in data["shapes"].tolist():
        shape = make_shape(rings[first : first + count], bool(is_line))
        if shape is not None:
            shapes[names[number]].append(shape)
        first += count
    made = {name: tuple(found) for name, found in shapes.items()}
    return WaymoMap(VectorMap({name: made[name] for name in MAP_CLASSES}), made[_KNOWN])
