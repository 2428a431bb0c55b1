"""The budget that an attacked frame really used, measured from the two frames alone.

Nothing here knows how the attack worked. The measurement looks at uint8 images and float32
points as a sensor would deliver them, in integers and float64.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from calico.frame import Bool, Boxes, Float32, Float64, Frame
from calico_eval.attacks.budget.threat import Threat

RAY_ANGLE_TOLERANCE_DEG = 1e-3
"""Float32 cannot hold a point on its ray exactly; this is far below any sensor's beam width (0.1
deg)."""


@dataclass(frozen=True)
class Budget:
    """The change from a clean frame to an attacked one.

    Attributes:
        camera_levels: Largest |change| of each view in grey levels (whole numbers).
        camera_rms: Root mean square change over all views' pixel values [grey levels].
        pixel_share: Share of each view's pixels that changed.
        axis_m: Largest |change| of x, y, z [m].
        range_m: Largest |change| of a point's range from its sweep's origin [m].
        ray_angle_deg: Largest angle between a point's old and new ray [deg].
        min_range_m: Smallest new range of the points that moved or were added [m], or None if none
            did.
        points_changed: Points with another x, y or z.
        points_added, points_removed: Rows that only one of the frames has, if points may come and
            go. The changes above are then 0.
        removed_share: `points_removed` as a share of the clean frame's points.
        window_deg: Smallest azimuth window about the sensor that holds all added and removed points
            [deg].
        intensity, dt_s: Largest |change| of these columns.
        other_changes: Names of everything else that differs (calibration, ring, boxes, image
            sizes).
    """

    camera_levels: tuple[int, ...] = ()
    camera_rms: float = 0.0
    pixel_share: tuple[float, ...] = ()
    axis_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    range_m: float = 0.0
    ray_angle_deg: float = 0.0
    min_range_m: float | None = None
    points_changed: int = 0
    points_added: int = 0
    points_removed: int = 0
    removed_share: float = 0.0
    window_deg: float = 0.0
    intensity: float = 0.0
    dt_s: float = 0.0
    other_changes: tuple[str, ...] = ()


def measure_budget(clean: Frame, attacked: Frame, *, structural: bool = False) -> Budget:
    """Measure how an attacked frame differs from its clean version.

    Args:
        clean: The frame before the attack.
        attacked: The frame that the attack delivered.
        structural: Whether points may appear and vanish (`Threat.structural`), so that rows are
            compared as a set. Otherwise row i of both frames is the same point. Frames of different
            point counts are always compared as sets.
    """
    other = [
        name for name in _OTHER_FIELDS if not _same(getattr(clean, name), getattr(attacked, name))
    ]
    found: dict[str, object] = {}
    if [image.shape for image in clean.images] != [image.shape for image in attacked.images]:
        other.append("images")
    else:
        found |= _images(clean, attacked)
    if unknown := _list_unknown_origins(attacked):
        other += unknown
    elif structural or len(clean.points) != len(attacked.points):
        found |= _rows(clean, attacked)
    else:
        other += [
            name
            for name in _POINT_FIELDS
            if not _same(getattr(clean, name), getattr(attacked, name))
        ]
        found |= _points(clean, attacked)
    return Budget(other_changes=tuple(other), **found)  # type: ignore[arg-type]


def worst_budget(budgets: Sequence[Budget]) -> Budget:
    """The largest of every quantity (of min_range_m the smallest) over at least one frame."""
    values: dict[str, object] = {}
    for field in fields(Budget):
        column = [getattr(budget, field.name) for budget in budgets]
        if field.name == "min_range_m":
            values[field.name] = min((value for value in column if value is not None), default=None)
        elif field.name in ("camera_levels", "pixel_share"):
            values[field.name] = (max((max(value, default=0) for value in column), default=0),)
        elif field.name == "axis_m":
            values[field.name] = tuple(max(value[axis] for value in column) for axis in range(3))
        elif field.name == "other_changes":
            values[field.name] = tuple(sorted({name for value in column for name in value}))
        else:
            values[field.name] = max(column)
    return Budget(**values)  # type: ignore[arg-type]


def check_budget(threat: Threat, budget: Budget) -> tuple[bool, str]:
    """Check whether a change stays within a threat.

    Args:
        threat: The allowances.
        budget: The measured change.

    Returns:
        Whether it does, and what was used or what is wrong in words.
    """
    faults: list[str] = []
    worst = max(budget.camera_levels, default=0)
    if threat.patch_share:
        share = max(budget.pixel_share, default=0.0)
        _over(faults, "share of a view's pixels changed", share, threat.patch_share)
    elif threat.camera_rms:
        _over(
            faults,
            "root mean square change of the pixels [levels]",
            budget.camera_rms,
            threat.camera_rms,
        )
    elif worst > threat.camera_levels:
        view = budget.camera_levels.index(worst)
        faults.append(f"view {view} changed by {worst} grey levels, budget {threat.camera_levels}")
    if threat.range_m:
        _over(faults, "change of a point's range [m]", budget.range_m, threat.range_m)
        _over(
            faults, "a point left its ray by [deg]", budget.ray_angle_deg, RAY_ANGLE_TOLERANCE_DEG
        )
    else:
        _over(faults, "a point moved along an axis by [m]", max(budget.axis_m), threat.axis_m)
    if (
        (threat.range_m or threat.points_added)
        and budget.min_range_m is not None
        and budget.min_range_m < threat.r_min_m
    ):
        faults.append(
            f"a point was put at a range of {budget.min_range_m:.6f} m, at least "
            f"{threat.r_min_m:g} m allowed"
        )
    _over(faults, "points added", budget.points_added, threat.points_added)
    if budget.removed_share > threat.removed_share:
        _over(faults, "points removed", budget.points_removed, threat.points_removed)
    if budget.points_added or budget.points_removed:
        _over(
            faults,
            "azimuth window of the added and removed points [deg]",
            budget.window_deg,
            threat.window_deg,
        )
    _over(faults, "change of intensity", budget.intensity, threat.intensity)
    _over(faults, "change of dt [s]", budget.dt_s, 0.0)
    if budget.other_changes:
        faults.append(f"changed besides images and points: {', '.join(budget.other_changes)}")
    return (False, "; ".join(faults)) if faults else (True, describe_used_budget(threat, budget))


def _over(faults: list[str], what: str, found: float, allowed: float) -> None:
    if found > allowed:
        faults.append(f"{what}: {found:.7g}, budget {allowed:g}")


def describe_used_budget(threat: Threat, budget: Budget) -> str:
    """Describe what was used of each allowance: '4 of 4 grey levels; 0.099990 of 0.1 m'.

    Args:
        threat: The allowances.
        budget: The measured change.
    """
    pairs = (
        (
            threat.camera_levels,
            f"{max(budget.camera_levels, default=0)} of {threat.camera_levels} grey levels",
        ),
        (threat.camera_rms, f"{budget.camera_rms:.3f} of {threat.camera_rms:g} grey levels rms"),
        (
            threat.patch_share,
            f"{max(budget.pixel_share, default=0.0):.4f} of {threat.patch_share:g} of a view's "
            "pixels",
        ),
        (threat.range_m, f"{budget.range_m:.6f} of {threat.range_m:g} m"),
        (threat.axis_m, f"{max(budget.axis_m):.6f} of {threat.axis_m:g} m per axis"),
        (threat.intensity, f"{budget.intensity:.4f} of {threat.intensity:g} of full intensity"),
        (threat.points_added, f"{budget.points_added} of {threat.points_added} points added"),
        (
            threat.points_removed,
            f"{budget.points_removed} of {threat.points_removed} points removed",
        ),
        (
            threat.removed_share,
            f"{budget.removed_share:.4f} of {threat.removed_share:g} of the points removed",
        ),
    )
    return (
        "; ".join(text for allowed, text in pairs if allowed) or "nothing allowed, nothing changed"
    )


def _images(clean: Frame, attacked: Frame) -> dict[str, object]:
    changes = [
        np.abs(after.astype(np.int16) - before.astype(np.int16))
        for before, after in zip(clean.images, attacked.images, strict=True)
    ]
    values = sum(change.size for change in changes)
    squares = sum(int(np.square(change, dtype=np.int32).sum(dtype=np.int64)) for change in changes)
    return {
        "camera_levels": tuple(int(change.max(initial=0)) for change in changes),
        "camera_rms": float(np.sqrt(squares / max(values, 1))),
        "pixel_share": tuple(float((change != 0).any(axis=2).mean()) for change in changes),
    }


_POINT_FIELDS = ("ring", "sweep_index", "elongation", "lidar_index", "unlabelled")
_OTHER_FIELDS = tuple(
    field.name
    for field in fields(Frame)
    if field.name not in ("points", "images", "previous", *_POINT_FIELDS)
)


def _same(a: object, b: object) -> bool:
    if isinstance(a, Boxes) and isinstance(b, Boxes):
        return all(_same(getattr(a, one.name), getattr(b, one.name)) for one in fields(Boxes))
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return False
    return bool(a == b)


def _list_unknown_origins(frame: Frame) -> list[str]:
    """List the fields that give a point a sweep or a LiDAR which the frame lacks: it has no ray."""
    poses = {"sweep_index": frame.sweep_T}
    if frame.lidar_T is not None:
        poses["lidar_index"] = frame.lidar_T
    found = ((name, getattr(frame, name), len(origins)) for name, origins in poses.items())
    return [name for name, values, n in found if not ((values >= 0) & (values < n)).all()]


def _rows(clean: Frame, attacked: Frame) -> dict[str, object]:
    """Points that only one frame has (bytes of the row, its ring and its sweep; counted)."""
    added, removed = _only(attacked, clean), _only(clean, attacked)
    offsets = [
        frame.points[only, :3].astype(np.float64) - frame.ray_origins[only]
        for frame, only in ((attacked, added), (clean, removed))
    ]
    ranges = np.linalg.norm(offsets[0], axis=1)
    return {
        "points_added": int(added.sum()),
        "points_removed": int(removed.sum()),
        "removed_share": float(removed.sum() / max(len(clean.points), 1)),
        "min_range_m": float(ranges.min()) if len(ranges) else None,
        "window_deg": _window_deg(np.concatenate(offsets)),
    }


def _only(frame: Frame, other: Frame) -> Bool:
    """(N,) rows that `other` does not have, or has fewer times."""
    keys = [_keys(frame), _keys(other)]
    spare = Counter(keys[0]) - Counter(keys[1])
    only = np.zeros(len(keys[0]), np.bool_)
    if spare:
        for index in range(len(keys[0]) - 1, -1, -1):
            if spare.get(keys[0][index], 0) > 0:
                spare[keys[0][index]] -= 1
                only[index] = True
    return only


def _keys(frame: Frame) -> list[bytes]:
    columns: list[Float32] = [
        frame.points,
        frame.ring[:, None].astype(np.float32),
        frame.sweep_index[:, None].astype(np.float32),
    ]
    others = (frame.elongation, frame.lidar_index)
    columns += [values[:, None].astype(np.float32) for values in others if values is not None]
    table = np.ascontiguousarray(np.concatenate(columns, axis=1), dtype=np.float32)
    return [row.tobytes() for row in table]


def _window_deg(offsets: Float64) -> float:
    """The smallest arc of azimuth that holds all offsets (N, 3), in degrees."""
    if len(offsets) < 2:
        return 0.0
    azimuth = np.sort(np.degrees(np.arctan2(offsets[:, 1], offsets[:, 0])))
    gaps = np.diff(azimuth, append=azimuth[0] + 360.0)
    return float(360.0 - gaps.max())


def _points(clean: Frame, attacked: Frame) -> dict[str, object]:
    """Row i of both frames is one point."""
    before, after = clean.points.astype(np.float64), attacked.points.astype(np.float64)
    axis = np.abs(after[:, :3] - before[:, :3]).max(axis=0, initial=0.0)
    column = np.abs(after[:, 3:] - before[:, 3:]).max(axis=0, initial=0.0)
    moved: Bool = (after[:, :3] != before[:, :3]).any(axis=1)
    origins = clean.ray_origins[moved]
    old, new = before[moved, :3] - origins, after[moved, :3] - origins
    old_range, new_range = np.linalg.norm(old, axis=1), np.linalg.norm(new, axis=1)
    sine = np.linalg.norm(np.cross(old, new), axis=1)
    angle = np.degrees(np.arctan2(sine, (old * new).sum(axis=1)))
    return {
        "axis_m": (float(axis[0]), float(axis[1]), float(axis[2])),
        "range_m": float(np.abs(new_range - old_range).max(initial=0.0)),
        "ray_angle_deg": float(angle.max(initial=0.0)),
        "min_range_m": float(new_range.min()) if moved.any() else None,
        "points_changed": int(moved.sum()),
        "intensity": float(column[0]),
        "dt_s": float(column[1]),
    }
