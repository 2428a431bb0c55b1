"""The frame that a corruption reads, and how it is copied.

`calico.frame.Frame` fits, and so does any dataclass like it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Protocol, TypeVar, cast

import numpy as np
import numpy.typing as npt

Float32 = npt.NDArray[np.float32]
Float64 = npt.NDArray[np.float64]
Int16 = npt.NDArray[np.int16]
Int64 = npt.NDArray[np.int64]
UInt8 = npt.NDArray[np.uint8]
Bool = npt.NDArray[np.bool_]


class BoxesLike(Protocol):
    """The labelled objects of a frame: a frozen dataclass.

    Attributes:
        boxes: (M, 9) float32 x, y, z of the centre, length, width, height [m], yaw [rad, about z,
            from x towards y], vx, vy [m/s over ground; NaN where unknown], in the LiDAR frame.
    """

    @property
    def boxes(self) -> Float32: ...  # noqa: D102


class FrameLike(Protocol):
    """One keyframe, as a frozen dataclass. N points, S sweeps, V cameras.

    Attributes:
        token: Name of the frame. Token and scene seed the random streams.
        scene: Name of the scene.
        points: (N, 5) float32 x, y, z [m, LiDAR frame: x forward, y left, z up], intensity [0..1],
            dt [s, age].
        ring: (N,) int16 beam, -1 where unknown.
        sweep_index: (N,) int16 sweep of every point, 0 for the keyframe's.
        sweep_T: (S, 4, 4) lidar_T_sweep.
        elongation: (N,) float32, or None.
        lidar_index: (N,) int16 LiDAR of every point, or None for a single one.
        lidar_T: (L, 4, 4) frame_T_lidar of each LiDAR, or None for a single one at the origin.
        unlabelled: (N,) bool, points in zones that were not labelled; None if all were.
        images: V arrays (H_v, W_v, 3) uint8 RGB (sRGB encoded).
        camera_K: (V, 3, 3) pinhole matrices [px].
        camera_T_lidar: (V, 4, 4). The camera looks along +z, x right, y down.
        ego_T_lidar: (4, 4). The road is ego z = 0.
        boxes: Labelled objects, read only by corruptions of objects, which move them in step.
        previous: Function that returns the keyframe before in the same scene, or None. None at a
            scene's start.
    """

    @property
    def token(self) -> str: ...  # noqa: D102
    @property
    def scene(self) -> str: ...  # noqa: D102
    @property
    def points(self) -> Float32: ...  # noqa: D102
    @property
    def ring(self) -> Int16: ...  # noqa: D102
    @property
    def sweep_index(self) -> Int16: ...  # noqa: D102
    @property
    def sweep_T(self) -> Float64: ...  # noqa: D102
    @property
    def elongation(self) -> Float32 | None: ...  # noqa: D102
    @property
    def lidar_index(self) -> Int16 | None: ...  # noqa: D102
    @property
    def lidar_T(self) -> Float64 | None: ...  # noqa: D102
    @property
    def unlabelled(self) -> Bool | None: ...  # noqa: D102
    @property
    def images(self) -> tuple[UInt8, ...]: ...  # noqa: D102
    @property
    def camera_K(self) -> Float64: ...  # noqa: D102
    @property
    def camera_T_lidar(self) -> Float64: ...  # noqa: D102
    @property
    def ego_T_lidar(self) -> Float64: ...  # noqa: D102
    @property
    def boxes(self) -> BoxesLike: ...  # noqa: D102
    @property
    def previous(self) -> Callable[[], FrameLike | None] | None: ...  # noqa: D102
    def replace(self, **changes: object) -> FrameLike:
        """Return a copy with some fields changed."""


POINT_FIELDS = ("points", "ring", "sweep_index", "elongation", "lidar_index", "unlabelled")
"""The fields with one row for every point."""

F = TypeVar("F", bound=FrameLike)
T = TypeVar("T")


def copy_arrays(value: T) -> T:
    """Copy a value so that it shares no array: arrays, tuples and dataclasses, field by field.

    Anything else is returned as it is.
    """
    if isinstance(value, np.ndarray):
        return cast(T, value.copy())
    if isinstance(value, tuple):
        return cast(T, tuple(copy_arrays(item) for item in value))
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        changes = {
            f.name: copy_arrays(getattr(value, f.name)) for f in dataclasses.fields(value) if f.init
        }
        return cast(T, dataclasses.replace(value, **changes))
    return value


def load_previous(frame: FrameLike) -> FrameLike | None:
    """Return the keyframe before in the same scene, or None."""
    return frame.previous() if frame.previous is not None else None


def select_points(frame: FrameLike, keep: Bool | Int64) -> FrameLike:
    """Keep only some points, in every per-point field.

    Args:
        frame: Frame with N points.
        keep: (N,) mask, or indices.
    """
    found = ((name, getattr(frame, name)) for name in POINT_FIELDS)
    return frame.replace(**{name: value[keep] for name, value in found if value is not None})


def append_points(frame: FrameLike, points: Float32, like: Int64) -> FrameLike:
    """Add points that share beam, sweep, LiDAR and everything else with points of the frame.

    Args:
        frame: Frame with N points.
        points: (K, 5) float32 new points, which come last.
        like: (K,) index of the point whose other fields each new point gets.
    """
    found = ((name, getattr(frame, name)) for name in POINT_FIELDS)
    changes = {
        name: np.concatenate([value, value[like]]) for name, value in found if value is not None
    }
    return frame.replace(**changes | {"points": np.concatenate([frame.points, points])})
