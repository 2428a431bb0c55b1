"""Sensor files: point clouds of five float32 a point, and images."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calico.errors import CalicoError
from calico.files import read_bytes
from calico.files.images import read_image as read_picture
from calico.frame import Float32, Int16, UInt8

POINT_BYTES = 20
MAX_CLOUD_BYTES = 512 << 20
"""26 million points."""
FARTHEST_M = 1e5
EGO_RADIUS_M = 1.0
"""Points with |x| and |y| below this, in the sensor's frame, are the vehicle's own returns (the
rule of devkit and BEVFusion)."""
FULL_INTENSITY = 255.0
STRAY_SHARE = 0.01
"""Share of a sweep's points that may be brighter than FULL_INTENSITY (they are clipped); beyond it
the unit is another."""
FEW_POINTS = 100
"""A sweep of fewer points says nothing about the unit of its intensities."""


def read_points(
    path: Path, token: str, allow_empty: bool, any_intensity: bool = False
) -> tuple[Float32, Int16]:
    """Read a LiDAR sweep in our axes, without the points of the ego vehicle.

    The file has x right and y forward. The result has x forward and y left.

    Args:
        path: File of float32 x, y, z [m], intensity [0..255], ring.
        token: Token of the row in sample_data, for the messages.
        allow_empty: Whether a file without points is legal.
        any_intensity: Whether intensities that seem to be in another unit are legal, as in a copy
            that was made so.

    Returns:
        (N, 4) x, y, z, intensity [0..1, clipped], and (N,) ring.

    Raises:
        CalicoError: The file is missing, no regular file, truncated or empty, has
            NaN or infinite values, or has intensities in another unit.
    """
    raw = read_raw_points(path, token)
    return convert_points(raw, f"{path} (sample_data {token})", allow_empty, any_intensity)


def convert_points(
    raw: Float32, where: str, allow_empty: bool, any_intensity: bool
) -> tuple[Float32, Int16]:
    """Convert the points of a file to our axes and units; see `read_points`.

    Args:
        raw: (N, 5) content of the file.
        where: Name of the file, for the messages.
        allow_empty: Whether a file without points is accepted.
        any_intensity: Whether intensities above 255 are accepted.

    Returns:
        (N, 5) points and (N,) beam indices.
    """
    if not len(raw) and not allow_empty:
        raise CalicoError(
            f"{where}: the sweep's file is empty; fetch it again, or set data.sweeps to 1"
        )
    if not any_intensity:
        _check_intensity(raw[:, 3], where)
    ring = raw[:, 4]
    if ((ring < -1) | (ring > np.iinfo(np.int16).max) | (ring % 1 != 0)).any():
        raise CalicoError(
            f"{where}: ring numbers from {ring.min():g} to {ring.max():g}, expected whole numbers "
            "from 0 to 32767 in the fifth "
            "column (-1 where the beam is unknown)"
        )
    raw = raw[(abs(raw[:, :2]) >= EGO_RADIUS_M).any(axis=1)]
    intensity = np.clip(raw[:, 3] / FULL_INTENSITY, 0.0, 1.0)
    points = np.stack([raw[:, 1], -raw[:, 0], raw[:, 2], intensity], axis=1)
    return points.astype(np.float32), raw[:, 4].astype(np.int16)


def read_raw_points(path: Path, token: str) -> Float32:
    """Read the content of a point cloud as it stands in the file; see `read_points`.

    Args:
        path: The file.
        token: Token of its row, for the message.

    Returns:
        (N, 5) finite values.
    """
    where = f"{path} (sample_data {token})"
    if not path.exists():
        raise CalicoError(
            f"{where}: point cloud missing; fetch it again, or see `calico data check`"
        )
    content = read_bytes(path, MAX_CLOUD_BYTES, f"point cloud (sample_data {token})")
    if len(content) % POINT_BYTES:
        raise CalicoError(
            f"{where}: truncated point cloud; got {len(content)} bytes, expected a multiple of "
            f"{POINT_BYTES} "
            "(float32 x, y, z, intensity, ring)"
        )
    raw = np.frombuffer(content, "<f4").reshape(-1, 5)
    bad = ~np.isfinite(raw).all(axis=1)
    if bad.any():
        raise CalicoError(
            f"{where}: {int(bad.sum())} of {len(raw)} points have NaN or infinite values (first: "
            f"point {int(bad.argmax())}); "
            "expected finite x, y, z, intensity, ring"
        )
    if len(raw) and abs(raw[:, :3]).max() > FARTHEST_M:
        raise CalicoError(
            f"{where}: a point is {abs(raw[:, :3]).max():g} m away, expected metres of at most "
            f"{FARTHEST_M:g}; drop the points "
            "that stand for no return"
        )
    return raw


def read_image(path: Path, token: str, size_wh: tuple[int, int]) -> UInt8:
    """Read a camera image.

    Args:
        path: The file.
        token: Token of its row, for the message.
        size_wh: Width and height that sample_data states; the intrinsics hold for it.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        CalicoError: The file is missing, is no JPEG or PNG of 8 bits, cannot be decoded as a whole,
            has
            another size, or carries a tag that turns it on display.
    """
    what = f"image (sample_data {token})"
    if not path.exists():
        raise CalicoError(f"{what} {path}: missing; fetch it again, or see `calico data check`")
    return read_picture(path, size_wh, what)


def _check_intensity(intensity: Float32, where: str) -> None:
    """Raises CalicoError where the intensities of a sweep cannot be 0..255."""
    if len(intensity) < FEW_POINTS:
        return
    low, high = float(intensity.min()), float(intensity.max())
    bright = float((intensity > FULL_INTENSITY).mean())
    of_one = 0 < high <= 1 and bool((intensity % 1 != 0).any())
    if low < 0 or bright > STRAY_SHARE or of_one:
        raise CalicoError(
            f"{where}: intensities from {low:g} to {high:g}, {100 * bright:.0f} % of them above "
            f"{FULL_INTENSITY:g}; expected "
            "0..255. Multiply those of 0..1 by 255, divide those of 16 bits by 257"
        )
