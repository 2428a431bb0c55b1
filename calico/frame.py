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

from collections.abc import Callable, Mapping
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
        difficulty: (M,) int64 level of difficulty that the labels state, 0 where they do not
            (Waymo). None if the data set has none.
        camera_synced: (M, 7) float32 x, y, z, length, width, height [m], yaw [rad] at the moment of
            the camera that sees the object best, NaN where none does (Waymo). None if the data set
            has none.
    """

    boxes: Float32
    labels: Int64
    attributes: Int64
    num_points: Int64
    instances: tuple[str, ...] = ()
    difficulty: Int64 | None = None
    camera_synced: Float32 | None = None

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
        for name, shape in (("difficulty", (m,)), ("camera_synced", (m, 7))):
            value = getattr(self, name)
            if value is not None and value.shape != shape:
                raise CalicoError(f"Boxes.{name}: got shape {value.shape}, expected {shape}")

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
            None if self.difficulty is None else self.difficulty[keep],
            None if self.camera_synced is None else self.camera_synced[keep],
        )


@dataclass(frozen=True)
class Frame:
    """One keyframe with the sweeps that it aggregates.

    There are V cameras, N points and S sweeps. Sweep 0 is the keyframe's own.

    Attributes:
        token, scene: Names, unique in the data set.
        timestamp_s: Time of the keyframe's LiDAR sweep [s].
        points: (N, 5) float32 x, y, z [m, LiDAR frame], intensity [0..1], dt [s].
        ring: (N,) int16 beam index, 0 the lowest, or -1 if the sensor does not say. The beams of
            several LiDARs are numbered on, so that a number is one beam.
        sweep_index: (N,) int16 number of the sweep that a point came from.
        sweep_T: (S, 4, 4) lidar_T_sweep: the LiDAR frame's pose at that sweep, in the keyframe's
            LiDAR frame.
        images: V arrays (H_v, W_v, 3) uint8 RGB.
        camera_K: (V, 3, 3) pinhole intrinsics [px].
        camera_T_lidar: (V, 4, 4) poses of the LiDAR in the cameras' frames.
        camera_time_s: (V,) exposure times [s].
        ego_T_lidar, global_T_lidar: (4, 4) poses of the LiDAR.
        boxes: Ground truth.
        map_masks: (K, Y, X) bool on the map grid, or None.
        map_known: (Y, X) bool, the cells whose map is known, or None if all are. Training and
            metrics ignore the others (turning a frame brings unknown ground into the corners).
        elongation: (N,) float32 (Waymo), or None.
        lidar_index: (N,) int16 LiDAR of every point, or None if one LiDAR stands at the origin.
        lidar_T: (L, 4, 4) poses of the LiDARs in the LiDAR frame, or None as above. The first is
            the main one, whose place is the LiDAR frame's origin. `ray_origins` combines both.
        unlabelled: (N,) bool, points in zones that were not labelled (Waymo), or None if all were.
        conditions: What the data set says of the surroundings: weather, time of day, location.
        taxonomy: The classes that labels, attributes and the masks' first axis refer to.
        previous: Function that returns the keyframe before in the scene, or None at the start.
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
    lidar_index: Int16 | None = None
    lidar_T: Float64 | None = None
    unlabelled: Bool | None = None
    conditions: Mapping[str, str] = field(default_factory=dict)
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
        for name in ("elongation", "lidar_index", "unlabelled"):
            if getattr(self, name) is not None:
                expected[name] = (n,)
        if self.lidar_T is not None:
            expected["lidar_T"] = (len(self.lidar_T), 4, 4)
        if (self.lidar_index is None) != (self.lidar_T is None):
            raise CalicoError(
                f"frame {self.token}: has only one of lidar_index and lidar_T, expected both or "
                "none"
            )
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
    def ray_origins(self) -> Float64:
        """(N, 3) places where the points' rays begin: their LiDAR's at their sweep [m]."""
        sweeps = self.sweep_index.astype(np.int64)
        if self.lidar_index is None or self.lidar_T is None:
            alone: Float64 = self.sweep_T[sweeps, :3, 3]
            return alone
        mounts = self.sweep_T[:, None] @ self.lidar_T[None]
        result: Float64 = mounts[sweeps, self.lidar_index.astype(np.int64), :3, 3]
        return result

    @property
    def main_sweep(self) -> Int64:
        """Rows of the points of the main LiDAR in the keyframe's own sweep."""
        own = self.sweep_index == 0
        if self.lidar_index is not None:
            own &= self.lidar_index == 0
        return np.flatnonzero(own)

    @property
    def main_origin(self) -> Float64:
        """(3,) place of the main LiDAR in the keyframe's own sweep [m, LiDAR frame]."""
        if not len(self.sweep_T):
            return np.zeros(3)
        pose = self.sweep_T[0] if self.lidar_T is None else self.sweep_T[0] @ self.lidar_T[0]
        origin: Float64 = pose[:3, 3].astype(np.float64)
        return origin

    def take_points(self, rows: Bool | Int64) -> Frame:
        """Return the frame with some of its points.

        Args:
            rows: (N,) mask, or indices.
        """
        return self.replace(**_rows_of(self, rows))

    def append_points(self, points: Float32, like: Int64) -> Frame:
        """Return the frame with more points at the end, in the keyframe's own sweep.

        Args:
            points: (K, 5) float32 new points.
            like: (K,) row whose ring, LiDAR, elongation and zone each new point gets.
        """
        new = _rows_of(self, like) | {
            "points": points,
            "sweep_index": np.zeros(len(points), self.sweep_index.dtype),
        }
        return self.replace(
            **{name: np.concatenate([getattr(self, name), value]) for name, value in new.items()}
        )

    @property
    def image_from_lidar(self) -> Float64:
        """(V, 4, 4) matrices that take LiDAR points to (u*d, v*d, d, 1).

        u, v are pixels of that view and d is the depth [m].
        """
        matrix = np.tile(np.eye(4), (len(self.images), 1, 1))
        matrix[:, :3, :3] = self.camera_K
        result: Float64 = matrix @ self.camera_T_lidar
        return result


_POINT_FIELDS = ("points", "ring", "sweep_index", "elongation", "lidar_index", "unlabelled")


def _rows_of(frame: Frame, rows: Bool | Int64) -> dict[str, np.ndarray]:
    found = ((name, getattr(frame, name)) for name in _POINT_FIELDS)
    return {name: value[rows] for name, value in found if value is not None}
