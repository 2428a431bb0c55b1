"""The Waymo Open Dataset as a source of frames."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from calico.config.data import WaymoConfig
from calico.config.schema import Config
from calico.config.taxonomy import describe_taxonomy
from calico.data.root import find_data_root
from calico.data.source import FrameInfo
from calico.data.waymo.cameras import image_size
from calico.data.waymo.frames import SensorChoice, build_frame, label_frame
from calico.data.waymo.map_cache import load_map
from calico.data.waymo.maps import MAP_CLASSES, WaymoMap
from calico.data.waymo.records import CAMERA_NAMES, LASERS, OBJECT_TYPES, Segment, WaymoRecord
from calico.data.waymo.segments import (
    SPLITS,
    Version,
    detect_version,
    hash_files,
    list_files,
    open_segments,
)
from calico.data.waymo.v1.reader import TfRecordSegment
from calico.errors import CalicoError
from calico.frame import Frame, Int64
from calico.geometry.grid import Grid
from calico.taxonomy import WAYMO, Taxonomy

READER_VERSION = 3
"""Part of content_hash: raise it when the reader makes other frames of the same files."""
KEPT_MAPS = 256
"""Maps of so many segments are kept in memory."""
_LABEL_COMPONENTS = ("lidar_box", "lidar_calibration", "lidar_camera_synced_box", "vehicle_pose")


class WaymoSource:
    """A split of the Waymo Open Dataset, of version 1 or 2 (a `FrameSource`).

    Frames are described in `calico.data.waymo.frames`.

    Args:
        root: Folder with the folders of the splits.
        split: "train", "val", "test", or the name of a folder.
        settings: LiDARs, returns, interval of keyframes, image size.
        map_grid: Where map masks are wanted. Only version 1 has maps, so that `map_grid` is None
            for version 2 unless `settings.map_root` names a copy in version 1. In segments without
            a map, all cells are unknown.
        cameras: Names out of `CAMERA_NAMES`, in the order of the views.
        sweeps: LiDAR sweeps per frame, the keyframe's included, 0.1 s apart.
        taxonomy: Classes of labels and masks. Its sources are Waymo's types of objects
            (`OBJECT_TYPES`) and `maps.MAP_CLASSES`.

    Raises:
        CalicoError: The split has no segment, or a camera or a class is unknown.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        settings: WaymoConfig,
        map_grid: Grid | None,
        cameras: tuple[str, ...] = tuple(CAMERA_NAMES.values()),
        sweeps: int = 1,
        taxonomy: Taxonomy = WAYMO,
    ) -> None:
        folder = SPLITS.get(split, split)
        numbers = {name: number for number, name in CAMERA_NAMES.items()}
        unknown = [camera for camera in cameras if camera not in numbers]
        if unknown:
            raise CalicoError(
                f"Waymo: unknown camera '{unknown[0]}', expected data.cameras out of "
                f"{', '.join(numbers)}"
            )
        _check_classes(taxonomy)
        lasers = {name: number for number, name in LASERS.items()}
        self.root = root
        self.folder = folder
        self.version: Version = (
            detect_version(root, folder) if settings.version == "auto" else settings.version
        )
        self.name = f"waymo {self.version} {folder}"
        self.cameras = cameras
        self.taxonomy = taxonomy
        self.settings = settings
        self.sweeps = sweeps
        self.choice = SensorChoice(
            tuple(lasers[name] for name in settings.lidars),
            settings.returns,
            tuple(numbers[name] for name in cameras),
            settings.image_reduction,
        )
        self.segments: tuple[Segment, ...] = tuple(open_segments(root, folder, self.version))
        self._maps = _open_maps(settings, self.version, folder, self.segments)
        wanted = map_grid is not None and bool(taxonomy.map_classes)
        self.map_grid: Grid | None = map_grid if wanted and self._maps is not None else None
        if self.map_grid is not None:
            _check_map_classes(taxonomy)
        self._drawn: dict[str, WaymoMap | None] = {}
        self._times = tuple(segment.timestamps_us for segment in self.segments)
        places = [np.arange(0, len(times), settings.interval) for times in self._times]
        owners = np.repeat(np.arange(len(places)), [len(one) for one in places])
        self._index: Int64 = np.stack([owners, np.concatenate(places)], axis=1).astype(np.int64)
        self._hashes: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._index)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_drawn": {}}

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names segment, frame and sensor if something is broken."""
        return self._load(*self._place(index))

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame."""
        number, position = self._place(index)
        context = self.segments[number].context
        return FrameInfo(f"{context}_{int(self._times[number][position])}", context)

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`; no sensor data are read, unless labels do not say how many points."""
        number, position = self._place(index)
        frame = label_frame(
            self.read_labels(number, position),
            self.choice.lasers[0],
            self.taxonomy,
        )
        if (frame.boxes.num_points >= 0).all():
            return frame
        record = self._read(number, position, images=False)
        boxes = build_frame([record], replace(self.choice, cameras=()), self.taxonomy).boxes
        return frame.replace(boxes=boxes)

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects; no sensor data are read."""
        record = self.read_labels(*self._place(index))
        return label_frame(record, self.choice.lasers[0], self.taxonomy).boxes.labels

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) that the calibrations of the segments give."""
        sizes = set()
        for number in range(len(self.segments)) if self.choice.cameras else ():
            record = self.read_labels(number, 0)
            for camera in self.choice.cameras:
                if camera in record.camera_calibrations:
                    calibration = record.camera_calibrations[camera]
                    sizes.add(image_size(calibration, self.choice.reduction))
        return frozenset(sizes)

    def content_hash(self) -> str:
        """Return the digest of the files (`segments.hash_files` says how far) and the settings."""
        settings = self.settings.model_copy(update={"version": self.version, "map_root": None})
        return self._hash("content", (settings, self.cameras, self.sweeps, self.map_grid))

    def labels_hash(self) -> str:
        """Return the digest of the files that hold labels, and of what chooses among them."""
        return self._hash("labels", (self.settings.interval, self.choice.lasers[0]))

    def files(self, what: str = "content") -> tuple[Path, ...]:
        """List the files of the split that frames are made of.

        Args:
            what: "content", or "labels" for those that hold labels.
        """
        paths = list_files(self.root, self.folder, self.version)
        if what == "content" or self.version == "v1":
            return paths
        return tuple(path for path in paths if path.parent.name in _LABEL_COMPONENTS)

    def read_labels(self, number: int, position: int) -> WaymoRecord:
        """Read a frame without sensor data.

        Args:
            number: Of the segment.
            position: Of the frame in it; all frames count, whatever the interval.
        """
        return self._read(number, position, images=False, points=False)

    def _hash(self, what: str, settings: object) -> str:
        if what not in self._hashes:
            parts = (READER_VERSION, what, settings, describe_taxonomy(self.taxonomy))
            digest = hashlib.sha256(repr(parts).encode())
            digest.update(hash_files(self.files(what), self.root).encode())
            maps = self.settings.map_root
            if what == "content" and maps is not None and self.version == "v2":
                digest.update(hash_files(list_files(maps, self.folder, "v1"), maps).encode())
            self._hashes[what] = digest.hexdigest()
        return self._hashes[what]

    def _place(self, index: int) -> tuple[int, int]:
        """Segment of a keyframe, and its position there."""
        number, position = (int(value) for value in self._index[index])
        return number, position

    def _load(self, number: int, position: int) -> Frame:
        before = range(position - 1, max(position - self.sweeps, -1), -1)
        records = [
            self._read(number, position),
            *(self._read(number, one, images=False) for one in before),
        ]
        frame = self._add_map(build_frame(records, self.choice, self.taxonomy), records[0])
        last = position - self.settings.interval
        return frame.replace(previous=partial(self._load, number, last) if last >= 0 else None)

    def _add_map(self, frame: Frame, record: WaymoRecord) -> Frame:
        """The frame with map masks; all cells are unknown where its segment has no map."""
        if self.map_grid is None or self._maps is None:
            return frame
        segment = self._maps.get(record.context)
        if self.version == "v2":
            if segment is None:
                raise CalicoError(
                    f"segment {record.context}: data.waymo.map_root {self.settings.map_root} has "
                    f"no such segment in {self.folder}; expected the same segments in version 1"
                )
            record = segment.read(record.timestamp_us, lasers=(), cameras=(), with_map=False)
        if segment is not None and record.context not in self._drawn:
            while len(self._drawn) >= KEPT_MAPS:
                self._drawn.pop(next(iter(self._drawn)))
            self._drawn[record.context] = load_map(segment)
        drawn = self._drawn[record.context]
        if drawn is None:
            rows, columns = self.map_grid.shape
            masks = np.zeros((len(self.taxonomy.map_classes), rows, columns), np.bool_)
            return frame.replace(map_masks=masks, map_known=np.zeros((rows, columns), np.bool_))
        masks, known = drawn.masks(
            frame.global_T_lidar, record.map_offset, self.map_grid, self.taxonomy
        )
        return frame.replace(map_masks=masks, map_known=known)

    def _read(
        self, number: int, position: int, *, images: bool = True, points: bool = True
    ) -> WaymoRecord:
        return self.segments[number].read(
            int(self._times[number][position]),
            lasers=self.choice.lasers if points else (),
            returns=self.choice.returns,
            cameras=self.choice.cameras if images else (),
            with_map=False,
        )


def _open_maps(
    settings: WaymoConfig, version: Version, folder: str, segments: Sequence[Segment]
) -> dict[str, TfRecordSegment] | None:
    """The segments that hold maps, by name, or None if none does."""
    if version == "v2":
        if settings.map_root is None:
            return None
        segments = open_segments(settings.map_root, folder, "v1")
    return {one.context: one for one in segments if isinstance(one, TfRecordSegment)}


def open_split(config: Config, split: str) -> WaymoSource:
    """Open a split as a configuration describes it.

    Args:
        config: Names the data set (`data`), the map grid and the classes.
        split: "train" and "val" are those of the configuration. Any other name is a folder.

    Raises:
        CalicoError: The data set is not there.
    """
    data = config.data
    own = {"train": data.train_split, "val": data.val_split}
    return WaymoSource(
        find_data_root(config),
        own.get(split, split),
        data.waymo,
        config.grid.map,
        data.cameras,
        data.sweeps,
        config.taxonomy.build(),
    )


def _check_classes(taxonomy: Taxonomy) -> None:
    """Check that something in the data belongs to each class.

    Sources of other data sets, which Waymo's own classes have, are no error here.
    """
    known = set(OBJECT_TYPES.values())
    lost = [one.name for one in taxonomy.classes if not {one.name, *one.sources} & known]
    if lost:
        raise CalicoError(
            f"Waymo: class {lost[0]} of taxonomy {taxonomy.name} is made of no type of object; "
            f"expected taxonomy.sources out of {', '.join(OBJECT_TYPES.values())}"
        )


def _check_map_classes(taxonomy: Taxonomy) -> None:
    """Check the same of the classes of the map."""
    known = set(MAP_CLASSES)
    lost = [one.name for one in taxonomy.map_classes if not {one.name, *one.sources} & known]
    if lost:
        raise CalicoError(
            f"Waymo: map class {lost[0]} of taxonomy {taxonomy.name} is made of nothing that the "
            f"map holds; expected sources out of {', '.join(MAP_CLASSES)}"
        )
