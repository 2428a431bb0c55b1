"""Argoverse 2's tables: Feather files with known columns.

Source: the guide of argoverse/av2-api to the sensor data set.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import read_bytes
from calico.frame import Float64, Int64
from calico.geometry.frames import from_quaternion

Columns = dict[str, npt.NDArray[Any]]
POSE = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
POSES = ("timestamp_ns", *POSE)
MOUNTS = ("sensor_name", *POSE)
INTRINSICS = ("sensor_name", "fx_px", "fy_px", "cx_px", "cy_px", "height_px", "width_px")
SWEEP = ("x", "y", "z", "intensity", "laser_number", "offset_ns")
ANNOTATIONS = (
    "timestamp_ns",
    "track_uuid",
    "category",
    "length_m",
    "width_m",
    "height_m",
    *POSE,
    "num_interior_pts",
)
TEXTS = ("sensor_name", "track_uuid", "category")
WHOLE = ("timestamp_ns", "num_interior_pts", "laser_number", "height_px", "width_px")
MAX_BYTES = 512 << 20
MAX_ROWS = 20_000_000
LARGEST = 1e9
LATEST_NS = (1 << 63) - 1
UNIT_TOLERANCE = 0.01


def read_feather(path: Path, columns: tuple[str, ...]) -> Columns:
    """Read columns of a Feather file.

    Args:
        path: The file.
        columns: Names of the columns; others are left alone.

    Returns:
        Name to an array: texts as objects, whole numbers as int64, others as float64.

    Raises:
        CalicoError: The file is damaged or too large, a column is missing, or a value is null, not
            finite, or of another type.
    """
    require_extra("Argoverse 2", "folder")
    import pyarrow as pa
    from pyarrow import feather

    content = read_bytes(path, MAX_BYTES, "table")
    try:
        table = feather.read_table(pa.BufferReader(content), use_threads=False)
        table.validate(full=True)
    except (pa.ArrowException, OSError, ValueError, KeyError, MemoryError) as error:
        reason = (str(error).splitlines() or [""])[0][:200]
        raise CalicoError(f"table {path}: no readable Feather file ({reason})") from None
    if table.num_rows > MAX_ROWS:
        raise CalicoError(f"table {path}: {table.num_rows} rows, expected at most {MAX_ROWS}")
    missing = [name for name in columns if name not in table.column_names]
    if missing:
        raise CalicoError(
            f"table {path}: has no column {missing[0]}, only {', '.join(table.column_names)[:200]}"
        )
    return {name: _convert(table.column(name), name, path) for name in columns}


def _convert(column: Any, name: str, path: Path) -> npt.NDArray[Any]:
    import pyarrow as pa

    where = f"table {path}: column {name}"
    if column.null_count:
        raise CalicoError(f"{where} has {column.null_count} nulls, expected a value in every row")
    if name in TEXTS:
        values = column.to_pylist()
        if not all(isinstance(one, str) and one.isprintable() and one for one in values):
            raise CalicoError(f"{where} holds something else than names")
        result: npt.NDArray[Any] = np.array(values, object)
        return result
    if not (pa.types.is_integer(column.type) or pa.types.is_floating(column.type)):
        raise CalicoError(f"{where} is of type {column.type}, expected numbers")
    numbers = column.to_numpy()
    if name in WHOLE:
        if not pa.types.is_integer(column.type):
            raise CalicoError(f"{where} is of type {column.type}, expected whole numbers")
        return np.array(numbers, np.int64)
    found = np.array(numbers, np.float64)
    if not (abs(found) <= LARGEST).all():
        raise CalicoError(
            f"{where} holds values that are not finite or beyond {LARGEST:g}, expected none"
        )
    return found


def read_poses(table: Columns, path: Path) -> Float64:
    """Make (R, 4, 4) matrices of the pose columns of a table.

    Args:
        table: Its columns.
        path: The file, for the message.

    Raises:
        CalicoError: A quaternion is not unit.
    """
    values = np.stack([table[name] for name in POSE], axis=-1)
    lengths = np.linalg.norm(values[:, :4], axis=1)
    wrong = abs(lengths - 1) > UNIT_TOLERANCE
    if wrong.any():
        row = int(wrong.argmax())
        raise CalicoError(
            f"table {path}: row {row} has a quaternion of length {lengths[row]:.4g}, expected 1"
        )
    poses = [from_quaternion(row[:4], row[4:]) for row in values]
    return np.array(poses, np.float64).reshape(-1, 4, 4)


def list_stamps(folder: Path, ending: str) -> Int64:
    """List the timestamps [ns] that are the names of the files of a folder, ascending.

    Args:
        folder: The folder; a missing one has none.
        ending: With the dot.

    Raises:
        CalicoError: A name is no timestamp.
    """
    names = [path.stem for path in folder.glob(f"*{ending}")] if folder.is_dir() else []
    wrong = [name for name in names if not (name.isascii() and name.isdecimal())]
    wrong += [name for name in names if not wrong and (len(name) > 19 or int(name) > LATEST_NS)]
    if wrong:
        raise CalicoError(
            f"{folder}: {ascii(wrong[0])[:60]}{ending} is not named after a time in nanoseconds"
        )
    return np.array(sorted(map(int, names)), np.int64)
