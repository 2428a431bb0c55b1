"""The points of one frame: all LiDARs and sweeps, moved into the frame's LiDAR frame."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.folder.calibration import Calibration, LidarMount, read_pose
from calico.data.folder.index import FolderIndex
from calico.data.folder.layout import SWEEPS
from calico.data.folder.points import Cloud, read_cloud
from calico.errors import CalicoError
from calico.frame import Float64
from calico.geometry.frames import invert_transform, transform_points

Locate = Callable[[object, str, int], Path]


@dataclass(frozen=True)
class Piece:
    """One point file of a frame.

    Attributes:
        sweep: 0 for the frame's own, larger for older ones.
        lidar: Number of the LiDAR in the calibration.
        path: The file.
        age_s: Time of the frame minus time of the file's sweep [s].
        global_T_ego: (4, 4) pose of the vehicle at the sweep.
        moved: Whether that is another pose than the frame's.
    """

    sweep: int
    lidar: int
    path: Path
    age_s: float
    global_T_ego: Float64
    moved: bool


def list_pieces(
    index: FolderIndex, row: int, rig: Calibration, sweeps: int, locate: Locate
) -> list[Piece]:
    """List the point files of a frame, by sweep and LiDAR.

    A frame whose older sweeps are not in the table gets those of the frames before it.

    Args:
        index: The tables.
        row: Row of the frame.
        rig: Its calibration.
        sweeps: Sweeps that a frame aggregates, its own included.
        locate: Finds the file of a name.

    Raises:
        CalicoError: A row names an unknown LiDAR, or an older sweep has no pose.
    """
    pieces = _own_pieces(index, row, rig, sweeps, locate)
    has_older = index.sweeps["sweep"][index.sweep_rows[row] : index.sweep_rows[row + 1]].any()
    before: int | None = row
    for number in range(1, 1 if has_older else sweeps):
        before = None if before is None else index.previous(before)
        if before is None:
            break
        times = index.frames["timestamp_s"]
        age_s = float(times[row] - times[before])
        for piece in _own_pieces(index, before, rig, 1, locate):
            pieces.append(
                Piece(
                    number, piece.lidar, piece.path, age_s + piece.age_s, piece.global_T_ego, True
                )
            )
    return sorted(pieces, key=lambda piece: (piece.sweep, piece.lidar))


def gather_points(pieces: list[Piece], rig: Calibration, global_T_lidar: Float64) -> dict[str, Any]:
    """Read point files and put them into one frame.

    Args:
        pieces: The files.
        rig: Calibration of the frame.
        global_T_lidar: (4, 4) pose of the LiDAR frame at the frame's time.

    Returns:
        The fields of `Frame` that hold points, and what belongs to them, by name.
    """
    numbers = sorted({0, *(piece.sweep for piece in pieces)})
    sweep_T = [np.eye(4) for _ in numbers]
    clouds: list[Cloud] = []
    parts: list[tuple[np.ndarray, np.ndarray, int, int]] = []
    placed: set[int] = set()
    for piece in pieces:
        mount, sweep = rig.lidars[piece.lidar], numbers.index(piece.sweep)
        cloud = read_cloud(piece.path, mount)
        now_T_then = np.eye(4)
        if piece.moved:
            now_T_then = invert_transform(global_T_lidar) @ piece.global_T_ego @ rig.ego_T_lidar
        if sweep and sweep not in placed:
            sweep_T[sweep] = now_T_then
            placed.add(sweep)
        xyz = cloud.xyz
        matrix = now_T_then @ lidar_T_points(mount, rig)
        if not np.array_equal(matrix, np.eye(4)):
            xyz = transform_points(matrix, xyz.astype(np.float64)).astype(np.float32)
        dt = np.float32(piece.age_s) + cloud.dt
        columns = [xyz, cloud.intensity[:, None], dt.astype(np.float32)[:, None]]
        parts.append(
            (np.concatenate(columns, axis=1), _rings(cloud, rig, piece), sweep, piece.lidar)
        )
        clouds.append(cloud)
    counts = [len(part[0]) for part in parts]
    alone = stands_alone(rig)
    return {
        "points": np.concatenate([p[0] for p in parts] or [np.zeros((0, 5), np.float32)]),
        "ring": np.concatenate([p[1] for p in parts] or [np.zeros(0, np.int16)]),
        "sweep_index": np.repeat([p[2] for p in parts], counts).astype(np.int16),
        "sweep_T": np.stack(sweep_T),
        "elongation": _join(clouds, "elongation", np.float32),
        "unlabelled": _join(clouds, "unlabelled", np.bool_),
        "lidar_index": None if alone else np.repeat([p[3] for p in parts], counts).astype(np.int16),
        "lidar_T": None
        if alone
        else np.stack([invert_transform(rig.ego_T_lidar) @ one.ego_T_sensor for one in rig.lidars]),
    }


def lidar_T_points(mount: LidarMount, rig: Calibration) -> Float64:
    """Return the (4, 4) pose of a LiDAR's points, as its files hold them, in the LiDAR frame."""
    if mount.points_in == "lidar":
        return np.eye(4)
    lidar_T_ego = invert_transform(rig.ego_T_lidar)
    if mount.points_in == "ego":
        return lidar_T_ego
    if np.array_equal(mount.ego_T_sensor, rig.ego_T_lidar):
        return np.eye(4)
    result: Float64 = lidar_T_ego @ mount.ego_T_sensor
    return result


def stands_alone(rig: Calibration) -> bool:
    """Whether a rig has one LiDAR at the origin of the LiDAR frame, or none."""
    places = [one.ego_T_sensor[:3, 3] for one in rig.lidars]
    return not places or (len(places) == 1 and np.allclose(places[0], rig.ego_T_lidar[:3, 3]))


def _own_pieces(
    index: FolderIndex, row: int, rig: Calibration, sweeps: int, locate: Locate
) -> list[Piece]:
    """The pieces that the table lists for a frame itself."""
    table, pieces = index.sweeps, []
    for at in range(int(index.sweep_rows[row]), int(index.sweep_rows[row + 1])):
        number, name = int(table["sweep"][at]), str(table["lidar"][at])
        if number >= sweeps:
            continue
        where = f"table {index.root / SWEEPS}: sweep {number} of frame '{index.token(row)}'"
        lidar = rig.lidar(name)
        if lidar is None or not rig.lidars:
            known = ", ".join(one.name for one in rig.lidars) or "none"
            raise CalicoError(f"{where}: the calibration has no LiDAR '{name}', only {known}")
        value = table["global_T_ego"][at]
        if value is None and number:
            raise CalicoError(f"{where}: has no global_T_ego, expected the pose at that sweep")
        pose = index.pose(row) if value is None else read_pose(value, f"{where}: global_T_ego")
        path = locate(table["path"][at], SWEEPS, row)
        age_s = float(table["age_s"][at])
        pieces.append(Piece(number, lidar, path, age_s, pose, value is not None))
    return pieces


def _rings(cloud: Cloud, rig: Calibration, piece: Piece) -> np.ndarray:
    """Rings that are numbered on over the LiDARs."""
    first = sum(one.beams for one in rig.lidars[: piece.lidar])
    beams = rig.lidars[piece.lidar].beams
    if beams and len(cloud.ring) and cloud.ring.max() >= beams:
        raise CalicoError(
            f"points {piece.path}: ring {cloud.ring.max()}, expected below the {beams} beams that "
            "the calibration states"
        )
    return np.where(cloud.ring >= 0, cloud.ring + first, -1).astype(np.int16)


def _join(clouds: list[Cloud], name: str, dtype: type) -> np.ndarray | None:
    """One array over all files; files without it get zeros. None if no file has it."""
    found = [getattr(cloud, name) for cloud in clouds]
    if all(one is None for one in found):
        return None
    return np.concatenate(
        [
            np.zeros(len(cloud.xyz), dtype) if one is None else one
            for cloud, one in zip(clouds, found, strict=True)
        ]
    )
