"""Calibration files: where LiDARs and cameras sit, and how a camera projects.

A pose is a list of 7 numbers (x, y, z [m], and the unit quaternion w, x, y, z), of 16 numbers (a
4x4 matrix row by row), or four rows of four.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from calico.data.folder.layout import LIDAR, MAX_JSON_BYTES, check_keys, check_text, is_number
from calico.errors import CalicoError
from calico.files import read_json, to_json
from calico.frame import Float64
from calico.geometry.frames import from_quaternion

LARGEST = 1e9
TOLERANCE = 1e-3
"""How far the rows of a rotation may be from orthonormal: rounding to four digits does less."""
UNIT_TOLERANCE = 0.01
MAX_SENSORS = 64
MAX_SIDE_PX = 16384
FIELDS = ("x", "y", "z", "intensity", "ring", "dt", "elongation")
"""What a column of a .bin file may hold; a name that begins with _ is not read."""
PointAxes = Literal["sensor", "ego", "lidar"]


@dataclass(frozen=True)
class LidarMount:
    """One LiDAR.

    Attributes:
        name: Its name.
        ego_T_sensor: (4, 4) pose. Its last column is where the rays start.
        points_in: Frame of the points in its files: "sensor", "ego", or "lidar" (the frame that
            CALICO works in).
        bin_columns: What the float32 columns of a .bin file hold.
        intensity_scale: Intensities are divided by it, so that they are 0..1.
        beams: Number of beams. The rings of the LiDARs after it begin there, unless it is 0.
    """

    name: str
    ego_T_sensor: Float64
    points_in: PointAxes = "sensor"
    bin_columns: tuple[str, ...] = ("x", "y", "z", "intensity")
    intensity_scale: float = 1.0
    beams: int = 0


@dataclass(frozen=True)
class CameraMount:
    """One camera without distortion.

    Attributes:
        name: Its name.
        ego_T_camera: (4, 4) pose, x right, y down, z along the optical axis.
        K: (3, 3) intrinsics [px].
        size_wh: Width and height of its images [px].
    """

    name: str
    ego_T_camera: Float64
    K: Float64
    size_wh: tuple[int, int]


@dataclass(frozen=True)
class Calibration:
    """The rig of one frame.

    Attributes:
        ego_T_lidar: (4, 4) pose of the LiDAR frame that CALICO works in: x forward, y left, z up.
        lidars: At least one in most rigs; none in a rig of cameras alone.
        cameras: Any number.
    """

    ego_T_lidar: Float64
    lidars: tuple[LidarMount, ...]
    cameras: tuple[CameraMount, ...] = ()

    def camera(self, name: str) -> CameraMount | None:
        """Find a camera by its name."""
        return next((one for one in self.cameras if one.name == name), None)

    def lidar(self, name: str) -> int | None:
        """Find the number of a LiDAR; an empty name is that of the first one."""
        if not name:
            return 0
        return next((k for k, one in enumerate(self.lidars) if one.name == name), None)

    def to_text(self) -> str:
        """Write the content of a calibration file."""
        lidars = [
            {
                "name": one.name,
                "ego_T_sensor": one.ego_T_sensor.tolist(),
                "points_in": one.points_in,
                "bin_columns": list(one.bin_columns),
                "intensity_scale": one.intensity_scale,
                "beams": one.beams,
            }
            for one in self.lidars
        ]
        cameras = [
            {
                "name": one.name,
                "ego_T_camera": one.ego_T_camera.tolist(),
                "K": one.K.tolist(),
                "width": one.size_wh[0],
                "height": one.size_wh[1],
            }
            for one in self.cameras
        ]
        return to_json(
            {"ego_T_lidar": self.ego_T_lidar.tolist(), "lidars": lidars, "cameras": cameras}
        )


def read_calibration(path: Path) -> Calibration:
    """Read a calibration file.

    Args:
        path: The file.

    Raises:
        CalicoError: The file is damaged, or a value is impossible; names the sensor and the key.
    """
    where = f"calibration {path}"
    content = read_json(path, MAX_JSON_BYTES, "calibration")
    if not isinstance(content, dict):
        raise CalicoError(f"{where}: expected an object with the keys lidars and cameras")
    check_keys(content, {"ego_T_lidar", "lidars", "cameras"}, where)
    lidars = tuple(_read_lidar(one, w) for one, w in _sensors(content, "lidars", where))
    cameras = tuple(_read_camera(one, w) for one, w in _sensors(content, "cameras", where))
    if not lidars and "ego_T_lidar" not in content:
        raise CalicoError(
            f"{where}: lidars is empty; expected at least one, or ego_T_lidar for a rig that has "
            "none"
        )
    if "ego_T_lidar" in content:
        ego_T_lidar = read_pose(content["ego_T_lidar"], f"{where}: ego_T_lidar")
    else:
        ego_T_lidar = np.eye(4)
        ego_T_lidar[:3, 3] = lidars[0].ego_T_sensor[:3, 3]
    return Calibration(ego_T_lidar, lidars, cameras)


def _sensors(content: dict[str, Any], key: str, where: str) -> list[tuple[dict[str, Any], str]]:
    """The entries of a list of sensors with their places, each of another name."""
    entries = content.get(key, [])
    if not isinstance(entries, list) or len(entries) > MAX_SENSORS:
        raise CalicoError(f"{where}: {key} is no list of at most {MAX_SENSORS} sensors")
    result, seen = [], set()
    for number, entry in enumerate(entries):
        place = f"{where}: {key}[{number}]"
        if not isinstance(entry, dict):
            raise CalicoError(f"{place}: expected an object")
        name = entry.get("name", LIDAR if key == "lidars" and len(entries) == 1 else None)
        check_text(name, f"{place}: name")
        if name in seen:
            raise CalicoError(f"{place}: the name {name} is there twice")
        seen.add(name)
        result.append(({**entry, "name": name}, f"{where}: {key} {name}"))
    return result


def _read_lidar(entry: dict[str, Any], where: str) -> LidarMount:
    known = {"name", "ego_T_sensor", "points_in", "bin_columns", "intensity_scale", "beams"}
    check_keys(entry, known, where)
    axes = entry.get("points_in", "sensor")
    if axes not in ("sensor", "ego", "lidar"):
        raise CalicoError(
            f"{where}: points_in is {ascii(axes)[:40]}, expected sensor, ego or lidar"
        )
    columns = entry.get("bin_columns", list(LidarMount.bin_columns))
    if not isinstance(columns, list) or not all(isinstance(one, str) for one in columns):
        raise CalicoError(f"{where}: bin_columns is no list of names")
    read = [one for one in columns if not one.startswith("_")]
    strange = [one for one in read if one not in FIELDS]
    if strange or len(set(read)) < len(read) or not {"x", "y", "z"} <= set(read):
        raise CalicoError(
            f"{where}: bin_columns are {ascii(columns)[:80]}, expected x, y, z and others out of "
            f"{', '.join(FIELDS)}, each once; a column that begins with _ is not read"
        )
    scale, beams = entry.get("intensity_scale", 1.0), entry.get("beams", 0)
    if not is_number(scale) or not 0 < scale <= LARGEST:
        raise CalicoError(f"{where}: intensity_scale is {ascii(scale)[:40]}, expected above 0")
    if not is_number(beams) or beams != int(beams) or not 0 <= beams <= 4096:
        raise CalicoError(f"{where}: beams is {ascii(beams)[:40]}, expected 0 to 4096")
    pose = read_pose(entry.get("ego_T_sensor"), f"{where}: ego_T_sensor")
    return LidarMount(
        entry["name"], pose, cast(PointAxes, axes), tuple(columns), float(scale), int(beams)
    )


def _read_camera(entry: dict[str, Any], where: str) -> CameraMount:
    check_keys(entry, {"name", "ego_T_camera", "K", "width", "height"}, where)
    sides = []
    for key in ("width", "height"):
        value = entry.get(key)
        if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= MAX_SIDE_PX:
            raise CalicoError(
                f"{where}: {key} is {ascii(value)[:40]}, expected pixels from 1 to {MAX_SIDE_PX}"
            )
        sides.append(value)
    K = _matrix(entry.get("K"), (3, 3), f"{where}: K")
    if min(K[0, 0], K[1, 1]) <= 0 or K[2].tolist() != [0, 0, 1] or K[1, 0] != 0:
        raise CalicoError(
            f"{where}: K is {K.tolist()}, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in "
            "pixels, fx and fy above 0"
        )
    pose = read_pose(entry.get("ego_T_camera"), f"{where}: ego_T_camera")
    return CameraMount(entry["name"], pose, K, (sides[0], sides[1]))


def read_pose(value: object, where: str) -> Float64:
    """Read a pose as a 4x4 matrix; see the module for its forms.

    Args:
        value: A list of numbers, or an array of them.
        where: Its place, for the message.

    Raises:
        CalicoError: It has another form, a value that is not finite, a quaternion that is not
            unit, or a matrix that is no rotation and translation.
    """
    if isinstance(value, list) and len(value) == 4:
        value = [number for row in value for number in (row if isinstance(row, list) else [None])]
    numbers = value.tolist() if isinstance(value, np.ndarray) else value
    if not isinstance(numbers, list) or len(numbers) not in (7, 16) or not _finite(numbers):
        raise CalicoError(
            f"{where} is {ascii(value)[:80]}, expected a pose: x, y, z and a unit quaternion w, x, "
            "y, z, or the 16 numbers of a 4x4 matrix row by row"
        )
    if len(numbers) == 7:
        length = float(np.linalg.norm(numbers[3:]))
        if abs(length - 1.0) > UNIT_TOLERANCE:
            raise CalicoError(
                f"{where}: the quaternion w, x, y, z has length {length:.4g}, expected 1"
            )
        return from_quaternion(numbers[3:], numbers[:3])
    matrix = np.array(numbers, np.float64).reshape(4, 4)
    rotation = matrix[:3, :3]
    if (
        abs(rotation @ rotation.T - np.eye(3)).max() > TOLERANCE
        or np.linalg.det(rotation) < 0
        or matrix[3].tolist() != [0, 0, 0, 1]
    ):
        raise CalicoError(
            f"{where}: the matrix {ascii(matrix.tolist())[:200]} is no rotation and translation "
            "with the last row 0, 0, 0, 1"
        )
    return matrix


def _matrix(value: object, shape: tuple[int, int], where: str) -> Float64:
    rows = value if isinstance(value, list) else []
    flat = [number for row in rows if isinstance(row, list) for number in row]
    lengths = [len(row) if isinstance(row, list) else 0 for row in rows]
    if lengths != [shape[1]] * shape[0] or not _finite(flat):
        raise CalicoError(
            f"{where} is {ascii(value)[:80]}, expected {shape[0]} x {shape[1]} numbers"
        )
    return np.array(rows, np.float64)


def _finite(numbers: Sequence[Any]) -> bool:
    return all(is_number(one) and -LARGEST <= one <= LARGEST for one in numbers)
