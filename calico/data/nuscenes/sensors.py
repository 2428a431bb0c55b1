"""Sensor files: point clouds of five float32 a point, and JPEGs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from calico.errors import CalicoError
from calico.frame import Float32, Int16, UInt8

POINT_BYTES = 20
EGO_RADIUS_M = 1.0
"""Points with |x| and |y| below this, in the sensor's frame, are the vehicle's own returns (the rule of devkit and BEVFusion)."""


def read_points(path: Path, token: str, allow_empty: bool) -> tuple[Float32, Int16]:
    """A LiDAR sweep, turned to our axes (x forward, y left; the file has x right, y forward), without the ego vehicle.

    Args:
        path: file of float32 x, y, z [m], intensity [0..255], ring.
        token: of the row in sample_data, for the messages.
        allow_empty: whether a file of no points is legal.

    Returns:
        (N, 4) x, y, z, intensity [0..1, clipped]; (N,) ring.

    Raises:
        CalicoError: the file is missing, truncated, empty, or has NaN or infinite values.
    """
    where = f"{path} (sample_data {token})"
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise CalicoError(f"{where}: point cloud missing; fetch it again, or see `calico data check`") from error
    except OSError as error:
        raise CalicoError(f"{where}: cannot be read ({error})") from error
    if len(content) % POINT_BYTES:
        raise CalicoError(
            f"{where}: truncated point cloud; got {len(content)} bytes, expected a multiple of {POINT_BYTES} "
            "(float32 x, y, z, intensity, ring)"
        )
    if not content and not allow_empty:
        raise CalicoError(f"{where}: the sweep's file is empty; fetch it again, or set data.sweeps to 1")
    raw = np.frombuffer(content, "<f4").reshape(-1, 5)
    bad = ~np.isfinite(raw).all(axis=1)
    if bad.any():
        raise CalicoError(
            f"{where}: {int(bad.sum())} of {len(raw)} points have NaN or infinite values (first: point {int(bad.argmax())}); "
            "expected finite x, y, z, intensity, ring"
        )
    raw = raw[(abs(raw[:, :2]) >= EGO_RADIUS_M).any(axis=1)]
    points = np.stack([raw[:, 1], -raw[:, 0], raw[:, 2], np.clip(raw[:, 3] / 255.0, 0.0, 1.0)], axis=1)
    ring = raw[:, 4]
    if ((ring < -1) | (ring > np.iinfo(np.int16).max)).any():
        raise CalicoError(f"{where}: ring numbers from {ring.min():g} to {ring.max():g}, expected 0 to 32767")
    return points.astype(np.float32), ring.astype(np.int16)


def read_image(path: Path, token: str, size_wh: tuple[int, int]) -> UInt8:
    """A camera image as (H, W, 3) RGB.

    Args:
        size_wh: width and height that sample_data states; the intrinsics hold for it.

    Raises:
        CalicoError: the file is missing, cannot be decoded (whole), or has another size.
    """
    where = f"{path} (sample_data {token})"
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except FileNotFoundError as error:
        raise CalicoError(f"{where}: image missing; fetch it again, or see `calico data check`") from error
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise CalicoError(f"{where}: corrupt image ({error}); fetch it again") from error
    if pixels.shape[1::-1] != size_wh:
        raise CalicoError(
            f"{where}: image of {pixels.shape[1]} x {pixels.shape[0]} px, but sample_data says {size_wh[0]} x {size_wh[1]}, "
            "for which the intrinsics hold"
        )
    return pixels
