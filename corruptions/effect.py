"""What a corruption really did, measured on the arrays that came out: a condition that changed nothing is no result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from corruptions.catalogue import find
from corruptions.frame_like import Float64, FrameLike, UInt8
from corruptions.spec import Sensor, Spec

STRIDE = 4
"""The mean pixel change is measured on every fourth row and column; whether anything changed, on all of them."""


@dataclass(frozen=True)
class Effect:
    """The difference between a frame before and after, from the arrays alone.

    points_before, points_after: counts.
    removed_share, added_share: points whose position is gone, points at a new position; both of points_before. A moved
        point counts in both.
    moved_m: mean distance that points moved, over all; None where the number of points changed, so that rows don't match.
    intensity_ratio: mean intensity after over before; None without points or intensity.
    pixel_change: mean absolute change of the pixel values, 0..255.
    cameras_black: cameras that turned all black.
    rotation_deg, translation_m: largest change of a camera's pose in the LiDAR frame.
    boxes_changed: labelled objects whose box changed.
    present, changed: sensors that had data before, and those whose data differ now.
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
    boxes_changed: int
    present: frozenset[Sensor]
    changed: frozenset[Sensor]


def effect(before: FrameLike, after: FrameLike) -> Effect:
    """Measures what changed from one frame to the other (same cameras, image sizes)."""
    n, m = len(before.points), len(after.points)
    old, new = _position_keys(before), _position_keys(after)
    moved = None
    if n == m:
        moved = float(np.linalg.norm(after.points[:, :3] - before.points[:, :3], axis=1).mean()) if n else 0.0
    level = float(before.points[:, 3].mean()) if n else 0.0
    rotation_deg, translation_m = _pose_change(before.camera_T_lidar, after.camera_T_lidar)
    pairs = list(zip(before.images, after.images, strict=True))
    old_boxes, new_boxes = before.boxes.boxes, after.boxes.boxes
    same = (old_boxes == new_boxes) | (np.isnan(old_boxes) & np.isnan(new_boxes))
    boxes_changed = int((~same).any(axis=1).sum())
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
        "labels": boxes_changed > 0,
    }
    return Effect(
        points_before=n,
        points_after=m,
        removed_share=float((~np.isin(old, new)).sum()) / max(n, 1),
        added_share=float((~np.isin(new, old)).sum()) / max(n, 1),
        moved_m=moved,
        intensity_ratio=float(after.points[:, 3].mean()) / level if level > 0 and m else None,
        pixel_change=_pixel_change(pairs),
        cameras_black=sum(bool(a.any()) and not b.any() for a, b in pairs),
        rotation_deg=rotation_deg,
        translation_m=translation_m,
        boxes_changed=boxes_changed,
        present=frozenset(sensor for sensor, yes in present.items() if yes),
        changed=frozenset(sensor for sensor, yes in changed.items() if yes),
    )


@dataclass(frozen=True)
class EffectSummary:
    """Effects over the frames of a condition.

    frames: how many. present, changed: per sensor, in how many frames it had data, and in how many of them it changed.
    means: the mean of every number of `Effect` over the frames in which it is defined.
    """

    frames: int
    present: dict[Sensor, int]
    changed: dict[Sensor, int]
    means: dict[str, float]

    def measured(self) -> dict[str, float]:
        """All of it as flat numbers, for a report."""
        shares = {f"{sensor}_changed_share": self.changed[sensor] / n for sensor, n in self.present.items() if n}
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
    "boxes_changed",
)
_SENSORS: tuple[Sensor, ...] = ("camera", "lidar", "calibration", "labels")


def summarise_effects(effects: Sequence[Effect]) -> EffectSummary:
    """Puts the effects of a condition's frames together."""
    means = {}
    for name in _NUMBERS:
        values = [getattr(e, name) for e in effects if getattr(e, name) is not None]
        if values:
            means[name] = float(np.mean(values))
    return EffectSummary(
        frames=len(effects),
        present={sensor: sum(sensor in e.present for e in effects) for sensor in _SENSORS},
        changed={sensor: sum(sensor in e.present & e.changed for e in effects) for sensor in _SENSORS},
        means=means,
    )


def check_summary(spec: Spec | str, summary: EffectSummary) -> tuple[bool, dict[str, float], str]:
    """Did the condition do what its name says, over its frames?

    It fails when a sensor that it must change, and that the data have, changed in no frame, or when the data have none of
    these sensors. A single frame may stay as it was (a frame without points under `point_drop`). For a pair, the sensors of
    all its parts.

    Returns:
        passed; the measured numbers; a message, empty when passed.
    """
    specs = (spec,) if isinstance(spec, Spec) else find(spec)
    name = "+".join(s.name for s in specs)
    wanted = [sensor for sensor in _SENSORS if any(sensor in s.sensors for s in specs)]
    measured = summary.measured()
    here = [sensor for sensor in wanted if summary.present[sensor]]
    if not here:
        return False, measured, f"{name}: none of {summary.frames} frames has {' or '.join(wanted)} data to change"
    still = [sensor for sensor in here if not summary.changed[sensor]]
    if still:
        counts = ", ".join(f"{sensor} in 0 of {summary.present[sensor]} frames" for sensor in still)
        return (
            False,
            measured,
            f"{name}: changed {counts}; expected a change, so its scores would be those of clean data",
        )
    return True, measured, ""


def check_effect(spec: Spec | str, before: FrameLike, after: FrameLike) -> tuple[bool, dict[str, float], str]:
    """`check_summary` for a single frame."""
    return check_summary(spec, summarise_effects([effect(before, after)]))


def _position_keys(frame: FrameLike) -> np.ndarray[tuple[int], np.dtype[np.uint64]]:
    """A 64-bit key of every point's x, y, z."""
    bits = np.ascontiguousarray(frame.points[:, :3]).view(np.uint32).astype(np.uint64)
    primes = np.array([0x9E3779B97F4A7C15, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9], np.uint64)
    keys: np.ndarray[tuple[int], np.dtype[np.uint64]] = (bits * primes).sum(axis=1, dtype=np.uint64)
    return keys


def _pixel_change(pairs: Sequence[tuple[UInt8, UInt8]]) -> float:
    """Mean absolute difference over all images, on every STRIDE-th row and column."""
    total, count = 0, 0
    for a, b in pairs:
        difference = abs(a[::STRIDE, ::STRIDE].astype(np.int16) - b[::STRIDE, ::STRIDE])
        total, count = total + int(difference.sum()), count + difference.size
    return total / max(count, 1)


def _pose_change(before: Float64, after: Float64) -> tuple[float, float]:
    """Largest turn [deg] and largest shift [m] of a camera, seen in the LiDAR frame."""
    if not len(before):
        return 0.0, 0.0
    delta = np.linalg.inv(after) @ before
    cosine = (np.trace(delta[:, :3, :3], axis1=1, axis2=2) - 1) / 2
    turn = delta[:, :3, :3] - np.swapaxes(delta[:, :3, :3], 1, 2)
    sine = np.sqrt((turn**2).sum(axis=(1, 2)) / 8)
    centre = np.linalg.inv(after)[:, :3, 3] - np.linalg.inv(before)[:, :3, 3]
    return float(np.degrees(np.arctan2(sine, cosine)).max()), float(np.linalg.norm(centre, axis=1).max())
