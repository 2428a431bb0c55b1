"""Segments of version 1: TFRecord files of `Frame` protos."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.waymo.records import (
    CAMERA_NAMES,
    LASERS,
    Conditions,
    MapFeature,
    Segment,
    WaymoRecord,
)
from calico.data.waymo.v1.features import decode_features
from calico.data.waymo.v1.index import FileIndex, describe_file, load_index
from calico.data.waymo.v1.labels import decode_labels
from calico.data.waymo.v1.messages import FRAME
from calico.data.waymo.v1.objects import decode_polygon
from calico.data.waymo.v1.partial import read_without
from calico.data.waymo.v1.sensors import (
    RETURNS,
    decode_camera_calibrations,
    decode_images,
    decode_lidar_calibrations,
    decode_scans,
    decode_transform,
)
from calico.data.waymo.v1.tfrecord import locate_record, read_record
from calico.data.waymo.v1.wire import decode_message
from calico.errors import CalicoError
from calico.files import open_regular
from calico.frame import Float64, Int64

_FILE = re.compile(r"(?:\w+_)?segment-(.+?)(?:_with_camera_labels)?\.tfrecord", re.ASCII)

_KEPT_MAPS = 4
"""Segments whose map features are kept in memory."""
_BULK = tuple(number for number, one in FRAME.fields.items() if one.name in ("images", "lasers"))


def open_segments(root: Path, split: str) -> list[Segment]:
    """List the segments of a split, without reading a file.

    Args:
        root: Folder of the data set.
        split: Folder in it, e.g. "training".

    Returns:
        Segments in the order of their names.

    Raises:
        CalicoError: There is no such folder, it has no segment, or two files hold the same one.
    """
    folder = root / split
    if not folder.is_dir():
        raise CalicoError(
            f"{folder}: no such folder; expected segment-<name>_with_camera_labels.tfrecord files"
        )
    segments: dict[str, TfRecordSegment] = {}
    for path in sorted(folder.iterdir()):
        match = _FILE.fullmatch(path.name)
        if match is None:
            continue
        other = segments.get(match[1])
        if other is not None:
            raise CalicoError(f"{path}: holds segment {match[1]}, and so does {other.path.name}")
        segments[match[1]] = TfRecordSegment(path, match[1])
    if not segments:
        raise CalicoError(
            f"{folder}: has no segment; expected segment-<name>_with_camera_labels.tfrecord files"
        )
    return [segments[name] for name in sorted(segments)]


class TfRecordSegment:
    """One file of frames; see `Segment` for what it gives.

    It holds no open file. The index of its frames is made at the first use.

    Args:
        path: The file.
        context: Name of the segment, which every frame must have.
    """

    def __init__(self, path: Path, context: str) -> None:
        self.path = path
        self.context = context
        self._index: FileIndex | None = None

    @property
    def timestamps_us(self) -> Int64:
        """(n,) of its frames, ascending."""
        return self._load_index().timestamps_us

    def read(
        self,
        timestamp_us: int,
        *,
        lasers: Collection[int] = tuple(LASERS),
        returns: Collection[int] = (1, 2),
        cameras: Collection[int] = tuple(CAMERA_NAMES),
        with_map: bool = True,
    ) -> WaymoRecord:
        """Read one frame; see `Segment.read`.

        Without LiDARs and cameras, only some percent of the record are read, and its checksum is
        not checked.

        Args:
            timestamp_us: One of `timestamps_us`.
            lasers: LiDARs whose scans are inflated.
            returns: 1, 2 or both.
            cameras: Cameras whose images are copied.
            with_map: Whether `map_features` are read, which takes some tenths of a second for the
                first frame of a segment.

        Raises:
            CalicoError: The file is damaged, or has no such frame.
        """
        index = self._load_index()
        row = int(np.searchsorted(index.timestamps_us, timestamp_us))
        if row == len(index.timestamps_us) or index.timestamps_us[row] != timestamp_us:
            raise CalicoError(f"segment {self.path}: has no frame of the time {timestamp_us}")
        unknown = sorted(set(returns) - RETURNS.keys())
        if unknown:
            raise CalicoError(f"returns: got {unknown[0]}, expected some of 1, 2")
        where = f"segment {self.path}, frame {timestamp_us}"
        offset = int(index.offsets[row])
        frame = self._read_frame(offset, where, with_sensors=bool(lasers or cameras))
        if frame.get("timestamp_micros") != timestamp_us:
            raise CalicoError(f"{where}: the record has the time {frame.get('timestamp_micros')}")
        features = self.read_map() if with_map else None
        return _decode_frame(frame, features, where, _Wanted(lasers, returns, cameras))

    @property
    def map_key(self) -> str:
        """Text that changes with the file's path, size or time of change."""
        return describe_file(self.path)

    def read_map(self) -> tuple[MapFeature, ...] | None:
        """Read the map, which only the first record of a file holds.

        The maps of the last segments are kept.

        Raises:
            CalicoError: The file is damaged.
        """
        return _read_map(self, self.map_key)

    def _load_index(self) -> FileIndex:
        if self._index is None:
            self._index = load_index(self.path)
        return self._index

    def _read_frame(self, offset: int, where: str, with_sensors: bool) -> dict[str, Any]:
        with open_regular(self.path, "segment") as stream:
            if with_sensors:
                content = read_record(stream, offset, where)
            else:
                content = read_without(stream, *locate_record(stream, offset, where), _BULK, where)
        frame = decode_message(content, FRAME, where)
        name = frame.get("context", {}).get("name", "")
        if name != self.context:
            raise CalicoError(
                f"{where}: belongs to segment {name[:100]!r}, expected {self.context!r} as in the "
                "file's name"
            )
        return frame


@dataclass(frozen=True)
class _Wanted:
    """What is asked for of a frame."""

    lasers: Collection[int]
    returns: Collection[int]
    cameras: Collection[int]


@lru_cache(maxsize=_KEPT_MAPS)
def _read_map(segment: TfRecordSegment, key: str) -> tuple[MapFeature, ...] | None:
    where = f"segment {segment.path}, first record"
    frame = segment._read_frame(0, where, with_sensors=False)
    return decode_features(frame.get("map_features", ()), where)


def _decode_frame(
    frame: dict[str, Any], features: tuple[MapFeature, ...] | None, where: str, wanted: _Wanted
) -> WaymoRecord:
    context = frame["context"]
    lidars, cameras = context.get("laser_calibrations", ()), context.get("camera_calibrations", ())
    lasers = frame.get("lasers", ())
    return WaymoRecord(
        context=context["name"],
        timestamp_us=frame["timestamp_micros"],
        world_T_vehicle=decode_transform(frame, "pose", where),
        lidar_calibrations=decode_lidar_calibrations(lidars, where),
        scans=decode_scans(lasers, wanted.lasers, wanted.returns, where),
        camera_calibrations=decode_camera_calibrations(cameras, where),
        images=decode_images(frame.get("images", ()), wanted.cameras, where),
        labels=decode_labels(frame.get("laser_labels", ()), where),
        conditions=Conditions(**context.get("stats", {})),
        no_label_zones=_decode_zones(frame.get("no_label_zones", ()), where),
        map_features=features,
        map_offset=_decode_offset(frame.get("map_pose_offset", {}), where),
    )


def _decode_zones(zones: Sequence[dict[str, Any]], where: str) -> tuple[Float64, ...]:
    return tuple(
        decode_polygon(zone, f"{where}: no-label zone {number}")
        for number, zone in enumerate(zones)
    )


def _decode_offset(message: dict[str, float], where: str) -> Float64:
    offset = np.array([message.get(axis, 0.0) for axis in "xyz"], np.float64)
    if not np.isfinite(offset).all():
        raise CalicoError(f"{where}: map_pose_offset is {offset.tolist()}, expected finite numbers")
    return offset
