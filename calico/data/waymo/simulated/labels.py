"""Labels of the simulator's objects in Waymo's form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import shapely

from calico.data.sim.actors import Actor
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.world import World
from calico.data.waymo.boxes import count_points
from calico.data.waymo.cameras import OURS_T_WAYMO
from calico.data.waymo.records import OBJECT_TYPES, TOP, CameraCalibration, Labels
from calico.frame import Float32, Float64, Int64
from calico.geometry.boxes import transform_boxes
from calico.geometry.frames import invert_transform
from calico.taxonomy import WAYMO

LABEL_RANGE_M = 75.0
FEW_POINTS = 5
"""Objects of at most so many points are of difficulty 2 (Sun et al., section 3.3)."""
_TYPES = {name: number for number, name in OBJECT_TYPES.items()}


@dataclass(frozen=True)
class Moment:
    """When and from where objects are labelled.

    Attributes:
        time_s: Time of the scene [s].
        sim_T_vehicle: (4, 4) pose in the simulator's world.
        camera_delay_s: When each camera exposes after `time_s`.
    """

    time_s: float
    sim_T_vehicle: Float64
    camera_delay_s: Mapping[int, float]


def label_actors(
    world: World,
    moment: Moment,
    points: Mapping[int, Float32],
    cameras: Mapping[int, CameraCalibration],
    zones: shapely.Geometry,
) -> Labels:
    """Label the actors in range that belong to a class of Waymo and stand in no zone.

    Speed and acceleration are left open for objects without points, and the difficulty of
    detection for those with many, as the data set leaves them open.

    Args:
        world: The scene.
        moment: When and from where.
        points: (N, 3) points of every LiDAR in the vehicle frame, both returns.
        cameras: Calibrations.
        zones: Areas without labels, in the simulator's world.
    """
    chosen = [
        (f"{actor.kind}-{number:03d}", actor, WAYMO.names[label])
        for number, actor in enumerate(world.actors)
        if (label := WAYMO.label_of(actor.kind)) is not None
        and _in_range(actor, moment)
        and not zones.contains(shapely.Point(actor.track.at(moment.time_s)[:2]))
    ]
    count = len(chosen)
    boxes = np.zeros((count, 9))
    acceleration = np.zeros((count, 3))
    for row, (_, actor, _) in enumerate(chosen):
        boxes[row] = _box(world, actor, moment.time_s)
        acceleration[row] = _acceleration(actor, moment.time_s)
    speed = np.concatenate([boxes[:, 7:9], np.zeros((count, 1))], axis=1)
    vehicle_T_sim = invert_transform(moment.sim_T_vehicle)
    boxes = transform_boxes(vehicle_T_sim, boxes)[:, :7].astype(np.float64)
    tops = count_points(points.get(TOP, np.zeros((0, 3), np.float32)), boxes)
    counts = tops + sum(
        (count_points(xyz, boxes) for laser, xyz in points.items() if laser != TOP),
        np.zeros(count, np.int64),
    )
    speed[counts == 0] = np.nan
    acceleration[counts == 0] = np.nan
    best, synced = _sync_to_cameras(boxes, speed, moment, cameras)
    hard = np.where((counts > 0) & (counts <= FEW_POINTS), 2, 0)
    return Labels(
        ids=tuple(name for name, _, _ in chosen),
        boxes=boxes,
        types=np.array([_TYPES[name] for _, _, name in chosen], np.int64),
        speed=speed,
        acceleration=acceleration,
        num_points=counts,
        num_top_points=tops,
        detection_difficulty=hard,
        tracking_difficulty=np.where(hard > 0, hard, 1),
        camera_synced=synced,
        most_visible_camera=best,
    )


def _in_range(actor: Actor, moment: Moment) -> bool:
    x, y, _ = actor.track.at(moment.time_s)
    place = moment.sim_T_vehicle[:2, 3]
    return float(np.hypot(x - place[0], y - place[1])) < LABEL_RANGE_M


def _box(world: World, actor: Actor, time_s: float) -> list[float]:
    """x, y, z, length, width, height, yaw, vx, vy in the simulator's world."""
    x, y, yaw = actor.track.at(time_s)
    z = world.height(x, y) + actor.size[2] / 2
    return [x, y, z, *actor.size, yaw, *actor.track.velocity(time_s)]


def _acceleration(actor: Actor, time_s: float) -> Float64:
    step = KEYFRAME_S / 2
    after, before = actor.track.velocity(time_s + step), actor.track.velocity(time_s - step)
    change = np.subtract(after, before) / (2 * step)
    return np.array([change[0], change[1], 0.0])


def _sync_to_cameras(
    boxes: Float64, speed: Float64, moment: Moment, cameras: Mapping[int, CameraCalibration]
) -> tuple[Int64, Float64]:
    """The camera (M,) that sees each centre nearest to its middle, and the boxes at its exposure.

    Boxes that no camera sees, and those of unknown speed, have none.
    """
    best = np.zeros(len(boxes), np.int64)
    nearest = np.full(len(boxes), np.inf)
    for camera, calibration in cameras.items():
        optical_T_vehicle = OURS_T_WAYMO @ invert_transform(calibration.vehicle_T_camera)
        x, y, z = (boxes[:, :3] @ optical_T_vehicle[:3, :3].T + optical_T_vehicle[:3, 3]).T
        depth = np.maximum(z, 1e-3)
        u = calibration.intrinsic[0] * x / depth + calibration.intrinsic[2]
        v = calibration.intrinsic[1] * y / depth + calibration.intrinsic[3]
        inside = (z > 1) & (u >= 0) & (u < calibration.width) & (v >= 0) & (v < calibration.height)
        away = np.where(inside, np.abs(u - calibration.width / 2), np.inf)
        best[away < nearest] = camera
        nearest = np.minimum(away, nearest)
    best[np.isnan(speed).any(axis=1)] = 0
    synced = np.full((len(boxes), 7), np.nan)
    for row in np.flatnonzero(best):
        delay = moment.camera_delay_s[int(best[row])]
        synced[row] = boxes[row]
        synced[row, :3] += speed[row] @ moment.sim_T_vehicle[:3, :3] * delay
    return best, synced
