"""Puts a vehicle's trace somewhere else, as returns of the sensor's own rays."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from calico.frame import Bool, Float64, Frame, Int64
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.lidar.aim import count_removable
from calico_eval.attacks.lidar.edit import Returns, choose_within_budget, range_limits
from calico_eval.attacks.lidar.rays import Rays
from calico_eval.attacks.lidar.vehicle_shapes import MIN_POINTS, Trace

OFF_BEAM_DEG = 1.0
"""A point of a trace that is farther than this from every ray of the sensor has no ray that could
return it."""
FREE_M = 4.0
"""No labelled object may be this close to a phantom: a box within 2 m of the phantom must not be an
object's own."""


@dataclass(frozen=True)
class Place:
    """The place of a phantom's nearest point, seen from the sensor.

    Attributes:
        azimuth_rad: Azimuth [rad].
        distance_m: Horizontal distance [m].
    """

    azimuth_rad: float
    distance_m: float


@dataclass(frozen=True)
class Phantom:
    """A trace at a place.

    Attributes:
        returns: What the sensor's rays return.
        center: (2,) x, y of its box [m, LiDAR frame].
    """

    trace: Trace
    place: Place
    returns: Returns
    center: Float64


class Projector:
    """Puts traces onto the rays of one frame.

    Args:
        allowed: (R,) rays that the attacker reaches.
        threat: budget in points, and the nearest range.
        visible: (K, 3) [m, LiDAR frame] -> (K,) where returns may be; None: anywhere.
    """

    def __init__(
        self,
        frame: Frame,
        rays: Rays,
        allowed: Bool,
        threat: Threat,
        visible: Callable[[Float64], Bool] | None = None,
    ) -> None:
        self._frame, self._rays, self._allowed, self._visible = frame, rays, allowed, visible
        self._added, self._removed = threat.points_added, count_removable(threat, frame)
        self._limits = range_limits(rays, threat.r_min_m)
        self._tree = cKDTree(rays.direction)

    def put(self, trace: Trace, place: Place) -> Phantom | None:
        """Put a trace at a place, on the rays of the sensor.

        The trace is turned about the sensor's z axis and moved along the ground until its nearest
        point stands at the place. Every point then goes to the nearest ray, at the range where that
        ray reaches the point's horizontal distance. If points share a ray the nearest is seen. What
        the attacker's rays or budget cannot return is left out, from the sides inwards.

        Args:
            trace: The trace.
            place: The place.

        Returns:
            The phantom. None if an object is there already, the trace has too many points for the
            budget, or too few are left.
        """
        if len(self._rays) == 0 or len(trace) > self._added:
            return None
        xyz, center = move_trace(trace, place)
        target: Float64 = center[:2] + self._rays.origin[:2]
        objects = self._frame.boxes.boxes[:, :2]
        if len(objects) and np.linalg.norm(objects - target, axis=1).min() < FREE_M:
            return None
        returns = self._snapped(xyz, trace.intensity, place.azimuth_rad)
        return Phantom(trace, place, returns, target) if len(returns) >= MIN_POINTS else None

    def _snapped(self, xyz: Float64, intensity: Float64, azimuth_rad: float) -> Returns:
        chord, nearest = self._tree.query(xyz / np.linalg.norm(xyz, axis=1, keepdims=True))
        ray: Int64 = nearest.astype(np.int64)
        cosine = np.hypot(self._rays.direction[ray, 0], self._rays.direction[ray, 1])
        range_m = np.hypot(xyz[:, 0], xyz[:, 1]) / np.maximum(cosine, 1e-6)
        low, high = self._limits
        good = (
            (chord <= math.radians(OFF_BEAM_DEG))
            & self._allowed[ray]
            & (range_m >= low)
            & (range_m <= high)
        )
        found = Returns(ray, range_m, np.clip(intensity, 0.0, 1.0)).select(good)
        if self._visible is not None:
            found = found.select(self._visible(found.xyz(self._rays)))
        found = found.select(np.argsort(found.range_m, kind="stable"))
        found = found.select(np.sort(np.unique(found.ray, return_index=True)[1]))
        away = np.abs(
            (np.arctan2(*self._rays.direction[found.ray, 1::-1].T) - azimuth_rad + np.pi)
            % (2 * np.pi)
            - np.pi
        )
        found = found.select(np.argsort(away, kind="stable"))
        return found.select(
            choose_within_budget(
                self._rays, found.ray, np.zeros(0, np.int64), self._added, self._removed
            )
        )


def move_trace(trace: Trace, place: Place) -> tuple[Float64, Float64]:
    """Turn a trace about z and shift it along the ray to a place; heights stay.

    So the vehicle keeps its size and shows the sensor the same side.

    Args:
        trace: The trace.
        place: The place.

    Returns:
        The trace's points (K, 3) and its box's centre (3,), from the sensor [m].

    Source: the global transformation of Cao et al., CCS 2019.
    """
    turn = place.azimuth_rad - math.atan2(trace.center[1], trace.center[0])
    c, s = math.cos(turn), math.sin(turn)
    rotation = np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    xyz, center = trace.xyz @ rotation.T, trace.center @ rotation.T
    shift = place.distance_m - float(np.hypot(xyz[:, 0], xyz[:, 1]).min())
    ahead = shift * np.array([math.cos(place.azimuth_rad), math.sin(place.azimuth_rad), 0.0])
    return xyz + ahead, center + ahead
