"""The objects for ground-truth paste, cut out of the training frames once and kept in the cache.

A database is one uncompressed .npz, sealed and written atomically. Its name stands for the frames
that it was made of and for the settings. Only the frames whose labels a run may use go into it.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from calico.config.training import PasteConfig
from calico.data.paste import PasteObjects, height_of_ground
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import (
    DAMAGED_NPZ,
    FileError,
    check_seal,
    is_replaceable,
    read_bytes,
    seal_zip,
    user_cache_dir,
    write_atomic,
)
from calico.frame import Bool, Frame, Int64
from calico.geometry.boxes import points_in_boxes

LOG = logging.getLogger(__name__)
DATABASE_VERSION = 2
"""Raised whenever the same frames give other objects; part of the key."""
MAX_BYTES = 4 << 30
_NAMES = tuple(field.name for field in fields(PasteObjects))
_SHAPES = {"boxes": (9,), "points": (5,)}


@dataclass(frozen=True)
class StoredObjects:
    """A database that is pickled by its path and loaded by every process that uses it.

    Attributes:
        path: The file.
        key: What it was made of.
    """

    path: Path
    key: str

    def load(self) -> PasteObjects:
        """Read the objects.

        Raises:
            FileError: The file is missing, damaged, or made of other frames.
        """
        where = f"paste database {self.path}"
        content = read_bytes(self.path, MAX_BYTES, "paste database")
        check_seal(content, where)
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as stored:
                data = {name: stored[name] for name in (*_NAMES, "key")}
        except DAMAGED_NPZ as error:
            raise FileError(f"{where}: cannot be read ({error})") from None
        if str(data.pop("key")) != self.key:
            raise FileError(f"{where}: holds the objects of other frames")
        _check_arrays(data, where)
        return PasteObjects(**data)


def open_database(
    source: FrameSource,
    frames: Sequence[int],
    config: PasteConfig,
    progress: Callable[[int, int], None] | None = None,
) -> StoredObjects:
    """Find the objects of frames in the cache, or cut them out now.

    Args:
        source: Training frames.
        frames: Frames whose labels may be used.
        config: Settings, and the folder of the cache.
        progress: Called with (frames done, frames in all).

    Raises:
        CalicoError: No frame has an object with enough points.
    """
    chosen = choose_objects(source, frames, config)
    if not chosen:
        raise CalicoError(
            f"augment.paste: no object of {source.name} has {config.min_points} points; expected "
            "some to paste. Lower augment.paste.min_points, or set augment.paste to null"
        )
    what = (DATABASE_VERSION, source.content_hash(), source.taxonomy.names, chosen)
    key = hashlib.sha256(repr(what).encode()).hexdigest()[:40]
    folder = config.cache_dir or user_cache_dir() / "paste"
    stored = StoredObjects(folder / f"{key}.npz", key)
    if stored.path.is_file():
        try:
            stored.load()
        except FileError as error:
            LOG.warning("%s; made again", error)
        else:
            return stored
    _save(stored, _cut_all(source, chosen, progress))
    return stored


def choose_objects(
    source: FrameSource, frames: Sequence[int], config: PasteConfig
) -> list[tuple[int, tuple[int, ...]]]:
    """Choose which objects go into a database, by the labels alone.

    At most `config.max_stored` objects of a class are taken, evenly spread over the frames.

    Args:
        source: Training frames.
        frames: Frames whose labels may be used.
        config: Settings.

    Returns:
        Frames and the numbers of their objects, in order.
    """
    of_class: dict[int, list[tuple[int, int]]] = {}
    for index in sorted(set(frames)):
        boxes = source.annotations(index).boxes
        for number in np.flatnonzero(boxes.num_points >= config.min_points).tolist():
            of_class.setdefault(int(boxes.labels[number]), []).append((index, number))
    chosen: dict[int, list[int]] = {}
    for found in of_class.values():
        count = min(len(found), config.max_stored)
        for place in np.linspace(0, len(found), count, endpoint=False).astype(int).tolist():
            index, number = found[place]
            chosen.setdefault(index, []).append(number)
    return [(index, tuple(sorted(chosen[index]))) for index in sorted(chosen)]


def cut_objects(frame: Frame, numbers: Sequence[int]) -> PasteObjects:
    """Cut objects and their points out of a frame.

    Args:
        frame: The frame.
        numbers: Which of its objects.
    """
    rows: Int64 = np.array(numbers, np.int64)
    boxes = frame.boxes.select(rows)
    mask = points_in_boxes(frame.points, boxes.boxes)
    others: Bool = np.asarray(points_in_boxes(frame.points, frame.boxes.boxes, 0.2).any(axis=0))
    bottoms = boxes.boxes[:, 2].astype(np.float64) - boxes.boxes[:, 5] / 2
    ground = np.array([height_of_ground(frame.points, box, others) for box in boxes.boxes])
    order = np.nonzero(mask)[1]
    return PasteObjects(
        boxes=boxes.boxes,
        labels=boxes.labels,
        attributes=boxes.attributes,
        above_ground=bottoms - ground,
        start=np.concatenate([[0], np.cumsum(mask.sum(axis=1))]).astype(np.int64),
        points=frame.points[order],
        ring=frame.ring[order],
        sweep_index=frame.sweep_index[order],
        lidar_index=np.zeros(len(order), np.int16)
        if frame.lidar_index is None
        else frame.lidar_index[order],
    )


def _cut_all(
    source: FrameSource,
    chosen: Sequence[tuple[int, tuple[int, ...]]],
    progress: Callable[[int, int], None] | None,
) -> PasteObjects:
    parts = []
    for done, (index, numbers) in enumerate(chosen):
        if progress is not None:
            progress(done, len(chosen))
        parts.append(cut_objects(source[index], numbers))
    if progress is not None:
        progress(len(chosen), len(chosen))
    sizes = np.concatenate([np.diff(part.start) for part in parts])
    joined = {
        name: np.concatenate([getattr(part, name) for part in parts])
        for name in _NAMES
        if name != "start"
    }
    return PasteObjects(start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64), **joined)


def _save(stored: StoredObjects, objects: PasteObjects) -> None:
    stream = io.BytesIO()
    arrays = {name: getattr(objects, name) for name in _NAMES}
    np.savez(stream, allow_pickle=False, key=np.array(stored.key), **arrays)
    stored.path.parent.mkdir(parents=True, exist_ok=True)
    if not is_replaceable(stored.path):
        stored.path.unlink()  # a pipe or a device in the place of a cached file
    write_atomic(stored.path, seal_zip(stream.getvalue()))


def _check_arrays(data: dict[str, np.ndarray], where: str) -> None:
    """Check that the arrays belong together."""
    count, start = len(data["boxes"]), data["start"]
    total = len(data["points"])
    shapes = {name: (count, *_SHAPES.get(name, ())) for name in _NAMES[:4]}
    shapes |= {name: (total, *_SHAPES.get(name, ())) for name in _NAMES[5:]}
    shapes["start"] = (count + 1,)
    wrong = [name for name, shape in shapes.items() if data[name].shape != shape]
    if wrong or (np.diff(start) < 0).any() or start[0] != 0 or start[-1] != total:
        raise FileError(f"{where}: the arrays do not belong together ({', '.join(wrong)})")
