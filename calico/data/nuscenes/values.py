"""Numbers of table rows, checked when they are used.

The error about an impossible value names file, row and field.
"""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np

from calico.data.nuscenes.tables import Row
from calico.errors import CalicoError
from calico.frame import Float64

LARGEST = 1e9
"""Of any number: metres, pixels, points in a box."""
LARGEST_BOX_M = 1e3
UNIT_TOLERANCE = 0.01
"""How far the length of a quaternion may be from 1: more than rounding to three digits does."""


def read_numbers(table: Path, row: Row, field: str, count: int) -> tuple[float, ...]:
    """Read a list of finite numbers.

    Args:
        table: The table, for the message.
        row: The row.
        field: Name of the field.
        count: Number of values that are expected.

    Raises:
        CalicoError: It has another length, or holds something else than finite numbers.
    """
    values = row[field]
    if len(values) != count or not all(map(is_finite_number, values)):
        raise CalicoError(
            f"{table}: row '{row['token']}' has {field} {_show(values)}, expected {count} finite "
            f"numbers within {LARGEST:g}"
        )
    return tuple(map(float, values))


def read_pose(table: Path, row: Row) -> tuple[float, ...]:
    """Read translation [m] and rotation as (x, y, z, qw, qx, qy, qz), the quaternion of length 1.

    Args:
        table: The table, for the message.
        row: The row.
    """
    translation, rotation = (
        read_numbers(table, row, "translation", 3),
        read_numbers(table, row, "rotation", 4),
    )
    length = math.hypot(*rotation)
    if abs(length - 1.0) > UNIT_TOLERANCE:
        raise CalicoError(
            f"{table}: row '{row['token']}' has rotation {list(rotation)} of length {length:.4g}, "
            "not a unit quaternion "
            "(w, x, y, z); divide it by its length if its order is right"
        )
    return translation + rotation


def read_size(table: Path, row: Row) -> tuple[float, ...]:
    """Read the width, length and height [m] of a box.

    Args:
        table: The table, for the message.
        row: The row.
    """
    size = read_numbers(table, row, "size", 3)
    if min(size) <= 0 or max(size) > LARGEST_BOX_M:
        raise CalicoError(
            f"{table}: row '{row['token']}' has size {row['size']}, expected above 0 and at most "
            f"{LARGEST_BOX_M:g} m"
        )
    return size


def read_count(table: Path, row: Row) -> int:
    """Read the number of LiDAR and radar points in a box.

    Args:
        table: The table, for the message.
        row: The row.
    """
    for field in ("num_lidar_pts", "num_radar_pts"):
        if not 0 <= row[field] <= LARGEST:
            raise CalicoError(
                f"{table}: row '{row['token']}' has {field} {_show(row[field])}, expected 0 or more"
            )
    return int(row["num_lidar_pts"]) + int(row["num_radar_pts"])


def read_intrinsics(table: Path, row: Row) -> tuple[tuple[float, ...], ...]:
    """Read the (3, 3) pinhole matrix [px] of a camera.

    Args:
        table: The table, for the message.
        row: The row.

    Raises:
        CalicoError: It has another shape, a value that is no finite number, a focal length that is
            not above 0, or another last row than 0, 0, 1.
    """
    matrix = row["camera_intrinsic"]
    where = f"{table}: row '{row['token']}' has a camera_intrinsic"
    lines = [len(line) if isinstance(line, list) else None for line in matrix]
    if lines != [3, 3, 3]:
        shape = np.array(matrix, dtype=object).shape
        raise CalicoError(f"{where} of shape {shape}, expected (3, 3)")
    if not all(is_finite_number(value) for line in matrix for value in line):
        raise CalicoError(
            f"{where} {_show(matrix)}, expected 3 x 3 finite numbers within {LARGEST:g}"
        )
    K: Float64 = np.array(matrix, np.float64)
    if min(K[0, 0], K[1, 1]) <= 0 or K[2].tolist() != [0, 0, 1] or K[1, 0] != 0:
        raise CalicoError(
            f"{where} {_show(matrix)}, expected [[fx, s, cx], [0, fy, cy], [0, 0, 1]] in pixels, "
            "fx and fy above 0"
        )
    return tuple(tuple(float(value) for value in line) for line in matrix)


def is_finite_number(value: object) -> bool:
    """Whether a value of a JSON file is a number, no larger than any that is meant."""
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and -LARGEST <= value <= LARGEST
    )


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
