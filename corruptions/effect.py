"""What a corruption really did, measured on the arrays that came out.

A condition that changed nothing is no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from corruptions.catalogue import find_corruptions
from corruptions.frame_like import Float64, FrameLike, Int64, UInt8
from corruptions.spec import Sensor, Spec

STRIDE = 4
"""The mean pixel change is measured on every fourth row and column.

Whether anything changed is measured on all of them.
"""

UInt64 = npt.NDArray[np.uint64]
PRIMES: UInt64 = np.array(
    [0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0xD6E8FEB86659FD93], np.uint64
)


@dataclass(frozen=True)
class Effect:
    """The difference between a frame before and after, from the arrays alone.

    Attributes:
        points_before: Number of points before.
        points_after: Number of points after.
        removed_share: Points whose position is gone, as a share of the points before. A moved point
            counts as removed and as added.
        added_share: Points at a new position, as a share of the points before.
        moved_m: Mean distance that points moved [m], over those that can be matched one by one
            (`_matched_rows`). None where these are less than half of the points.
        intensity_ratio: Summed intensity of all points after over before. None without any before.
        pixel_change: Mean absolute change of the pixel values, 0..255.
        cameras_black: Cameras that turned all black.
        rotation_deg: Largest rotation of a camera's pose in the LiDAR frame [degrees].
        translation_m: Largest shift of a camera's pose in the LiDAR frame [m].
        boxes_changed_share: Share of the labelled objects whose box changed. None without any.
        present: Sensors that had data before.
        changed: Sensors whose data differ now.
    """

    points_before: int
    points_after: int
    removed_share: float
    added_share: float
    moved_m: float | None
    intensity_ratio: float | None
    pixel_change: float
    cameras_black: int
    rotation_deg: float
    translation_m: float
    boxes_changed_share: float | None
    present: frozenset[Sensor]
    changed: frozenset[Sensor]


def measure_effect(before: FrameLike, after: FrameLike) -> Effect:
    """Measure what changed from one frame to another of the same cameras and image sizes.

    Args:
        before: Frame before.
        after: Frame after.
    """
    n, m = len(before.points), len(after.points)
    old, new = _position_keys(before), _position_keys(after)
    light = float(before.points[:, 3].sum(dtype=np.float64))
    rotation_deg, translation_m = _pose_change(before.camera_T_lidar, after.camera_T_lidar)
    pairs = list(zip(before.images, after.images, strict=True))
    old_boxes, new_boxes = before.boxes.boxes, after.boxes.boxes
    same = (old_boxes == new_boxes) | (np.isnan(old_boxes) & np.isnan(new_boxes))
    boxes_changed = (~same).any(axis=1)
    present: dict[Sensor, bool] = {
        "camera": bool(pairs),
        "lidar": n > 0,
        "calibration": bool(pairs),
        "labels": len(before.boxes.boxes) > 0,
    }
    changed: dict[Sensor, bool] = {
        "camera": any(not np.array_equal(a, b) for a, b in pairs),
        "lidar": any(
            not np.array_equal(a, b)
            for a, b in (
                (before.points, after.points),
                (before.ring, after.ring),
                (before.sweep_index, after.sweep_index),
            )
        ),
        "calibration": not np.array_equal(before.camera_T_lidar, after.camera_T_lidar)
        or not np.array_equal(before.camera_K, after.camera_K),
        "labels": bool(boxes_changed.any()),
    }
    return Effect(
        points_before=n,
        points_after=m,
        removed_share=float((~np.isin(old, new)).sum()) / max(n, 1),
        added_share=float((~np.isin(new, old)).sum()) / max(n, 1),
        moved_m=_movement(before, after),
        intensity_ratio=float(after.points[:, 3].sum(dtype=np.float64)) / light
        if light > 0
        else None,
        pixel_change=_pixel_change(pairs),
        cameras_black=sum(bool(a.any()) and not b.any() for a, b in pairs),
        rotation_deg=rotation_deg,
        translation_m=translation_m,
        boxes_changed_share=float(boxes_changed.mean()) if len(boxes_changed) else None,
        present=frozenset(sensor for sensor, yes in present.items() if yes),
        changed=frozenset(sensor for sensor, yes in changed.items() if yes),
    )


@dataclass(frozen=True)
class EffectSummary:
    """Effects over the frames of a condition.

    Attributes:
        frames: Number of frames.
        present: Sensor to the number of frames in which it had data.
        changed: Sensor to the number of these frames in which it changed.
        means: Mean of every number of `Effect` over the frames in which it is defined.
    """

    frames: int
    present: dict[Sensor, int]
    changed: dict[Sensor, int]
    means: dict[str, float]

    def as_numbers(self) -> dict[str, float]:
        """Return all of it as flat numbers, for a report."""
        shares = {
            f"{sensor}_changed_share": self.changed[sensor] / n
            for sensor, n in self.present.items()
            if n
        }
        return {"frames": float(self.frames), **shares, **self.means}


_NUMBERS = (
    "points_before",
    "points_after",
    "removed_share",
    "added_share",
    "moved_m",
    "intensity_ratio",
    "pixel_change",
    "cameras_black",
    "rotation_deg",
    "translation_m",
    "boxes_changed_share",
)
_SENSORS: tuple[Sensor, ...] = ("camera", "lidar", "calibration", "labels")


def summarise_effects(effects: Sequence[Effect]) -> EffectSummary:
    """Summarise the effects of a condition's frames."""
    means = {}
    for name in _NUMBERS:
        values = [getattr(e, name) for e in effects if getattr(e, name) is not None]
        if values:
            means[name] = float(np.mean(values))
    return EffectSummary(
        frames=len(effects),
        present={sensor: sum(sensor in e.present for e in effects) for sensor in _SENSORS},
        changed={
            sensor: sum(sensor in e.present & e.changed for e in effects) for sensor in _SENSORS
        },
        means=means,
    )


def check_summary(spec: Spec | str, summary: EffectSummary) -> tuple[bool, dict[str, float], str]:
    """Check whether a condition did what its name says, over its frames.

    It fails when a sensor that it must change, and that the data have, changed in no frame, or when
    the data have none of these sensors. A single frame may stay as it was (a frame without points
    under `point_drop`). A pair must change the sensors of all its parts.

    Args:
        spec: The corruption, or a name as for `find_corruptions`.
        summary: Effects over the frames.

    Returns:
        Whether it passed, the measured numbers, and a message that is empty when passed.
    """
    specs = (spec,) if isinstance(spec, Spec) else find_corruptions(spec)
    name = "+".join(s.name for s in specs)
    wanted = [sensor for sensor in _SENSORS if any(sensor in s.sensors for s in specs)]
    measured = summary.as_numbers()
    here = [sensor for sensor in wanted if summary.present[sensor]]
    if not here:
        return (
            False,
            measured,
            f"{name}: none of {summary.frames} frames has {' or '.join(wanted)} data to change",
        )
    still = [sensor for sensor in here if not summary.changed[sensor]]
    if still:
        counts = ", ".join(f"{sensor} in 0 of {summary.present[sensor]} frames" for sensor in still)
        return (
            False,
            measured,
            f"{name}: changed {counts}; expected a change, so its scores would be those of clean "
            f"data",
        )
    return True, measured, ""


def check_effect(
    spec: Spec | str, before: FrameLike, after: FrameLike
) -> tuple[bool, dict[str, float], str]:
    """Check the effect on a single frame, see `check_summary`.

    Args:
        spec: The corruption, or a name as for `find_corruptions`.
        before: Frame before.
        after: Frame after.

    Returns:
        Whether it passed, the measured numbers, and a message that is empty when passed.
    """
    return check_summary(spec, summarise_effects([measure_effect(before, after)]))


def _position_keys(frame: FrameLike) -> UInt64:
    """Make 64-bit keys (N,) of every point's x, y, z."""
    return _mixed(np.ascontiguousarray(frame.points[:, :3]).view(np.uint32).astype(np.uint64))


def _mixed(columns: UInt64) -> UInt64:
    """Make one key (N,) for the whole numbers (N, up to 4) of a row."""
    keys: UInt64 = (columns * PRIMES[: columns.shape[1]]).sum(axis=1, dtype=np.uint64)
    return keys


def _movement(before: FrameLike, after: FrameLike) -> float | None:
    """Measure the mean distance [m] between the matched points.

    It is None where less than half of the points before have a match.
    """
    old, new = _matched_rows(before, after)
    if 2 * len(old) < len(before.points) or not len(old):
        return None
    return float(np.linalg.norm(after.points[new, :3] - before.points[old, :3], axis=1).mean())


def _matched_rows(before: FrameLike, after: FrameLike) -> tuple[Int64, Int64]:
    """Find the rows of the points that are the same point before and after.

    A point is known by its beam, sweep, age and intensity, whatever its position. Points that have
    all of them in common are matched by their order, if there are as many of them after as before.
    Otherwise none of them is matched.
    """
    keys = _identity_keys(before), _identity_keys(after)
    if np.array_equal(*keys):  # row by row, without sorting
        return np.arange(len(keys[0])), np.arange(len(keys[0]))
    _, group = np.unique(np.concatenate(keys), return_inverse=True)
    n, groups = len(before.points), int(group.max(initial=-1)) + 1
    old, new = group[:n], group[n:]
    alike = np.bincount(old, minlength=groups) == np.bincount(new, minlength=groups)
    rows = (np.argsort(part, kind="stable") for part in (old, new))
    first, second = (
        order[alike[part[order]]] for order, part in zip(rows, (old, new), strict=True)
    )
    return first, second


def _identity_keys(frame: FrameLike) -> UInt64:
    """Make 64-bit keys (N,) that tell points apart by beam, sweep, age and intensity."""
    bits = np.ascontiguousarray(frame.points[:, 3:5]).view(np.uint32).astype(np.uint64)
    where = (
        values.astype(np.int64).astype(np.uint64) for values in (frame.ring, frame.sweep_index)
    )
    return _mixed(np.column_stack([bits, *where]))


def _pixel_change(pairs: Sequence[tuple[UInt8, UInt8]]) -> float:
    """Measure the mean absolute difference over all images, on every STRIDE-th row and column."""
    total, count = 0, 0
    for a, b in pairs:
        difference = abs(a[::STRIDE, ::STRIDE].astype(np.int16) - b[::STRIDE, ::STRIDE])
        total, count = total + int(difference.sum()), count + difference.size
    return total / max(count, 1)


def _pose_change(before: Float64, after: Float64) -> tuple[float, float]:
    """Measure the largest turn [deg] and the largest shift [m] of a camera, in the LiDAR frame."""
    if not len(before):
        return 0.0, 0.0
    delta = np.linalg.inv(after) @ before
    cosine = (np.trace(delta[:, :3, :3], axis1=1, axis2=2) - 1) / 2
    turn = delta[:, :3, :3] - np.swapaxes(delta[:, :3, :3], 1, 2)
    sine = np.sqrt((turn**2).sum(axis=(1, 2)) / 8)
    centre = np.linalg.inv(after)[:, :3, 3] - np.linalg.inv(before)[:, :3, 3]
    return float(np.degrees(np.arctan2(sine, cosine)).max()), float(
        np.linalg.norm(centre, axis=1).max()
    )
