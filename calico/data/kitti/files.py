"""The text files of KITTI's object benchmark: calibrations and labels.

Source: the readme of KITTI's object development kit (Geiger et al., CVPR 2012).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calico.errors import CalicoError
from calico.files import read_text
from calico.frame import Float64

MAX_BYTES = 1 << 20
LARGEST = 1e6
ROTATION_TOLERANCE = 1e-3
DONT_CARE = "DontCare"
CALIBRATION_SIZES = {"P0": 12, "P1": 12, "P2": 12, "P3": 12, "R0_rect": 9, "Tr_velo_to_cam": 12}
LABEL_FIELDS = (15, 16)
"""Values of a line of labels; the last one, a score, is in results only."""
LEVELS = ((1, 40.0, 0, 0.15), (2, 25.0, 1, 0.30), (3, 25.0, 2, 0.50))
"""Level (easy, moderate, hard), least height in the image [px], most occlusion, most truncation."""


@dataclass(frozen=True)
class KittiCalibration:
    """One calibration file.

    Attributes:
        projections: Name (P0 to P3) to the (3, 4) projection of rectified points [px].
        rectified_T_velodyne: (4, 4) takes LiDAR points to the rectified reference camera.
    """

    projections: dict[str, Float64]
    rectified_T_velodyne: Float64


@dataclass(frozen=True)
class KittiObject:
    """One line of a label file.

    Attributes:
        kind: Its type, e.g. "Car".
        truncated: Share outside of the image, 0 to 1.
        occluded: 0 visible, 1 partly, 2 largely occluded, 3 unknown.
        left, top, right, bottom: Box in the image [px].
        size: Height, width, length [m].
        location: Centre of the bottom face in the rectified reference camera [m].
        rotation_y: Turn about that camera's y axis [rad].
    """

    kind: str
    truncated: float
    occluded: int
    left: float
    top: float
    right: float
    bottom: float
    size: tuple[float, float, float]
    location: tuple[float, float, float]
    rotation_y: float

    @property
    def difficulty(self) -> int:
        """1 easy, 2 moderate, 3 hard; 0 beyond, which the benchmark does not count."""
        height = self.bottom - self.top
        for level, least, occlusion, truncation in LEVELS:
            if height >= least and self.occluded <= occlusion and self.truncated <= truncation:
                return level
        return 0


def read_calibration(path: Path) -> KittiCalibration:
    """Read a calibration file.

    Args:
        path: The file.

    Raises:
        CalicoError: A line is missing or damaged, or a rotation is none.
    """
    found: dict[str, Float64] = {}
    for number, line in enumerate(read_text(path, MAX_BYTES, "calibration").splitlines(), 1):
        name, colon, text = line.partition(":")
        if not colon or name.strip() not in CALIBRATION_SIZES:
            continue  # an empty line, or Tr_imu_to_velo
        where = f"calibration {path}, line {number}"
        found[name.strip()] = _numbers(text.split(), CALIBRATION_SIZES[name.strip()], where)
    missing = [name for name in ("P2", "R0_rect", "Tr_velo_to_cam") if name not in found]
    if missing:
        raise CalicoError(f"calibration {path}: has no line {missing[0]}")
    rectify, mount = np.eye(4), np.eye(4)
    rectify[:3, :3] = found["R0_rect"].reshape(3, 3)
    mount[:3] = found["Tr_velo_to_cam"].reshape(3, 4)
    for name, matrix in (("R0_rect", rectify), ("Tr_velo_to_cam", mount)):
        rotation = matrix[:3, :3]
        if abs(rotation @ rotation.T - np.eye(3)).max() > ROTATION_TOLERANCE:
            raise CalicoError(f"calibration {path}: {name} holds no rotation")
    projections = {name: found[name].reshape(3, 4) for name in found if name.startswith("P")}
    for name, matrix in projections.items():
        if min(matrix[0, 0], matrix[1, 1]) <= 0 or matrix[2, :3].tolist() != [0, 0, 1]:
            raise CalicoError(f"calibration {path}: {name} is no projection of a rectified camera")
    return KittiCalibration(projections, rectify @ mount)


def read_labels(path: Path) -> list[KittiObject]:
    """Read a label file, DontCare areas included.

    Args:
        path: The file.

    Raises:
        CalicoError: A line has another number of values, or an impossible one.
    """
    result = []
    for number, line in enumerate(read_text(path, MAX_BYTES, "labels").splitlines(), 1):
        words = line.split()
        if not words:
            continue
        where = f"labels {path}, line {number}"
        if len(words) not in LABEL_FIELDS:
            raise CalicoError(f"{where}: {len(words)} values, expected 15 (or 16 with a score)")
        # truncated, occluded, alpha, box in the image (4), size (3), location (3), rotation_y
        values = _numbers(words[1:15], 14, where).tolist()
        kind, size = words[0], (values[7], values[8], values[9])
        if not kind.isprintable() or len(kind) > 64:
            raise CalicoError(f"{where}: type {ascii(kind)[:80]}, expected a name")
        if kind != DONT_CARE and min(size) <= 0:
            raise CalicoError(f"{where}: height, width, length of {size}, expected metres above 0")
        result.append(
            KittiObject(
                kind,
                values[0],
                int(values[1]),
                left=values[3],
                top=values[4],
                right=values[5],
                bottom=values[6],
                size=size,
                location=(values[10], values[11], values[12]),
                rotation_y=values[13],
            )
        )
    return result


def format_calibration(projection: Float64, camera_T_velodyne: Float64) -> str:
    """Write a calibration file whose rectified camera is the one of the images.

    Args:
        projection: (3, 3) intrinsics [px].
        camera_T_velodyne: (4, 4) pose of the LiDAR in the camera.
    """
    P = np.concatenate([projection, np.zeros((3, 1))], axis=1)
    imu = np.eye(4)[:3]
    lines = [(f"P{number}", P) for number in range(4)]
    lines += [
        ("R0_rect", np.eye(3)),
        ("Tr_velo_to_cam", camera_T_velodyne[:3]),
        ("Tr_imu_to_velo", imu),
    ]
    return "".join(
        f"{name}: {' '.join(f'{value:.12e}' for value in matrix.ravel())}\n"
        for name, matrix in lines
    )


def format_object(one: KittiObject) -> str:
    """Write one line of a label file, with nine digits where the benchmark has two."""
    alpha = one.rotation_y - math.atan2(one.location[0], one.location[2])
    alpha = (alpha + math.pi) % (2 * math.pi) - math.pi
    numbers = (
        one.left,
        one.top,
        one.right,
        one.bottom,
        *one.size,
        *one.location,
        one.rotation_y,
    )
    text = " ".join(f"{value:.9g}" for value in (alpha, *numbers))
    return f"{one.kind} {one.truncated:.2f} {one.occluded} {text}\n"


def _numbers(words: list[str], count: int, where: str) -> Float64:
    try:
        values = [float(word) for word in words]
    except ValueError:
        raise CalicoError(f"{where}: {' '.join(words)[:80]!r} holds no number") from None
    if len(values) != count or not all(abs(value) <= LARGEST for value in values):
        raise CalicoError(
            f"{where}: {' '.join(words)[:80]!r}, expected {count} finite numbers within {LARGEST:g}"
        )
    return np.array(values, np.float64)
