"""The tables of a data folder, checked and sorted by frame."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.data.folder.calibration import Calibration, read_calibration, read_pose
from calico.data.folder.layout import (
    BOXES,
    CALIBRATION,
    COLUMNS,
    CONDITION,
    FRAMES,
    IMAGES,
    SWEEPS,
)
from calico.data.folder.tables import read_table
from calico.data.nuscenes.paths import DataFolder
from calico.errors import CalicoError
from calico.frame import Float64, Int64

Table = dict[str, npt.NDArray[Any]]
LATEST_S = 1e11
MOST_SWEEPS = 1000
OLDEST_S = 1e4


@dataclass(frozen=True)
class FolderIndex:
    """The tables of a folder. Rows of the same frame stand together.

    Attributes:
        root: The folder.
        frames: Columns of frames.parquet, ordered by scene and time.
        sweeps, images, boxes: Columns of the other tables, ordered by frame.
        sweep_rows, image_rows, box_rows: (F + 1,) where the rows of frame f begin. Those of f + 1
            follow.
        has_boxes: Whether there is a table of boxes.
    """

    root: Path
    frames: Table
    sweeps: Table
    images: Table
    boxes: Table
    sweep_rows: Int64
    image_rows: Int64
    box_rows: Int64
    has_boxes: bool

    def __len__(self) -> int:
        return len(self.frames["token"])

    def previous(self, row: int) -> int | None:
        """Return the row of the frame before in the same scene; None at the start."""
        same = row > 0 and self.frames["scene"][row - 1] == self.frames["scene"][row]
        return row - 1 if same else None

    def pose(self, row: int) -> Float64:
        """Return global_T_ego of a frame; the identity where the table has none."""
        value = self.frames["global_T_ego"][row]
        if value is None:
            return np.eye(4)
        return read_pose(value, f"{self.root / FRAMES}: global_T_ego of {self.token(row)}")

    def token(self, row: int) -> str:
        """Return the name of a frame."""
        return str(self.frames["token"][row])

    def select_rows(self, split: str) -> Int64:
        """Find the frames of a split.

        Args:
            split: A value of the column split, the name of a scene, or "all".

        Raises:
            CalicoError: There is no such split.
        """
        splits, scenes = self.frames["split"], self.frames["scene"]
        if split == "all":
            return np.arange(len(self))
        rows = np.flatnonzero(splits == split)
        if not len(rows):
            rows = np.flatnonzero(scenes == split)
        if not len(rows):
            named = ", ".join([one for one in dict.fromkeys(splits.tolist()) if one][:8])
            raise CalicoError(
                f"{self.root / FRAMES}: no frame of split '{split}'; the column split holds "
                f"{named or 'nothing'}, and the name of a scene ({scenes[0]}) or 'all' is taken, "
                "too (data.train_split, data.val_split)"
            )
        return rows


def read_index(root: Path) -> FolderIndex:
    """Read and check the tables of a folder.

    Args:
        root: The folder.

    Raises:
        CalicoError: A table is damaged, a frame is there twice, a row belongs to no frame, two rows
            are for the same sensor of a frame, or a number is impossible.
    """
    frames = read_table(root / FRAMES, COLUMNS[FRAMES], CONDITION)
    if not len(frames["token"]):
        raise CalicoError(f"{root / FRAMES}: has no rows, expected at least one frame")
    _check_frames(frames, root / FRAMES)
    frames = _take(frames, _scene_order(frames))
    place = {token: row for row, token in enumerate(frames["token"].tolist())}
    sweeps, sweep_rows = _read_of_frames(root, SWEEPS, place)
    images, image_rows = _read_of_frames(root, IMAGES, place)
    boxes, box_rows = _read_of_frames(root, BOXES, place)
    for path, table, keys in (
        (root / SWEEPS, sweeps, ("token", "sweep", "lidar")),
        (root / IMAGES, images, ("token", "camera")),
    ):
        _check_unique(table, keys, path)
    _check_sweeps(sweeps, root / SWEEPS)
    _check_boxes(boxes, root / BOXES)
    late = images["time_s"][~np.isnan(images["time_s"])]
    if len(late) and not (abs(late) <= LATEST_S).all():
        raise CalicoError(f"{root / IMAGES}: time_s of up to {late.max():g}, expected seconds")
    return FolderIndex(
        root, frames, sweeps, images, boxes, sweep_rows, image_rows, box_rows,
        (root / BOXES).exists(),
    )  # fmt: skip


def read_first_calibration(root: Path) -> Calibration:
    """Read the calibration of the first frame in the table.

    Args:
        root: Folder of the data set.
    """
    path = root / FRAMES
    names = read_table(path, COLUMNS[FRAMES], CONDITION)["calibration"]
    name = str(names[0]) if len(names) else ""
    return read_calibration(DataFolder(root).locate(name or CALIBRATION, path, "of row 0"))


def _read_of_frames(root: Path, name: str, place: dict[str, int]) -> tuple[Table, Int64]:
    """Read a table whose rows belong to frames, sorted by frame; an absent one has no rows."""
    path = root / name
    if path.exists():
        table = read_table(path, COLUMNS[name])
    else:
        table = {column.name: np.zeros(0, _empty_type(column.kind)) for column in COLUMNS[name]}
    owners = np.array([place.get(token, -1) for token in table["token"].tolist()], np.int64)
    if (owners < 0).any():
        row = int((owners < 0).argmax())
        raise CalicoError(
            f"table {path}: row {row} belongs to frame '{table['token'][row]}', which {FRAMES} "
            "does not have"
        )
    order = np.argsort(owners, kind="stable")
    starts = np.searchsorted(owners[order], np.arange(len(place) + 1))
    return _take(table, order), starts.astype(np.int64)


def _empty_type(kind: str) -> type:
    return {"number": np.float64, "integer": np.int64}.get(kind, object)


def _take(table: Table, order: npt.NDArray[np.int64]) -> Table:
    return {name: values[order] for name, values in table.items()}


def _scene_order(frames: Table) -> Int64:
    """Scenes as they first appear, and the frames of each by time."""
    first = {name: k for k, name in enumerate(dict.fromkeys(frames["scene"].tolist()))}
    scenes = np.array([first[name] for name in frames["scene"].tolist()])
    return np.lexsort((frames["timestamp_s"], scenes))


def _check_frames(frames: Table, path: Path) -> None:
    times = frames["timestamp_s"]
    wrong = ~(abs(times) <= LATEST_S)
    if wrong.any():
        row = int(wrong.argmax())
        raise CalicoError(
            f"table {path}: row {row} has timestamp_s {times[row]:g}, expected seconds within "
            f"{LATEST_S:g} (divide microseconds by 1e6)"
        )
    for name in ("token", "scene"):
        if "" in frames[name]:
            raise CalicoError(f"table {path}: a {name} is empty, expected a name in every row")
    _check_unique(frames, ("token",), path)
    scene_of_time = list(zip(frames["scene"].tolist(), times.tolist(), strict=True))
    if len(set(scene_of_time)) < len(scene_of_time):
        scene, time = next(one for one in scene_of_time if scene_of_time.count(one) > 1)
        raise CalicoError(
            f"table {path}: scene {scene} has two frames at {time} s, expected one a moment"
        )
    splits: dict[str, str] = {}
    for scene, split in zip(frames["scene"].tolist(), frames["split"].tolist(), strict=True):
        if splits.setdefault(scene, split) != split:
            raise CalicoError(
                f"table {path}: scene {scene} is in the splits '{splits[scene]}' and '{split}', "
                "expected each scene in one: its frames show the same things"
            )


def _check_unique(table: Table, keys: tuple[str, ...], path: Path) -> None:
    rows = list(zip(*(table[key].tolist() for key in keys), strict=True))
    if len(set(rows)) < len(rows):
        seen: set[tuple[object, ...]] = set()
        for row in rows:
            if row in seen:
                shown = ", ".join(f"{k} '{v}'" for k, v in zip(keys, row, strict=True))
                raise CalicoError(f"table {path}: two rows with {shown}, expected one")
            seen.add(row)


def _check_sweeps(sweeps: Table, path: Path) -> None:
    numbers, ages = sweeps["sweep"], sweeps["age_s"]
    wrong = (numbers < 0) | (numbers > MOST_SWEEPS) | ~(abs(ages) <= OLDEST_S)
    if wrong.any():
        row = int(wrong.argmax())
        raise CalicoError(
            f"table {path}: frame '{sweeps['token'][row]}' has sweep {numbers[row]} of age "
            f"{ages[row]:g} s, expected a number from 0 (the frame's own) to {MOST_SWEEPS} and "
            f"an age within {OLDEST_S:g} s"
        )


def _check_boxes(boxes: Table, path: Path) -> None:
    sides = np.stack([boxes[name] for name in ("length", "width", "height")], axis=-1)
    centers = np.stack([boxes[name] for name in ("x", "y", "z", "yaw")], axis=-1)
    speeds = np.stack([boxes[name] for name in ("vx", "vy")], axis=-1)
    for what, wrong, expected in (
        ("sides", ~((sides > 0) & (sides <= 1e3)).all(axis=1), "above 0 and at most 1000 m"),
        ("x, y, z, yaw", ~(abs(centers) <= 1e5).all(axis=1), "finite numbers within 1e5"),
        ("vx, vy", (abs(speeds) > 1e3).any(axis=1), "m/s within 1000, NaN where unknown"),
        ("num_points", boxes["num_points"] < -1, "0 or more, or null where unknown"),
    ):
        if wrong.any():
            row = int(wrong.argmax())
            values = {"sides": sides, "vx, vy": speeds, "num_points": boxes["num_points"]}.get(
                what, centers
            )[row]
            raise CalicoError(
                f"table {path}: a box of frame '{boxes['token'][row]}' ({boxes['category'][row]}) "
                f"has {what} {values.tolist()}, expected {expected}"
            )
