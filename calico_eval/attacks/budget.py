"""The budget that an attacked frame really used, measured from the two frames alone.

Nothing here knows how the attack worked: it is the referee. It looks at uint8 images and float32 points as a sensor would
deliver them.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, fields

import numpy as np

from calico.frame import Boxes, Float32, Float64, Frame
from calico_eval.attacks.threat import AttackSpec

RAY_ANGLE_TOLERANCE_DEG = 1e-3
"""Float32 cannot hold a point on its ray exactly; this is far below any sensor's beam width (0.1 deg)."""


@dataclass(frozen=True)
class Budget:
    """The change from a clean frame to an attacked one.

    camera_levels: largest |change| of each view in grey levels (integers).
    axis_m: largest |change| of x, y, z [m]. range_m: largest |change| of a point's range from its sweep's origin [m].
    ray_angle_deg: largest angle between a point's old and new ray [deg].
    min_range_m: smallest new range of the points whose place changed [m]; None where none did.
    points_changed: points with another x, y or z. points_added, points_removed: when the number of points differs, the rows
        that only one of the frames has; the changes above are then 0, since no point can be followed.
    intensity, dt_s: largest |change| of these columns.
    other_changes: names of everything else that differs (calibration, ring, boxes, image sizes ...).
    """

    camera_levels: tuple[int, ...] = ()
    axis_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    range_m: float = 0.0
    ray_angle_deg: float = 0.0
    min_range_m: float | None = None
    points_changed: int = 0
    points_added: int = 0
    points_removed: int = 0
    intensity: float = 0.0
    dt_s: float = 0.0
    other_changes: tuple[str, ...] = ()


def measure_budget(clean: Frame, attacked: Frame) -> Budget:
    """Measures, in float64 and in integers, how the attacked frame differs from the clean one."""
    levels: list[int] = []
    other = [name for name in _OTHER_FIELDS if not _same(getattr(clean, name), getattr(attacked, name))]
    if [image.shape for image in clean.images] != [image.shape for image in attacked.images]:
        other.append("images")
    else:
        for before, after in zip(clean.images, attacked.images, strict=True):
            levels.append(int(np.abs(after.astype(np.int16) - before.astype(np.int16)).max(initial=0)))
    if len(clean.points) != len(attacked.points):
        added, removed = _row_difference(clean.points, attacked.points)
        return Budget(tuple(levels), points_added=added, points_removed=removed, other_changes=tuple(other))
    per_point = [name for name in _POINT_FIELDS if not _same(getattr(clean, name), getattr(attacked, name))]
    return _with_points(clean, attacked, tuple(levels), tuple(other + per_point))


def check_budget(spec: AttackSpec, budget: Budget) -> tuple[bool, str]:
    """Whether the change stays within what the spec allows, and the reason in words."""
    faults: list[str] = []
    worst = max(budget.camera_levels, default=0)
    camera_eps = spec.eps if spec.sensor == "camera" else 0
    if worst > camera_eps:
        view = budget.camera_levels.index(worst)
        faults.append(f"view {view} changed by {worst} grey levels, budget {camera_eps:g}")
    lidar_eps = spec.eps if spec.sensor == "lidar" else 0.0
    if spec.geometry == "ray" and spec.sensor == "lidar":
        faults += _ray_faults(spec, budget)
    elif max(budget.axis_m) > lidar_eps:
        faults.append(f"a point moved by {max(budget.axis_m):.6f} m along an axis, budget {lidar_eps:g} m")
    if budget.points_added or budget.points_removed:
        faults.append(f"{budget.points_added} points added and {budget.points_removed} removed, budget 0")
    if budget.intensity or budget.dt_s:
        faults.append(f"intensity changed by {budget.intensity:g} and dt by {budget.dt_s:g} s, budget 0")
    if budget.other_changes:
        faults.append(f"changed besides images and points: {', '.join(budget.other_changes)}")
    if faults:
        return False, "; ".join(faults)
    if spec.sensor == "camera":
        return True, f"{worst} of {spec.eps:g} grey levels"
    used = budget.range_m if spec.geometry == "ray" else max(budget.axis_m)
    return True, f"{used:.6f} of {spec.eps:g} m"


def _ray_faults(spec: AttackSpec, budget: Budget) -> list[str]:
    faults: list[str] = []
    if budget.range_m > spec.eps:
        faults.append(f"a point's range changed by {budget.range_m:.6f} m, budget {spec.eps:g} m")
    if budget.ray_angle_deg > RAY_ANGLE_TOLERANCE_DEG:
        faults.append(f"a point left its ray by {budget.ray_angle_deg:.6f} deg, budget {RAY_ANGLE_TOLERANCE_DEG:g} deg")
    if budget.min_range_m is not None and budget.min_range_m < spec.r_min_m:
        faults.append(
            f"a point was moved to a range of {budget.min_range_m:.6f} m, at least {spec.r_min_m:g} m allowed"
        )
    return faults


_POINT_FIELDS = ("ring", "sweep_index", "elongation")
_OTHER_FIELDS = tuple(
    field.name for field in fields(Frame) if field.name not in ("points", "images", "previous", *_POINT_FIELDS)
)


def _same(a: object, b: object) -> bool:
    if isinstance(a, Boxes) and isinstance(b, Boxes):
        names = ("boxes", "labels", "attributes", "num_points", "instances")
        return all(_same(getattr(a, name), getattr(b, name)) for name in names)
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b)


def _row_difference(clean: Float32, attacked: Float32) -> tuple[int, int]:
    """Rows (as bytes, counted) that only `attacked` has, and that only `clean` has."""
    before = Counter(row.tobytes() for row in clean)
    after = Counter(row.tobytes() for row in attacked)
    return (after - before).total(), (before - after).total()


def ray_origins(frame: Frame) -> Float64:
    """(N, 3) the place of the sensor, in the keyframe's LiDAR frame, when each point was measured [m]."""
    origins: Float64 = frame.sweep_T[frame.sweep_index.astype(np.int64), :3, 3]
    return origins


def _with_points(clean: Frame, attacked: Frame, levels: tuple[int, ...], other: tuple[str, ...]) -> Budget:
    before, after = clean.points.astype(np.float64), attacked.points.astype(np.float64)
    change = np.abs(after - before)
    moved = (change[:, :3] > 0).any(axis=1)
    axis, column = change[:, :3].max(axis=0, initial=0.0), change[:, 3:].max(axis=0, initial=0.0)
    origins = ray_origins(clean)[moved]
    old, new = before[moved, :3] - origins, after[moved, :3] - origins
    old_range, new_range = np.linalg.norm(old, axis=1), np.linalg.norm(new, axis=1)
    sine = np.linalg.norm(np.cross(old, new), axis=1)
    angle = np.degrees(np.arctan2(sine, (old * new).sum(axis=1)))
    return Budget(
        camera_levels=levels,
        axis_m=(float(axis[0]), float(axis[1]), float(axis[2])),
        range_m=float(np.abs(new_range - old_range).max(initial=0.0)),
        ray_angle_deg=float(angle.max(initial=0.0)),
        min_range_m=float(new_range.min()) if moved.any() else None,
        points_changed=int(moved.sum()),
        intensity=float(column[0]),
        dt_s=float(column[1]),
        other_changes=other,
    )
