"""One frame of a world: sensors, boxes and map of an instant."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from calico.data.sim.camera import render_cameras
from calico.data.sim.lidar import EGO_T_LIDAR, Sweep, scan_world
from calico.data.sim.motion import KEYFRAME_S, STEP_S
from calico.data.sim.rig import camera_intrinsics, camera_T_lidar
from calico.data.sim.world import World
from calico.frame import Boxes, Float32, Float64, Frame
from calico.geometry.boxes import points_in_boxes, transform_boxes
from calico.geometry.frames import from_yaw, invert_transform, transform_points
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import Taxonomy

BOX_RANGE_M = 60.0
"""Objects farther from the sensor than this are not annotated."""


def global_T_ego(world: World, time_s: float) -> Float64:
    """Compute the pose of the ego vehicle: on its track, tilted by load and suspension.

    Args:
        world: The scene.
        time_s: Time of the scene [s].

    Returns:
        (4, 4) matrix.
    """
    x, y, yaw = world.ego.at(time_s)
    pitch, roll = world.sway.at(time_s)
    turn = np.eye(4)
    turn[:3, :3] = Rotation.from_euler("yx", [pitch, roll]).as_matrix()
    result: Float64 = from_yaw(yaw, (x, y, 0.0)) @ turn
    return result


def compose_frame(
    world: World,
    name: tuple[str, str],
    key: int,
    seed: int,
    map_grid: Grid,
    cameras: tuple[str, ...],
    size_hw: tuple[int, int],
    sweeps: int,
    taxonomy: Taxonomy,
) -> Frame:
    """Compose one keyframe of a world.

    Args:
        world: The scene.
        name: Token and scene of the frame.
        key: Number of the keyframe in the scene.
        seed: Seed of the sensors' noise in this frame.
        map_grid: Grid of the map masks.
        cameras: Names of the cameras.
        size_hw: Height and width of the images [px].
        sweeps: Number of LiDAR sweeps, the keyframe's own included.
        taxonomy: Classes of the labels and masks; objects of no class get no box.
    """
    time_s = key * KEYFRAME_S
    ego = global_T_ego(world, time_s)
    lidar = ego @ EGO_T_LIDAR
    now = world.solids(time_s)
    scans, poses = [], []
    for index in range(sweeps):
        then = time_s - index * STEP_S
        pose = global_T_ego(world, then) @ EGO_T_LIDAR
        scans.append(
            scan_world(
                world.solids(then) if index else now,
                world.ground,
                pose,
                make_generator(seed, "lidar", index),
            )
        )
        poses.append(invert_transform(lidar) @ pose if index else np.eye(4))
    images = render_cameras(
        now, world.ground, world.light, ego, cameras, size_hw, make_generator(seed, "camera")
    )
    return Frame(
        token=name[0],
        scene=name[1],
        timestamp_s=time_s,
        points=np.concatenate([_points(s, poses[i], i * STEP_S) for i, s in enumerate(scans)]),
        ring=np.concatenate([s.ring for s in scans]),
        sweep_index=np.concatenate(
            [np.full(len(s.ring), i, np.int16) for i, s in enumerate(scans)]
        ),
        sweep_T=np.stack(poses),
        images=images,
        camera_K=np.stack([camera_intrinsics(camera, size_hw) for camera in cameras]),
        camera_T_lidar=np.stack([camera_T_lidar(camera) for camera in cameras]),
        camera_time_s=np.full(len(cameras), time_s),
        ego_T_lidar=EGO_T_LIDAR.copy(),
        global_T_lidar=lidar,
        boxes=annotate_actors(world, time_s, lidar, scans[0], taxonomy),
        map_masks=world.ground.masks(map_grid, lidar, taxonomy),
        taxonomy=taxonomy,
    )


def _points(sweep: Sweep, lidar_T_sweep: Float64, age_s: float) -> Float32:
    xyz = transform_points(lidar_T_sweep, sweep.xyz)
    age = np.full(len(xyz), age_s, np.float32)
    return np.concatenate([xyz, sweep.intensity[:, None], age[:, None]], axis=1).astype(np.float32)


def annotate_actors(
    world: World, time_s: float, global_T_lidar: Float64, sweep: Sweep, taxonomy: Taxonomy
) -> Boxes:
    """Annotate all actors in range.

    Only points that came from the object and lie in its box count as its points.

    Args:
        world: The scene.
        time_s: Time of the scene [s].
        global_T_lidar: (4, 4) pose of the LiDAR.
        sweep: The keyframe's own sweep.
        taxonomy: Classes of the labels; actors of no class are left out.
    """
    rows, numbers, labels = [], [], []
    for number, actor in enumerate(world.actors):
        x, y, yaw = actor.track.at(time_s)
        away_m = np.hypot(x - global_T_lidar[0, 3], y - global_T_lidar[1, 3])
        label = taxonomy.label_of(actor.kind)
        if away_m < BOX_RANGE_M and label is not None:
            z = world.height(x, y) + actor.size[2] / 2
            rows.append([x, y, z, *actor.size, yaw, *actor.track.velocity(time_s)])
            numbers.append(number)
            labels.append(label)
    if not rows:
        return Boxes.empty()
    boxes = transform_boxes(invert_transform(global_T_lidar), np.asarray(rows, np.float64)).astype(
        np.float32
    )
    counts = [
        int(points_in_boxes(sweep.xyz[sweep.owner == n], boxes[i : i + 1]).sum())
        for i, n in enumerate(numbers)
    ]
    actors = [world.actors[n] for n in numbers]
    return Boxes(
        boxes,
        np.array(labels, np.int64),
        np.array([taxonomy.attribute_of(actor.attribute(time_s)) for actor in actors], np.int64),
        np.array(counts, np.int64),
        tuple(f"{actor.kind}-{n:03d}" for actor, n in zip(actors, numbers, strict=True)),
    )
