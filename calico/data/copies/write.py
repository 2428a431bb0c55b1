"""From frames to nuScenes' files and rows, the reverse of `sensors.py` and `records.py`."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from calico.data.nuscenes.records import RAW_T_LIDAR
from calico.data.nuscenes.sensors import EGO_RADIUS_M
from calico.frame import Bool, Float32, Float64, Int16, UInt8
from calico.geometry.frames import invert_transform, transform_points

NOTHING = np.zeros((1, 5), "<f4").tobytes()
"""A sweep without returns: one own return at the sensor, which readers drop. Without any point it
would be a broken file."""


def encode_points(
    points: Float32, ring: Int16, sweep_T_lidar: Float64 | None, is_key_frame: bool
) -> bytes:
    """Make the file of one LiDAR sweep, in its sensor's own axes (x right, y forward).

    Args:
        points: (N, >= 4) x, y, z [m, keyframe's LiDAR frame], intensity [0..1].
        ring: (N,).
        sweep_T_lidar: Takes the keyframe's LiDAR frame into the sweep's. None for the keyframe,
            whose coordinates are kept to the bit. Those of older sweeps are rounded to float32
            once more.
        is_key_frame: Value of the row. A keyframe without points is an empty file, and an older
            sweep without points holds NOTHING.

    Returns:
        N x 5 little-endian float32: x, y, z [m], intensity [0..255], ring. Ages (dt) are not in the
        file: a sweep has one.
    """
    if not len(points):
        return b"" if is_key_frame else NOTHING
    raw_T_lidar = RAW_T_LIDAR if sweep_T_lidar is None else RAW_T_LIDAR @ sweep_T_lidar
    columns = [
        transform_points(raw_T_lidar, points[:, :3]),
        points[:, 3:4] * np.float32(255.0),
        ring[:, None],
    ]
    return np.concatenate(columns, axis=1).astype("<f4").tobytes()


def read_as_own(points: Float32, sweep_T_lidar: Float64) -> Bool:
    """(N,) the points that readers will drop as the vehicle's own returns.

    |x| and |y| below 1 m of the sweep's sensor.
    """
    x, y = transform_points(sweep_T_lidar, points[:, :3])[:, :2].T
    result: Bool = (abs(x) < EGO_RADIUS_M) & (abs(y) < EGO_RADIUS_M)
    return result


def encode_image(image: UInt8) -> bytes:
    """Encode an image (H, W, 3) as PNG, without loss.

    So its pixels are those of the corruption, without JPEG artefacts on top.
    """
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def pose_fields(a_T_b: Float64) -> dict[str, Any]:
    """A pose as nuScenes' rows hold it: translation and rotation (w, x, y, z)."""
    quaternion = np.roll(Rotation.from_matrix(a_T_b[:3, :3]).as_quat(canonical=True), 1)
    return {"translation": a_T_b[:3, 3].tolist(), "rotation": quaternion.tolist()}


def ego_T_file_sensor(ego_T_lidar: Float64) -> Float64:
    """The LiDAR's mount in the axes of its files, from one in ours."""
    result: Float64 = ego_T_lidar @ invert_transform(RAW_T_LIDAR)
    return result


def new_token(*names: str) -> str:
    """32 hex digits, as nuScenes' tokens are, that the names decide."""
    return hashlib.sha256("\x1f".join(names).encode()).hexdigest()[:32]
