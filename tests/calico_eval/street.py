"""A small real frame source for the tests of calico_eval: a straight street with cars and
pedestrians, cast ray by ray.

Loaded by path (the tests are no package): see `street` in conftest.py, and
    evaluation/killed_evaluation.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial

import numpy as np

from calico.data.source import FrameInfo
from calico.frame import Boxes, Frame
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import from_yaw, invert_transform
from calico.geometry.grid import Grid
from calico.seeds import make_generator
from calico.taxonomy import CAMERAS, NUSCENES

GROUND_M = -1.8
CAR, PEDESTRIAN = 0, 5
SIZES = {CAR: (4.6, 1.95, 1.7), PEDESTRIAN: (0.7, 0.7, 1.75)}
COLOURS = {CAR: (170, 30, 30), PEDESTRIAN: (30, 60, 190)}
IMAGE_HW = (32, 64)


class Street:
    """`scenes` streets of `frames` keyframes, half a second apart; 16 beams of 180 rays, six
    cameras of 32 x 64."""

    name = "street"
    cameras = CAMERAS
    taxonomy = NUSCENES

    def __init__(
        self, scenes: int = 2, frames: int = 3, seed: int = 0, shift_m: float = 0.0
    ) -> None:
        """shift_m: all objects of a scene stand up to so far ahead or behind, so that no place
        along the road is likelier."""
        self.scenes, self.frames, self.seed, self.shift_m = scenes, frames, seed, shift_m
        self.map_grid: Grid | None = Grid(-16.0, 16.0, -16.0, 16.0, 1.0)

    def __len__(self) -> int:
        return self.scenes * self.frames

    def info(self, index: int) -> FrameInfo:
        scene, step = divmod(index, self.frames)
        return FrameInfo(token=f"street{scene}-{step}", scene=f"street{scene}")

    def annotations(self, index: int) -> Frame:
        return self[index].without_sensors()

    def labels(self, index: int) -> np.ndarray:
        return self[index].boxes.labels

    def labels_hash(self) -> str:
        return f"labels of {self.content_hash()}"

    def content_hash(self) -> str:
        return hashlib.sha256(
            f"street 1 {self.scenes} {self.frames} {self.seed} {self.shift_m}".encode()
        ).hexdigest()

    def __getitem__(self, index: int) -> Frame:
        info = self.info(index)
        step = index % self.frames
        shift = make_generator(self.seed, info.scene, "shift").uniform(-1.0, 1.0) * self.shift_m
        objects = _objects(make_generator(self.seed, info.scene), 0.5 * step, shift)
        rng = make_generator(self.seed, info.token)
        points, ring = _scan(objects, rng)
        counts = points_in_boxes(points, objects.boxes, margin_m=0.05).sum(axis=1)
        previous: Callable[[], Frame | None] | None = (
            partial(self.__getitem__, index - 1) if step else None
        )
        global_T_lidar = from_yaw(0.0, (4.0 * step, 0.0, -GROUND_M))
        cameras = [_camera(view) for view in range(len(CAMERAS))]
        return Frame(
            token=info.token,
            scene=info.scene,
            timestamp_s=0.5 * step,
            points=points,
            ring=ring,
            sweep_index=np.zeros(len(points), np.int16),
            sweep_T=np.eye(4)[None],
            images=tuple(_render(K, T, objects, rng) for K, T in cameras),
            camera_K=np.stack([K for K, _ in cameras]),
            camera_T_lidar=np.stack([T for _, T in cameras]),
            camera_time_s=np.full(len(cameras), 0.5 * step),
            ego_T_lidar=from_yaw(0.0, (0.9, 0.0, -GROUND_M)),
            global_T_lidar=global_T_lidar,
            boxes=Boxes(
                objects.boxes,
                objects.labels,
                objects.attributes,
                counts.astype(np.int64),
                objects.instances,
            ),
            map_masks=_map(self.map_grid),
            previous=previous,
        )


def _objects(rng: np.random.Generator, time_s: float, shift_m: float) -> Boxes:
    """Eight cars in two lanes and six pedestrians beside them, seen from a car that drives at 8
    m/s."""
    rows, labels = [], []
    for label, count in ((CAR, 8), (PEDESTRIAN, 6)):
        for i in range(count):
            side = 1 if i % 2 else -1
            x = shift_m - 24.0 + 7.5 * i + rng.uniform(-1.5, 1.5) + (0.0 if label == CAR else 6.0)
            y = side * (3.5 if label == CAR else 8.0) + rng.uniform(-0.4, 0.4)
            speed = rng.uniform(4.0, 10.0) if label == CAR else 1.2
            yaw = 0.0 if side < 0 else np.pi - 1e-3
            vx, vy = speed * np.cos(yaw), speed * np.sin(yaw)
            length, width, height = SIZES[label]
            rows.append(
                [
                    x + (vx - 8.0) * time_s,
                    y,
                    GROUND_M + height / 2,
                    length,
                    width,
                    height,
                    yaw,
                    vx,
                    vy,
                ]
            )
            labels.append(label)
    m = len(rows)
    attributes = np.where(np.array(labels) == CAR, 0, 5)
    names = tuple(f"object{i}" for i in range(m))
    return Boxes(
        np.array(rows, np.float32), np.array(labels), attributes, np.zeros(m, np.int64), names
    )


def _scan(objects: Boxes, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    elevation = np.deg2rad(np.linspace(-20.0, 4.0, 16))
    azimuth = np.linspace(-np.pi, np.pi, 180, endpoint=False)
    e, a = np.meshgrid(elevation, azimuth, indexing="ij")
    rays = np.stack([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)], axis=-1).reshape(
        -1, 3
    )
    distance, hit = _cast(np.zeros(3), rays, objects)
    keep = distance < 60.0
    reach = distance[keep] + rng.normal(0.0, 0.02, keep.sum())
    intensity = np.where(hit[keep] < 0, 0.2, 0.6)
    xyz = rays[keep] * reach[:, None]
    points = np.concatenate([xyz, intensity[:, None], np.zeros((len(xyz), 1))], axis=1).astype(
        np.float32
    )
    return points, np.repeat(np.arange(16, dtype=np.int16), 180)[keep]


def _camera(view: int) -> tuple[np.ndarray, np.ndarray]:
    """Intrinsics and camera_T_lidar of one of six cameras, 60 degrees apart in the order of
    CAMERAS."""
    height, width = IMAGE_HW
    focal = width / 2 / np.tan(np.deg2rad(35.0))
    K = np.array([[focal, 0.0, (width - 1) / 2], [0.0, focal, (height - 1) / 2], [0.0, 0.0, 1.0]])
    heading = np.deg2rad([0.0, -60.0, -120.0, 180.0, 120.0, 60.0][view])
    axes = np.array(
        [[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]]
    )  # right, down, forward of a camera that looks along x
    camera_T_mount = np.eye(4)
    camera_T_mount[:3, :3] = axes
    return K, camera_T_mount @ invert_transform(
        from_yaw(float(heading), (0.3 * np.cos(heading), 0.3 * np.sin(heading), -0.2))
    )


def _render(
    K: np.ndarray, camera_T_lidar: np.ndarray, objects: Boxes, rng: np.random.Generator
) -> np.ndarray:
    height, width = IMAGE_HW
    u, v = np.meshgrid(np.arange(width), np.arange(height))
    in_camera = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3) @ np.linalg.inv(K).T
    lidar_T_camera = invert_transform(camera_T_lidar)
    rays = in_camera @ lidar_T_camera[:3, :3].T
    rays /= np.linalg.norm(rays, axis=1, keepdims=True)
    distance, hit = _cast(lidar_T_camera[:3, 3], rays, objects)
    y = lidar_T_camera[1, 3] + rays[:, 1] * np.minimum(distance, 1e3)
    pixels = np.where(
        distance[:, None] > 1e5,
        (150, 190, 230),
        np.where(abs(y)[:, None] < 6.0, (90, 90, 90), (120, 130, 80)),
    )
    for index, label in enumerate(objects.labels):
        pixels[hit == index] = COLOURS[int(label)]
    noisy = pixels + rng.normal(0.0, 3.0, pixels.shape)
    return noisy.clip(0, 255).astype(np.uint8).reshape(height, width, 3)


def _cast(origin: np.ndarray, rays: np.ndarray, objects: Boxes) -> tuple[np.ndarray, np.ndarray]:
    """Distance [m] and object (-1: ground or sky) of the first hit of each unit ray; 1e6 for the
    sky."""
    best = np.where(rays[:, 2] < -1e-6, (GROUND_M - origin[2]) / np.minimum(rays[:, 2], -1e-6), 1e6)
    hit = np.full(len(rays), -1)
    for index, box in enumerate(objects.boxes.astype(np.float64)):
        c, s = np.cos(box[6]), np.sin(box[6])
        turn = np.array([[c, s, 0.0], [-s, c, 0.0], [0.0, 0.0, 1.0]])
        start, step = turn @ (origin - box[:3]), rays @ turn.T
        safe = np.where(abs(step) < 1e-9, 1e-9, step)
        near, far = (-box[3:6] / 2 - start) / safe, (box[3:6] / 2 - start) / safe
        enter, leave = np.minimum(near, far).max(axis=1), np.maximum(near, far).min(axis=1)
        closer = (enter < leave) & (enter > 0) & (enter < best)
        best[closer], hit[closer] = enter[closer], index
    return best, hit


def _map(grid: Grid) -> np.ndarray:
    y = abs(grid.cell_centers()[..., 1])
    masks = np.zeros((len(NUSCENES.map_names), *grid.shape), bool)
    masks[NUSCENES.map_names.index("drivable_area")] = y < 6.0
    masks[NUSCENES.map_names.index("walkway")] = (y >= 6.0) & (y < 10.0)
    masks[NUSCENES.map_names.index("divider")] = y < 0.6
    return masks
