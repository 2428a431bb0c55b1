"""Segments of version 2, read frame by frame from the rows that a frame needs."""

from __future__ import annotations

import functools
import threading
from collections import OrderedDict
from collections.abc import Collection
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.waymo.records import (
    CAMERA_NAMES,
    LASERS,
    TOP,
    CameraCalibration,
    CameraImage,
    Conditions,
    LidarCalibration,
    LidarScan,
    WaymoRecord,
)
from calico.data.waymo.v2.files import ComponentFile
from calico.data.waymo.v2.index import RowIndex, load_index
from calico.data.waymo.v2.schema import COMPONENTS
from calico.data.waymo.v2.tables import (
    ImageTable,
    LabelTable,
    no_labels,
    read_all,
    read_camera_calibrations,
    read_conditions,
    read_lidar_calibrations,
    read_poses,
)
from calico.data.waymo.v2.values import LargeColumn
from calico.errors import CalicoError
from calico.frame import Float32, Int64

UNLABELLED_SPLITS = ("testing", "testing_location")
"""Splits whose labels are not published."""
MAX_OPEN = 2
"""Segments of which one thread keeps the files open."""
_CHANNELS = {"lidar": 4, "lidar_pose": 6}


def open_segments(root: Path, split: str, cache_dir: Path | None = None) -> list[ParquetSegment]:
    """List the segments of a split, without reading any of their files.

    Args:
        root: Folder of the data set, which has a folder of each split.
        split: "training", "validation" or "testing".
        cache_dir: Folder of the indices; by default calico/waymo in the user's cache folder.

    Returns:
        The segments by name: those with a file in the component `vehicle_pose`.

    Raises:
        CalicoError: The split or the component is missing.
    """
    folder = root / split
    if not folder.is_dir():
        raise CalicoError(f"Waymo data set {root}: has no folder {split}; {_describe(root)}")
    poses = folder / "vehicle_pose"
    if not poses.is_dir():
        raise CalicoError(
            f"Waymo data set {folder}: has no folder vehicle_pose with a file of each segment; "
            f"{_describe(folder)}"
        )
    names = sorted(p.stem for p in poses.iterdir() if p.suffix == ".parquet" and p.stem[:1] != ".")
    if not names:
        raise CalicoError(f"Waymo data set {poses}: has no file <segment>.parquet")
    return [ParquetSegment(root, split, name, cache_dir) for name in names]


class ParquetSegment:
    """A segment; see `calico.data.waymo.records.Segment`."""

    def __init__(self, root: Path, split: str, context: str, cache_dir: Path | None = None) -> None:
        """Name a segment. No file is read.

        Args:
            root: Folder of the data set.
            split: Its split.
            context: Name of the segment.
            cache_dir: Folder of the index; see `open_segments`.
        """
        self._root, self._split, self._context = root, split, context
        self._cache_dir = cache_dir

    @property
    def context(self) -> str:
        """Name of the segment."""
        return self._context

    @functools.cached_property
    def timestamps_us(self) -> Int64:
        """(n,) of its frames, ascending."""
        return self._files().timestamps

    def read(
        self,
        timestamp_us: int,
        *,
        lasers: Collection[int] = tuple(LASERS),
        returns: Collection[int] = (1, 2),
        cameras: Collection[int] = tuple(CAMERA_NAMES),
        with_map: bool = True,
    ) -> WaymoRecord:
        """Read one frame.

        Only the components that are asked for need to be there. The labels may be missing in the
        test split, `lidar_camera_synced_box` and `stats` everywhere.

        Args:
            timestamp_us: One of `timestamps_us`.
            lasers: LiDARs whose scans are read, or none. One that has no row
                in this frame is left out.
            returns: 1, 2 or both. A return that the frame lacks is left out.
            cameras: Cameras whose images are read. One without an image in this frame is left out.
            with_map: Makes no difference, because this version has no maps.

        Raises:
            CalicoError: A component is missing or damaged. The message names it.
        """
        files = self._files()
        row = int(np.searchsorted(files.timestamps, timestamp_us))
        if row == len(files.timestamps) or files.timestamps[row] != timestamp_us:
            raise CalicoError(
                f"Waymo segment {self._context}: has no frame {timestamp_us}; it has "
                f"{len(files.timestamps)} from {files.timestamps[:1].tolist()} on"
            )
        timestamp_us = int(timestamp_us)
        return WaymoRecord(
            context=self._context,
            timestamp_us=timestamp_us,
            world_T_vehicle=files.poses[row].copy(),
            lidar_calibrations=files.lidar_calibrations(bool(lasers)),
            scans=files.read_scans(timestamp_us, lasers, returns) if lasers else {},
            camera_calibrations=files.camera_calibrations(bool(cameras)),
            images=files.read_images(timestamp_us, cameras) if cameras else {},
            labels=files.labels.select(timestamp_us),
            conditions=files.conditions.get(timestamp_us, Conditions()),
            no_label_zones=None,
            map_features=None,
            map_offset=np.zeros(3),
        )

    def _files(self) -> _OpenSegment:
        """Return the open files of this thread."""
        key = (self._root, self._split, self._context, self._cache_dir)
        files = _OPEN.segments.pop(key, None)
        if files is None or not files.is_current():
            files = _OpenSegment(*key)
        _OPEN.segments[key] = files
        while len(_OPEN.segments) > MAX_OPEN:
            _OPEN.segments.popitem(last=False)[1].close()
        return files


class _OpenSegment:
    """The files and tables of a segment that were needed so far."""

    def __init__(self, root: Path, split: str, context: str, cache_dir: Path | None) -> None:
        self._folder, self._split, self._context = root / split, split, context
        self._cache_dir = cache_dir
        self._opened: dict[str, ComponentFile] = {}
        self._columns: dict[str, tuple[RowIndex, dict[str, LargeColumn]]] = {}
        self.timestamps, self.poses = read_poses(self._table("vehicle_pose"))

    def is_current(self) -> bool:
        """Tell whether no file was replaced since it was opened."""
        return all(file.is_current() for file in self._opened.values())

    def close(self) -> None:
        """Close all files."""
        for file in self._opened.values():
            file.close()

    @functools.cached_property
    def labels(self) -> LabelTable:
        """Labels of all frames."""
        if self._split in UNLABELLED_SPLITS and not self._has("lidar_box"):
            return no_labels()
        synced = "lidar_camera_synced_box"
        found = LabelTable.read(
            self._table("lidar_box"), self._table(synced) if self._has(synced) else None
        )
        self._check_times("lidar_box", found.timestamps)
        return found

    @functools.cached_property
    def conditions(self) -> dict[int, Conditions]:
        """Conditions by timestamp."""
        return read_conditions(self._table("stats")) if self._has("stats") else {}

    @functools.cached_property
    def image_table(self) -> ImageTable:
        """What stands beside the images."""
        return ImageTable.read(self._table("camera_image"))

    def lidar_calibrations(self, needed: bool) -> dict[int, LidarCalibration]:
        """Calibrations by laser; none where they are missing and not needed."""
        return dict(self._lidars) if needed or self._has("lidar_calibration") else {}

    def camera_calibrations(self, needed: bool) -> dict[int, CameraCalibration]:
        """Calibrations by camera; none where they are missing and not needed."""
        return dict(self._cameras) if needed or self._has("camera_calibration") else {}

    @functools.cached_property
    def _lidars(self) -> dict[int, LidarCalibration]:
        return read_lidar_calibrations(self._table("lidar_calibration"))

    @functools.cached_property
    def _cameras(self) -> dict[int, CameraCalibration]:
        return read_camera_calibrations(self._table("camera_calibration"))

    def read_scans(
        self, timestamp_us: int, lasers: Collection[int], returns: Collection[int]
    ) -> dict[int, LidarScan]:
        """Read the range images of some LiDARs; those without any in this frame are left out."""
        numbers, wanted = sorted(returns), sorted(lasers)
        columns = [self._read_column("lidar", number, timestamp_us, wanted) for number in numbers]
        poses: dict[int, Float32] = {}
        if TOP in wanted or self._has("lidar_pose"):
            poses = self._read_column("lidar_pose", 1, timestamp_us, wanted)
        scans = {}
        for laser in wanted:
            images = [column.get(laser) for column in columns]
            found = tuple(image for image in images if image is not None)
            if not found:
                continue
            where = f"frame {timestamp_us}, {LASERS[laser]}"
            if images[0] is None or len({image.shape for image in found}) > 1:
                raise CalicoError(
                    f"{self._file('lidar').where}: {where}: the returns {numbers} have the shapes "
                    f"{[None if image is None else image.shape for image in images]}, expected "
                    "one shape"
                )
            pose = poses.get(laser)
            if pose is not None and pose.shape[:2] != found[0].shape[:2]:
                raise CalicoError(
                    f"{self._file('lidar_pose').where}: {where}: poses of {pose.shape[:2]} pixels "
                    f"for a range image of {found[0].shape[:2]}"
                )
            scans[laser] = LidarScan(found, pose)
        return scans

    def read_images(self, timestamp_us: int, cameras: Collection[int]) -> dict[int, CameraImage]:
        """Read the images of some cameras."""
        index, columns = self._large("camera_image")
        rows = {
            row: camera
            for camera in cameras
            if (row := index.find_row(timestamp_us, camera)) is not None
        }
        column = columns[COMPONENTS["camera_image"].column("image").name]
        ordered = sorted(rows)
        contents = dict(zip(ordered, column.read_images(ordered), strict=True))
        images = {
            camera: self.image_table.make_image(row, jpeg)
            for row, camera in rows.items()
            if (jpeg := contents[row]) is not None
        }
        return dict(sorted(images.items()))

    def _read_column(
        self, tag: str, number: int, timestamp_us: int, lasers: Collection[int]
    ) -> dict[int, Float32]:
        """Read one return of some LiDARs, in the order of the file's pages."""
        index, columns = self._large(tag)
        column = columns.get(COMPONENTS[tag].column(f"range_image_return{number}.values").name)
        rows = {laser: index.find_row(timestamp_us, laser) for laser in lasers}
        images = {}
        for row, laser in sorted((row, laser) for laser, row in rows.items() if row is not None):
            image = None if column is None else column.read_range_image(row)
            if image is None:
                continue
            if image.shape[2] != _CHANNELS[tag]:
                raise CalicoError(
                    f"{self._file(tag).where}: frame {timestamp_us}, {LASERS[laser]}: "
                    f"{image.shape[2]} channels, expected {_CHANNELS[tag]}"
                )
            images[laser] = image
        if column is not None:
            column.forget()
        return images

    def _large(self, tag: str) -> tuple[RowIndex, dict[str, LargeColumn]]:
        """Return the index and the columns that are read page by page."""
        if tag not in self._columns:
            file = self._file(tag)
            index = load_index(file, self._context, self._cache_dir)
            self._check_times(tag, index.timestamps)
            columns = {
                column.name: LargeColumn(file, column, index.columns[column.name], index.groups)
                for column in COMPONENTS[tag].columns
                if column.name in index.columns
            }
            self._columns[tag] = index, columns
        return self._columns[tag]

    def _check_times(self, tag: str, times: Int64) -> None:
        """Check that every row of a component has a pose; its frame would be lost without one."""
        lost = np.setdiff1d(times, self.timestamps)
        if len(lost):
            raise CalicoError(
                f"Waymo segment {self._context}: {tag} has rows at {len(lost)} times at which "
                f"vehicle_pose has none, the first is {lost[0]}; expected a pose of every frame"
            )

    def _table(self, tag: str) -> Any:
        return read_all(self._file(tag), self._context)

    def _path(self, tag: str) -> Path:
        return self._folder / tag / f"{self._context}.parquet"

    def _has(self, tag: str) -> bool:
        return tag in self._opened or self._path(tag).exists()

    def _file(self, tag: str) -> ComponentFile:
        if tag not in self._opened:
            path = self._path(tag)
            if not path.exists():
                raise CalicoError(
                    f"Waymo segment {self._context}: the component {tag} is missing, expected "
                    f"{path}"
                )
            self._opened[tag] = ComponentFile(path, COMPONENTS[tag])
        return self._opened[tag]


class _Open(threading.local):
    """The segments that are open, the last used one at the end."""

    def __init__(self) -> None:
        self.segments: OrderedDict[Any, _OpenSegment] = OrderedDict()


_OPEN = _Open()


def _describe(folder: Path) -> str:
    found = sorted(p.name for p in folder.iterdir() if p.is_dir()) if folder.is_dir() else []
    return f"it has {', '.join(found)[:300]}" if found else "it has no folder"
