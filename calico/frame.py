"""A frame: one keyframe of all sensors, as immutable numpy arrays.

Conventions of the whole project:

* **LiDAR frame**: x forward, y left, z up, metres, origin at the sensor. Loaders turn sensors that
  differ (nuScenes' LiDAR has x to the right), so `ego_T_lidar` includes that turn.
* **A_T_B** is the 4x4 matrix that takes homogeneous column points from frame B into frame A.
* **Ego frame**: x forward, y left, z up, origin on the ground below the rear axle.
* **Global frame**: fixed to the world, z up.
* **Camera frame**: x right, y down, z forward (optical axis). Pixel (0, 0) is the centre of the top
  left pixel.
* **Box**: x, y, z of the geometric centre, length (along the heading), width, height, yaw, vx, vy.
  **Yaw** is the angle from the x axis to the heading, counter-clockwise seen from above, in
  [-pi, pi). Velocities are those over ground; NaN where unknown. If the LiDAR is tilted, yaw and
  velocity stay level: they are those in the global frame, turned by the LiDAR's heading there.
* **BEV arrays** are indexed [..., row, column] with row = y and column = x, both growing (see
  `geometry.grid.Grid`).
* **Time**: `dt` is the age of a point, keyframe time minus point time, in seconds (0 in the
  keyframe, positive in older sweeps).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.taxonomy import NUSCENES, Taxonomy

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int16 = npt.NDArray[np.int16]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Boxes:
    """Ground-truth objects of one frame, in the LiDAR frame.

    Attributes:
        boxes: (M, 9) float32 x, y, z, length, width, height [m], yaw [rad], vx, vy [m/s, NaN where
            unknown].
        labels: (M,) int64 index into the classes of the frame's taxonomy.
        attributes: (M,) int64 index into the attributes of the frame's taxonomy, -1 for none.
        num_points: (M,) int64 LiDAR (and radar) points inside, over the keyframe's sweep.
        instances: M names that identify an object over a scene ("" where unknown).
    """

    boxes: Float32
    labels: Int64
    attributes: Int64
    num_points: Int64
    instances: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        m = len(self.boxes)
        if self.boxes.shape != (m, 9):
            raise CalicoError(f"Boxes.boxes: got shape {self.boxes.shape}, expected (M, 9)")
        for name in ("labels", "attributes", "num_points"):
            if getattr(self, name).shape != (m,):
                raise CalicoError(
                    f"Boxes.{name}: got shape {getattr(self, name).shape}, expected ({m},)"
                )
        if self.instances and len(self.instances) != m:
            raise CalicoError(f"Boxes.instances: got {len(self.instances)} names, expected {m}")

    def __len__(self) -> int:
        return len(self.boxes)

    @staticmethod
    def empty() -> Boxes:
        """Make the boxes of a frame without objects."""
        none = np.zeros(0, np.int64)
        return Boxes(np.zeros((0, 9), np.float32), none, none.copy(), none.copy())

    def select(self, keep: Bool | Int64) -> Boxes:
        """Select some of the objects.

        Args:
            keep: (M,) mask, or indices.
        """
        instances = tuple(np.asarray(self.instances, dtype=object)[keep]) if self.instances else ()
        return Boxes(
            self.boxes[keep],
            self.labels[keep],
            self.attributes[keep],
            self.num_points[keep],
            instances,
        )


@dataclass(frozen=True)
class Frame:
    """One keyframe with the sweeps that it aggregates.

    There are V cameras, N points and S sweeps. Sweep 0 is the keyframe's own.

    Attributes:
        token, scene: Names, unique in the data set.
        timestamp_s: Time of the keyframe's LiDAR sweep [s].
        points: (N, 5) float32 x, y, z [m, LiDAR frame], intensity [0..1], dt [s].
        ring: (N,) int16 beam index, 0 the lowest; -1 if the sensor does not tell.
        sweep_index: (N,) int16 number of the sweep that a point came from.
        sweep_T: (S, 4, 4) lidar_T_sweep: the sensor's pose at that sweep, in the keyframe's LiDAR
            frame. Its last column is the origin of the sweep's rays.
        images: V arrays (H_v, W_v, 3) uint8 RGB.
        camera_K: (V, 3, 3) pinhole intrinsics [px].
        camera_T_lidar: (V, 4, 4) poses of the LiDAR in the cameras' frames.
        camera_time_s: (V,) exposure times [s].
        ego_T_lidar, global_T_lidar: (4, 4) poses of the LiDAR.
        boxes: Ground truth.
        map_masks: (K, Y, X) bool on the map grid, or None.
        map_known: (Y, X) bool, the cells whose map is known; None if all are. Training ignores the
            others (turning a frame brings unknown ground into the corners). The official map metric
            has no such notion and counts every cell.
        elongation: (N,) float32 (Waymo), or None.
        taxonomy: The classes that labels, attributes and the masks' first axis refer to.
        previous: Function that returns the keyframe before in the same scene; None at the start.
    """

    token: str
    scene: str
    timestamp_s: float
    points: Float32
    ring: Int16
    sweep_index: Int16
    sweep_T: Float64
    images: tuple[UInt8, ...]
    camera_K: Float64
    camera_T_lidar: Float64
    camera_time_s: Float64
    ego_T_lidar: Float64
    global_T_lidar: Float64
    boxes: Boxes
    map_masks: Bool | None = None
    map_known: Bool | None = None
    elongation: Float32 | None = None
    taxonomy: Taxonomy = NUSCENES
    previous: Callable[[], Frame | None] | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        n, v = len(self.points), len(self.images)
        expected = {
            "points": (n, 5),
            "ring": (n,),
            "sweep_index": (n,),
            "camera_K": (v, 3, 3),
            "camera_T_lidar": (v, 4, 4),
            "camera_time_s": (v,),
            "ego_T_lidar": (4, 4),
            "global_T_lidar": (4, 4),
        }
        for name, shape in expected.items():
            if getattr(self, name).shape != shape:
                raise CalicoError(
                    f"frame {self.token}: {name} has shape {getattr(self, name).shape}, expected "
                    f"{shape}"
                )
        if self.points.dtype != np.float32:
            raise CalicoError(
                f"frame {self.token}: points are {self.points.dtype}, expected float32"
            )
        bad = ~np.isfinite(self.points).all(axis=1)
        if bad.any():
            raise CalicoError(
                f"frame {self.token}: {int(bad.sum())} of {n} points are NaN or infinite (first: "
                f"row {int(bad.argmax())}); "
                "expected finite x, y, z, intensity, dt. Drop them in the loader."
            )
        for view, image in enumerate(self.images):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise CalicoError(
                    f"frame {self.token}: image {view} is {image.dtype} {image.shape}, expected "
                    "uint8 (H, W, 3)"
                )

    def without_sensors(self) -> Frame:
        """Return the frame with its labels and poses alone, without sensor data, map and past."""
        return Frame.of_labels(
            self.token,
            self.scene,
            self.timestamp_s,
            self.ego_T_lidar,
            self.global_T_lidar,
            self.boxes,
            self.taxonomy,
        )

    @staticmethod
    def of_labels(
        token: str,
        scene: str,
        timestamp_s: float,
        ego_T_lidar: Float64,
        global_T_lidar: Float64,
        boxes: Boxes,
        taxonomy: Taxonomy = NUSCENES,
    ) -> Frame:
        """Make a frame of labels and poses alone, for scoring predictions.

        Args:
            token: Name of the frame, unique in the data set.
            scene: Name of the scene, unique in the data set.
            timestamp_s: Time of the keyframe [s].
            ego_T_lidar: (4, 4) pose of the LiDAR in the ego frame.
            global_T_lidar: (4, 4) pose of the LiDAR in the global frame.
            boxes: Ground truth.
            taxonomy: Its classes.
        """
        return Frame(
            token=token,
            scene=scene,
            timestamp_s=timestamp_s,
            points=np.zeros((0, 5), np.float32),
            ring=np.zeros(0, np.int16),
            sweep_index=np.zeros(0, np.int16),
            sweep_T=np.eye(4)[None],
            images=(),
            camera_K=np.zeros((0, 3, 3)),
            camera_T_lidar=np.zeros((0, 4, 4)),
            camera_time_s=np.zeros(0),
            ego_T_lidar=ego_T_lidar,
            global_T_lidar=global_T_lidar,
            boxes=boxes,
            taxonomy=taxonomy,
        )

    def replace(self, **changes: object) -> Frame:
        """Return a copy with some fields changed, validated again.

        Args:
            changes: New values by the name of the field.
        """
        return replace(self, **changes)  # type: ignore[arg-type]

    @property
    def image_from_lidar(self) -> Float64:
        """(V, 4, 4) matrices that take LiDAR points to (u*d, v*d, d, 1).

        u, v are pixels of that view and d is the depth [m].
        """
        matrix = np.tile(np.eye(4), (len(self.images), 1, 1))
        matrix[:, :3, :3] = self.camera_K
        result: Float64 = matrix @ self.camera_T_lidar
        return result
