"""The frustum attack: a phantom behind or before a real object, inside what a camera sees of it.

Camera and LiDAR agree on the phantom, because the camera does see an object there.

Source: Hallyburton et al., USENIX Security 2022. Deviations: the phantom is a real vehicle's trace
(`spoof`), tried by queries, and it keeps to the rays of the sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calico.frame import Bool, Float64, Frame
from calico.geometry.boxes import box_corners
from calico.geometry.camera import project_points
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.lidar.aim import azimuth_of, choose_object
from calico_eval.attacks.lidar.phantom import Place, Projector
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.attacks.lidar.spoof import (
    FindTraces,
    Spoofed,
    best_phantom,
    describe_outcome,
    list_candidates,
)
from calico_eval.attacks.lidar.vehicle_shapes import scene_traces
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.base import Engine

OFFSETS_M = (4.0, 6.0, 8.0, 12.0, -6.0, -8.0, -10.0)
"""The phantom's nearest point, from the object's centre along the ground: behind it, and before
it."""
CLOSEST_M = 3.0
"""A phantom does not stand on the own vehicle."""


@dataclass(frozen=True)
class Frustum:
    """What one camera sees of an object.

    Attributes:
        view: Index of the camera.
        low, high: (2,) corners of the rectangle about its box's corners [px].
    """

    image_from_lidar: Float64
    size_hw: tuple[int, int]
    low: Float64
    high: Float64

    def holds(self, xyz: Float64) -> Bool:
        """Tell which points (K, 3) [m, LiDAR frame] fall into the rectangle."""
        pixels, _, visible = project_points(self.image_from_lidar, xyz, self.size_hw)
        inside: Bool = (
            visible & (pixels >= self.low).all(axis=1) & (pixels <= self.high).all(axis=1)
        )
        return inside


def spoof_in_frustum(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Put a phantom behind or before the nearest object ahead, see `spoof`.

    The traces are those of the frame's own scene.

    Args:
        engine: The engine, which is asked for predictions.
        frames: The clean frames.
        spec: The attack.
        seed: Not used.
    """
    return [_attack(engine, frame, spec) for frame in frames]


def _attack(engine: Engine, frame: Frame, spec: AttackSpec) -> Crafted:
    row, note = choose_object(frame)
    cone = None if row < 0 else find_frustum(frame, row)
    if cone is None:
        reason = "no object with LiDAR points" if row < 0 else "no camera sees the whole object"
        return Crafted(
            frame, AttackDetails(note=f"{reason}, so that there is no frustum: nothing was changed")
        )
    return describe_outcome(
        frustum_frame(engine, frame, spec, scene_traces, row, cone.holds), spec, note
    )


def frustum_frame(
    engine: Engine,
    frame: Frame,
    spec: AttackSpec,
    find_traces: FindTraces,
    row: int,
    visible: Callable[[Float64], Bool],
) -> Spoofed:
    """Try `spec.steps` phantoms behind and before an object.

    Args:
        engine: The engine, which is asked for predictions.
        frame: The clean frame.
        spec: The attack.
        find_traces: Function that returns the traces of vehicles to choose from.
        row: Row of the object in `frame.boxes`.
        visible: Tells which points (K, 3) a return may be at.
    """
    rays, azimuth = rays_of(frame), azimuth_of(frame, row)
    projector = Projector(
        frame, rays, rays.window(frame, azimuth, spec.threat.window_deg), spec.threat, visible
    )
    distance = float(np.linalg.norm(frame.boxes.boxes[row, :2] - rays.origin[:2]))
    places = [
        Place(azimuth, distance + offset) for offset in OFFSETS_M if distance + offset >= CLOSEST_M
    ]
    return best_phantom(
        engine, frame, rays, list_candidates(projector, find_traces(frame), places), spec
    )


def find_frustum(frame: Frame, row: int) -> Frustum | None:
    """Find the view of an object, of the camera that sees it largest.

    The camera has all corners of the box in front of it and the box's centre in its image.

    Args:
        frame: The frame.
        row: Row of the object in `frame.boxes`.

    Returns:
        The view, or None if no camera has one.
    """
    box = frame.boxes.boxes[row : row + 1]
    best: Frustum | None = None
    for matrix, image in zip(frame.image_from_lidar, frame.images, strict=True):
        size = (int(image.shape[0]), int(image.shape[1]))
        pixels, depth, _ = project_points(matrix, box_corners(box)[0], size)
        if (depth <= 0.1).any() or not project_points(matrix, box, size)[2][0]:
            continue
        found = Frustum(matrix, size, pixels.min(axis=0), pixels.max(axis=0))
        if best is None or np.prod(found.high - found.low) > np.prod(best.high - best.low):
            best = found
    return best
