"""One corruption of one frame at every severity: its pictures, and what it did."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from PIL import Image

from calico.frame import Frame, UInt8
from calico_eval.corruption_gallery.pictures import Focus, draw_lidar, draw_views
from corruptions import (
    CorruptionError,
    Effect,
    Spec,
    check_summary,
    corrupt,
    find_corruptions,
    measure_effect,
    summarise_effects,
)

CAMERA_PX, LIDAR_PX = 720, 300
MAX_BYTES = 42_000
"""Largest size of a JPEG. All corruptions at five severities together stay below 30 MB."""
QUALITIES = (82, 70, 55, 40, 25)


@dataclass(frozen=True)
class Tile:
    """A corruption at one severity.

    Attributes:
        severity: The severity.
        at: Physical values in words.
        cameras: Data URI of the cameras, or empty if they stay as they were or the frame has none.
        lidar: Data URI of the LiDAR, or empty if it stays as it was.
        measured: Effect in words.
        problem: Why the effect check failed, or empty.
        spared: Why nothing had to change, or empty.
    """

    severity: int
    at: str
    cameras: str
    lidar: str
    measured: tuple[str, ...]
    problem: str
    spared: str = ""


@dataclass(frozen=True)
class Panel:
    """A corruption, or several joined by '+', at all severities.

    Attributes:
        name: Name of the corruption.
        specs: Its specification, or those of a pair.
        calibration: Whether the cameras are drawn with LiDAR points.
        tiles: One tile per severity.
    """

    name: str
    specs: tuple[Spec, ...]
    calibration: bool
    tiles: tuple[Tile, ...]


def make_panel(
    name: str, frame: Frame, focus: Focus, seed: int, severities: Sequence[int]
) -> Panel:
    """Corrupt a frame at several severities, and draw the sensors that changed.

    Args:
        name: A corruption, or several joined by '+'.
        frame: The clean frame.
        focus: Place of the LiDAR's close-up.
        seed: Seed of the corruption.
        severities: Severities to draw.

    Raises:
        CorruptionError: The name is unknown. An error of the corruption itself, for example that it
            needs ring numbers, is put on the page instead.
    """
    specs = find_corruptions(name)
    calibration = any("calibration" in spec.sensors for spec in specs)
    return Panel(
        name,
        specs,
        calibration,
        tuple(_tile(name, specs, frame, focus, seed, s) for s in severities),
    )


def _tile(
    name: str, specs: Sequence[Spec], frame: Frame, focus: Focus, seed: int, severity: int
) -> Tile:
    at = ", ".join(describe_value(spec, spec.value_at(severity)) for spec in specs)
    lacking = next(filter(None, (spec.explain_lack([frame]) for spec in specs)), "")
    if lacking:
        return Tile(severity, at, "", "", (), "", f"does nothing to this frame: {lacking}")
    try:
        after = corrupt(frame, name, severity, seed)
    except CorruptionError as error:
        return Tile(severity, at, "", "", (), str(error))
    found = measure_effect(frame, after)
    passed, _, message = check_summary(name, summarise_effects([found]))
    calibration = "calibration" in found.changed
    cameras = lidar = ""
    if after.images and ("camera" in found.changed or calibration):
        cameras = encode_picture(draw_views(after, CAMERA_PX, points=calibration))
    if found.changed & {"lidar", "labels"}:
        lidar = encode_picture(draw_lidar(after, focus, LIDAR_PX))
    if not passed and all(spec.by_chance for spec in specs):
        return Tile(severity, at, cameras, lidar, (), "", "spares this frame, by chance")
    repeated = tuple(
        filter(None, (spec.repeated_level([frame], spec.value_at(severity)) for spec in specs))
    )
    return Tile(
        severity,
        at,
        cameras,
        lidar,
        (*describe_effect(found), *repeated),
        "" if passed else message,
    )


def describe_value(spec: Spec, value: float) -> str:
    """Put a value of a corruption into words: 'visibility_m 100 m', 'share_dropped 18 %'.

    Args:
        spec: The corruption.
        value: Value of its physical parameter.
    """
    if spec.unit.startswith("share"):
        rest = spec.unit.removeprefix("share").strip()
        return f"{spec.parameter} {100 * value:.4g} %" + (f" {rest}" if rest else "")
    return f"{spec.parameter} {value:.4g} {spec.unit}"


def describe_effect(found: Effect) -> tuple[str, ...]:
    """Describe what changed in short phrases."""
    words = []
    if "camera" in found.changed:
        words.append(f"pixels ±{found.pixel_change:.1f} of 255")
    if found.cameras_black:
        words.append(f"{found.cameras_black} cameras black")
    if "lidar" in found.changed:
        words.append(f"points {found.points_before} → {found.points_after}")
        words += [f"{found.removed_share:.1%} of the positions gone"] if found.removed_share else []
        words += [f"{found.added_share:.1%} new"] if found.added_share else []
        words += [f"moved {found.moved_m:.3g} m on average"] if found.moved_m else []
        if found.intensity_ratio is not None and abs(found.intensity_ratio - 1) > 5e-4:
            words.append(f"summed intensity × {found.intensity_ratio:.3g}")
    if found.rotation_deg > 1e-6 or found.translation_m > 1e-6:
        words.append(
            f"cameras turned by up to {found.rotation_deg:.3g}°, shifted by up to "
            f"{100 * found.translation_m:.3g} cm"
        )
    if found.boxes_changed_share:
        words.append(f"{found.boxes_changed_share:.1%} of the boxes changed")
    return tuple(words)


def encode_picture(picture: UInt8) -> str:
    """Encode a picture as JPEG, no larger than MAX_BYTES unless the lowest quality is."""
    for quality in QUALITIES:
        stream = io.BytesIO()
        Image.fromarray(picture).save(
            stream, "JPEG", quality=quality, subsampling=0 if quality > 80 else 2
        )
        if stream.tell() <= MAX_BYTES:
            break
    return f"data:image/jpeg;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"
