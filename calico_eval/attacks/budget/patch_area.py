"""The measurement of patches: every changed pixel lies on a declared rectangle in space.

The rectangle itself must lie where the attack may put one. The measurement knows the two frames and
the declared rectangles, and nothing of the attack. It goes from the pixel to the rectangle, along
the pixel's ray. The renderer works with homographies.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.errors import CalicoError
from calico.frame import Bool, Float64, Frame
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import invert_transform
from calico_eval.attacks.budget.patch_shape import PatchShape

Corner = tuple[float, float, float]
Quad = tuple[Corner, Corner, Corner, Corner]
"""Corners of a flat rectangle in the frame's LiDAR frame [m]: top left, top right, bottom right,
bottom left for who reads it."""


@dataclass(frozen=True)
class Declared:
    """The places where an attack says that it changed pixels.

    Attributes:
        quads: The rectangles.
        on_objects: Whether each rectangle is on an object. Otherwise the only one is the board.
    """

    quads: tuple[Quad, ...]
    on_objects: bool


EDGE = 1e-6
"""Tolerance: rounding of float64, as a share of the rectangle. SIZE_M: of lengths [m]."""
SIZE_M = 1e-3


def changed_outside(clean: Frame, attacked: Frame, quads: Sequence[Quad]) -> tuple[int, ...]:
    """Count the pixels of each view that changed outside the declared rectangles.

    A pixel is inside if the ray through its centre meets a rectangle from its front.

    Args:
        clean: The frame before the attack.
        attacked: The frame that the attack delivered.
        quads: The rectangles.

    Returns:
        V counts.
    """
    found = []
    for view, (before, after) in enumerate(zip(clean.images, attacked.images, strict=True)):
        rows, columns = np.nonzero((before != after).any(axis=2))
        outside = np.ones(len(rows), np.bool_)
        origin, rays = _rays(clean, view, columns, rows)
        for quad in quads:
            outside &= ~_met(origin, rays, np.array(quad))
        found.append(int(outside.sum()))
    return tuple(found)


def check_declared(clean: Frame, attacked: Frame, declared: Declared, shape: PatchShape) -> str:
    """Describe the faults of a patched frame, empty if there are none.

    Every changed pixel must lie on a declared rectangle. On objects, each rectangle lies in a
    ground-truth box, and there are no more than `shape.objects`. Otherwise there is at most one, no
    larger than the board of `shape`.

    Args:
        clean: The frame before the attack.
        attacked: The frame that the attack delivered.
        declared: The rectangles of the attack.
        shape: Size and place of patches.
    """
    faults, quads = [], declared.quads
    for view, count in enumerate(changed_outside(clean, attacked, quads)):
        if count:
            faults.append(f"{count} changed pixels of view {view} lie on no declared patch")
    if declared.on_objects:
        for number, quad in enumerate(quads):
            if (
                not points_in_boxes(np.array(quad), clean.boxes.boxes, margin_m=SIZE_M)
                .all(axis=1)
                .any()
            ):
                faults.append(f"patch {number} lies on no object")
        if len(quads) > shape.objects:
            faults.append(f"{len(quads)} objects carry a patch, at most {shape.objects} allowed")
        return "; ".join(faults)
    if len(quads) > 1:
        faults.append(f"{len(quads)} boards, at most 1 allowed")
    for quad in quads:
        top_left, top_right, bottom_right, bottom_left = np.array(quad)
        width, height = np.linalg.norm(top_right - top_left), np.linalg.norm(bottom_left - top_left)
        skew = np.linalg.norm(top_left + bottom_right - top_right - bottom_left)
        if width > shape.width_m + SIZE_M or height > shape.height_m + SIZE_M or skew > SIZE_M:
            faults.append(
                f"the board measures {width:.3f} x {height:.3f} m, {shape.width_m:g} x "
                f"{shape.height_m:g} m allowed"
            )
    return "; ".join(faults)


def as_quad(corners: Float64) -> Quad:
    """(4, 3) corners as plain numbers."""
    if corners.shape != (4, 3):
        raise CalicoError(f"patch: corners have shape {corners.shape}, expected (4, 3)")
    a, b, c, d = ((float(x), float(y), float(z)) for x, y, z in corners)
    return a, b, c, d


def _rays(frame: Frame, view: int, u: np.ndarray, v: np.ndarray) -> tuple[Float64, Float64]:
    """Cast rays through pixels: the camera's centre (3,) and directions (N, 3), LiDAR frame."""
    lidar_T_camera = invert_transform(frame.camera_T_lidar[view])
    in_camera = np.linalg.solve(
        frame.camera_K[view], np.stack([u, v, np.ones(len(u))]).astype(np.float64)
    )
    rays: Float64 = (lidar_T_camera[:3, :3] @ in_camera).T
    return lidar_T_camera[:3, 3], rays


def _met(origin: Float64, rays: Float64, quad: Float64) -> Bool:
    """Mark the rays (N,) that go through the rectangle from its front.

    The front is the side where the rectangle reads from left to right.
    """
    right, down = quad[1] - quad[0], quad[3] - quad[0]
    normal = np.cross(down, right)  # towards the reader
    slope = rays @ normal
    facing = slope < 0
    distance = np.where(facing, ((quad[0] - origin) @ normal) / np.where(facing, slope, 1.0), -1.0)
    place = origin + distance[:, None] * rays - quad[0]
    across, along = place @ right / (right @ right), place @ down / (down @ down)
    inside = (across >= -EDGE) & (across <= 1 + EDGE) & (along >= -EDGE) & (along <= 1 + EDGE)
    result: Bool = facing & (distance > 0) & inside
    return result
