"""Frames of a data folder."""

from __future__ import annotations

import hashlib
from functools import lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np

from calico.config.taxonomy import describe_taxonomy
from calico.data.folder.calibration import Calibration, read_calibration, read_pose
from calico.data.folder.gather import gather_points, list_pieces
from calico.data.folder.index import FolderIndex, read_index
from calico.data.folder.layout import (
    CALIBRATION,
    CONDITION,
    FRAMES,
    IMAGES,
    Description,
    read_description,
)
from calico.data.folder.masks import fit_masks, read_masks, sort_masks
from calico.data.nuscenes.contents import hash_contents
from calico.data.nuscenes.paths import DataFolder
from calico.data.source import FrameInfo
from calico.errors import CalicoError
from calico.files.images import read_image
from calico.frame import Bool, Boxes, Frame, Int64
from calico.geometry.boxes import points_in_boxes, transform_boxes
from calico.geometry.frames import invert_transform, wrap_angle
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES, Taxonomy

READER_VERSION = 1
"""Part of content_hash: raise it when the reader makes other frames of the same files."""
CALIBRATIONS_KEPT = 4096


class FolderSource:
    """A split of a data folder (a `FrameSource`); docs/guides/own_data.md describes the layout.

    In worker processes the tables are read again, so that pickling costs nothing.
    """

    def __init__(
        self,
        root: Path,
        split: str,
        map_grid: Grid | None = None,
        cameras: tuple[str, ...] | None = None,
        sweeps: int = 1,
        follow_links: bool = False,
        taxonomy: Taxonomy = NUSCENES,
    ) -> None:
        """Read and check the tables. No sensor file is opened.

        Args:
            root: Folder of the data set.
            split: A value of the column split, the name of a scene, or "all".
            map_grid: Where map masks are wanted. Without maps in the folder there are none, and
                `map_grid` is None.
            cameras: Names, in the order of the views, or None for all of the first calibration.
            sweeps: LiDAR sweeps a frame aggregates, its own included.
            follow_links: See `calico.data.nuscenes.paths.DataFolder`.
            taxonomy: Classes of labels and masks. Boxes of no class are left out.

        Raises:
            CalicoError: A table or calibration is broken, the split is unknown, or a frame lacks
                a camera.
        """
        self._arguments = (root, split, map_grid, cameras, sweeps, follow_links, taxonomy)
        self._folder = DataFolder(root, follow_links)
        self._described: Description = read_description(root)
        self._index: FolderIndex = read_index(root)
        self._rows = self._index.select_rows(split)
        self._calibrations = lru_cache(CALIBRATIONS_KEPT)(self._read_calibration)
        self._sweeps = sweeps
        self._check_sweeps()
        self.name = f"{self._described.name} {split}"
        self.taxonomy = taxonomy
        rig = self.calibration(int(self._rows[0]))
        self.cameras = tuple(one.name for one in rig.cameras) if cameras is None else cameras
        self._check_cameras(rig)
        self.map_grid = map_grid if self._has_maps() else None
        known = set(self._index.boxes["category"].tolist())
        self._labels = {name: taxonomy.label_of(name) for name in known}
        boxes = self._index.boxes
        self._has_difficulty = bool(boxes["difficulty"].any())
        self._has_synced = any(one is not None for one in boxes["camera_synced"])
        self._hash: str | None = None

    def _check_sweeps(self) -> None:
        """Check that older sweeps can be moved to the frame by the poses of the vehicle."""
        poses = self._index.frames["global_T_ego"]
        lacking = [row for row in self._rows.tolist() if poses[row] is None]
        if self._sweeps > 1 and lacking:
            raise CalicoError(
                f"{self._index.root / FRAMES}: {len(lacking)} frames have no global_T_ego, the "
                f"first is {self._index.token(lacking[0])}; expected a pose of each, as "
                f"data.sweeps is {self._sweeps} and older sweeps are moved by the poses"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        return (FolderSource, self._arguments)

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Frame:
        """Load a frame; a CalicoError names file and frame if something is broken."""
        return self._load(self._row(index))

    def info(self, index: int) -> FrameInfo:
        """Return token and scene of a frame."""
        row = self._row(index)
        return FrameInfo(self._index.token(row), str(self._index.frames["scene"][row]))

    def labels(self, index: int) -> Int64:
        """Return the classes (M,) of a frame's objects, from the tables."""
        rows = self._box_rows(self._row(index))
        return self._labels_of(rows)

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`. Points are read only if the table has no num_points."""
        row = self._row(index)
        rig = self.calibration(row)
        return Frame.of_labels(
            self._index.token(row),
            str(self._index.frames["scene"][row]),
            float(self._index.frames["timestamp_s"][row]),
            rig.ego_T_lidar,
            self._index.pose(row) @ rig.ego_T_lidar,
            self._boxes(row, rig, None),
            self.taxonomy,
        )

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """Return every (height, width) that the calibrations state."""
        sizes = set()
        for row in self._rows.tolist():
            rig = self.calibration(row)
            for name in self.cameras:
                if (mount := rig.camera(name)) is not None:
                    sizes.add((mount.size_wh[1], mount.size_wh[0]))
        return frozenset(sizes)

    def content_hash(self) -> str:
        """Return the digest of the split; it is computed once.

        It covers the tables' rows, calibrations, the grid and the sensor files
        (`nuscenes.contents.hash_contents` says how far).
        """
        if self._hash is None:
            digest = self._hash_rows(("frames", self.cameras, self.map_grid, self._sweeps))
            paths = {
                f"{self._index.token(row)} {place}": path
                for row in self._rows.tolist()
                for place, path in self.files(row).items()
            }
            digest.update(hash_contents(paths).encode())
            self._hash = digest.hexdigest()
        return self._hash

    def labels_hash(self) -> str:
        """Return the digest of the tables' rows and calibrations; no sensor file is opened."""
        return self._hash_rows(("labels",)).hexdigest()

    def calibration(self, row: int) -> Calibration:
        """Read the calibration of a frame; the latest ones are kept.

        Args:
            row: Row of the frame in the index.
        """
        return self._calibrations(str(self._index.frames["calibration"][row]) or CALIBRATION)

    def files(self, row: int) -> dict[str, Path]:
        """List the files of a frame by what they are.

        Args:
            row: Row of the frame in the index.
        """
        found = {}
        rig = self.calibration(row)
        for piece in list_pieces(self._index, row, rig, self._sweeps, self._locate):
            found[f"sweep {piece.sweep} of LiDAR {rig.lidars[piece.lidar].name}"] = piece.path
        for camera in self.cameras:
            found[camera] = self._locate(
                self._index.images["path"][self._image_row(row, camera)], IMAGES, row
            )
        if self.map_grid is not None and self._index.frames["map"][row]:
            path = self._locate(self._index.frames["map"][row], FRAMES, row)
            if path.is_dir():
                for one in sorted(path.glob("*.png")):
                    found[f"map {one.name}"] = one
            else:
                found["map"] = path
        return found

    def image_files(self, index: int) -> tuple[Path, ...]:
        """List the image files of a frame, in the order of the cameras."""
        found = self.files(self._row(index))
        return tuple(found[camera] for camera in self.cameras)

    def _row(self, index: int) -> int:
        return int(self._rows[index])

    def _load(self, row: int) -> Frame:
        rig, frames = self.calibration(row), self._index.frames
        global_T_lidar = self._index.pose(row) @ rig.ego_T_lidar
        cloud = self._points(row, rig)
        views = len(self.cameras)
        mounts = [rig.camera(name) for name in self.cameras]
        images, poses, times = [], [], []
        for name, mount in zip(self.cameras, mounts, strict=True):
            if mount is None:
                raise CalicoError(
                    f"frame '{self._index.token(row)}': its calibration has no camera '{name}'"
                )
            at = self._image_row(row, name)
            path = self._locate(self._index.images["path"][at], IMAGES, row)
            images.append(read_image(path, mount.size_wh))
            then = self._index.images["global_T_ego"][at]
            global_T_ego = self._index.pose(row)
            if then is not None:
                where = f"{self._index.root / IMAGES}: global_T_ego of {self._index.token(row)}"
                global_T_ego = read_pose(then, where)
            poses.append(invert_transform(global_T_ego @ mount.ego_T_camera) @ global_T_lidar)
            time = float(self._index.images["time_s"][at])
            times.append(float(frames["timestamp_s"][row]) if np.isnan(time) else time)
        masks, known = self._masks(row)
        before = self._index.previous(row)
        return Frame(
            token=self._index.token(row),
            scene=str(frames["scene"][row]),
            timestamp_s=float(frames["timestamp_s"][row]),
            images=tuple(images),
            camera_K=np.array([one.K for one in mounts if one]).reshape(views, 3, 3),
            camera_T_lidar=np.array(poses, np.float64).reshape(views, 4, 4),
            camera_time_s=np.array(times, np.float64),
            ego_T_lidar=rig.ego_T_lidar,
            global_T_lidar=global_T_lidar,
            boxes=self._boxes(row, rig, cloud),
            map_masks=masks,
            map_known=known,
            conditions={
                name.removeprefix(CONDITION): str(values[row])
                for name, values in frames.items()
                if name.startswith(CONDITION) and values[row]
            },
            taxonomy=self.taxonomy,
            previous=None if before is None else partial(self._load, before),
            **cloud,
        )

    def _boxes(self, row: int, rig: Calibration, cloud: dict[str, Any] | None) -> Boxes:
        """The objects of a frame in its LiDAR frame; counts that the table lacks are made."""
        table, rows = self._index.boxes, self._box_rows(row)
        names = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy")
        boxes = np.stack([table[name][rows] for name in names], axis=-1).reshape(-1, 9)
        if self._described.boxes_in == "ego":
            boxes = transform_boxes(invert_transform(rig.ego_T_lidar), boxes)
        counts = table["num_points"][rows].copy()
        if (counts < 0).any():
            found = cloud or self._points(row, rig)
            own = found["points"][found["sweep_index"] == 0]
            open_ = np.flatnonzero(counts < 0)
            counts[open_] = [
                points_in_boxes(own, boxes[k : k + 1]).sum(dtype=np.int64) for k in open_
            ]
        attributes = [self.taxonomy.attribute_of(str(name)) for name in table["attribute"][rows]]
        difficulty, synced = table["difficulty"], table["camera_synced"]
        boxes = boxes.astype(np.float32)
        boxes[:, 6] = wrap_angle(boxes[:, 6])
        return Boxes(
            boxes,
            self._labels_of(rows),
            np.array(attributes, np.int64),
            counts,
            tuple(str(name) for name in table["instance"][rows]),
            difficulty[rows] if self._has_difficulty else None,
            _stack_synced(synced[rows]) if self._has_synced else None,
        )

    def _points(self, row: int, rig: Calibration) -> dict[str, Any]:
        """The fields of a frame that hold points."""
        pieces = list_pieces(self._index, row, rig, self._sweeps, self._locate)
        return gather_points(pieces, rig, self._index.pose(row) @ rig.ego_T_lidar)

    def _labels_of(self, rows: Int64) -> Int64:
        names = self._index.boxes["category"][rows]
        return np.array([self._labels[name] for name in names], np.int64)

    def _box_rows(self, row: int) -> Int64:
        """Rows of a frame's boxes that belong to a class."""
        rows = np.arange(self._index.box_rows[row], self._index.box_rows[row + 1])
        names = self._index.boxes["category"][rows]
        return rows[np.array([self._labels[name] is not None for name in names], np.bool_)]

    def _image_row(self, row: int, camera: str) -> int:
        start, end = self._index.image_rows[row], self._index.image_rows[row + 1]
        names = self._index.images["camera"][start:end].tolist()
        return int(start + names.index(camera))

    def _locate(self, name: object, table: str, row: int) -> Path:
        return self._folder.locate(str(name), self._index.root / table, self._index.token(row))

    def _read_calibration(self, name: str) -> Calibration:
        return read_calibration(self._folder.locate(name, self._index.root / FRAMES, name))

    def _masks(self, row: int) -> tuple[Bool | None, Bool | None]:
        grid = self._described.map_grid
        if self.map_grid is None or grid is None:
            return None, None
        name = self._index.frames["map"][row]
        if not name:
            shape = (len(self.taxonomy.map_classes), *self.map_grid.shape)
            return np.zeros(shape, np.bool_), np.zeros(shape[1:], np.bool_)
        path = self._locate(name, FRAMES, row)
        masks, known = read_masks(path, self._described.map_classes, grid)
        masks = sort_masks(masks, self._described.map_classes, self.taxonomy)
        return fit_masks(masks, known, grid, self.map_grid)

    def _has_maps(self) -> bool:
        """Whether the folder has maps of the taxonomy's classes; a class without masks is wrong."""
        if self._described.map_grid is None or not self.taxonomy.map_classes:
            return False
        if not any(self._index.frames["map"][self._rows]):
            return False
        for one in self.taxonomy.map_classes:
            if not {one.name, *one.sources} & set(self._described.map_classes):
                raise CalicoError(
                    f"data {self._index.root}: map class {one.name} of taxonomy "
                    f"{self.taxonomy.name} is made of nothing there; expected taxonomy.sources "
                    f"out of {', '.join(self._described.map_classes)}"
                )
        return True

    def _check_cameras(self, rig: Calibration) -> None:
        unknown = [name for name in self.cameras if rig.camera(name) is None]
        if unknown:
            there = ", ".join(one.name for one in rig.cameras) or "none"
            raise CalicoError(
                f"data {self._index.root}: has no camera '{unknown[0]}'; expected data.cameras out "
                f"of {there}"
            )
        for row in self._rows.tolist():
            start, end = self._index.image_rows[row], self._index.image_rows[row + 1]
            missing = set(self.cameras) - set(self._index.images["camera"][start:end].tolist())
            if missing:
                raise CalicoError(
                    f"{self._index.root / IMAGES}: frame '{self._index.token(row)}' has no image "
                    f"of camera {sorted(missing)[0]}; expected every camera of data.cameras in "
                    "every frame"
                )

    def _hash_rows(self, more: tuple[object, ...]) -> hashlib._Hash:
        """Digest of what the tables and calibrations say of the split's frames."""
        start = (READER_VERSION, self._described, describe_taxonomy(self.taxonomy), more)
        digest = hashlib.sha256(repr(start).encode())
        index = self._index
        for row in self._rows.tolist():
            for table, rows in (
                (index.frames, slice(row, row + 1)),
                (index.sweeps, slice(index.sweep_rows[row], index.sweep_rows[row + 1])),
                (index.images, slice(index.image_rows[row], index.image_rows[row + 1])),
                (index.boxes, slice(index.box_rows[row], index.box_rows[row + 1])),
            ):
                digest.update(repr([(k, _plain(v[rows])) for k, v in table.items()]).encode())
            digest.update(self.calibration(row).to_text().encode())
        return digest


def _plain(values: Any) -> list[Any]:
    """Values whose text tells all of their digits."""
    return [one.tolist() if isinstance(one, np.ndarray) else one for one in values.tolist()]


def _stack_synced(rows: Any) -> Any:
    filled = [np.full(7, np.nan) if one is None else one for one in rows]
    return np.array(filled, np.float32).reshape(-1, 7)
