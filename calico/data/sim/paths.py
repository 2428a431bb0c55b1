"""Polylines with arc length: centre lines, lanes, walkways."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import shapely

from calico.frame import Float64


@dataclass(frozen=True)
class Path:
    """A polyline with arc length. Beyond its ends it goes on straight.

    Attributes:
        xy: (P, 2) vertices [m, world].
        s: (P,) station of every vertex [m].
    """

    xy: Float64
    s: Float64

    @staticmethod
    def of(xy: npt.ArrayLike) -> Path:
        """Make a path from its vertices (P, 2) [m, world]."""
        points = np.asarray(xy, np.float64)
        steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
        return Path(points, np.concatenate([[0.0], np.cumsum(steps)]))

    @property
    def length(self) -> float:
        """Length of the path [m]."""
        return float(self.s[-1])

    def at(self, stations: npt.ArrayLike) -> tuple[Float64, Float64]:
        """Return positions (..., 2) [m, world] and headings (...) [rad] at stations [m]."""
        s = np.asarray(stations, np.float64)
        i = np.clip(np.searchsorted(self.s, s, side="right") - 1, 0, len(self.s) - 2)
        step = self.xy[i + 1] - self.xy[i]
        unit = step / np.linalg.norm(step, axis=-1, keepdims=True)
        xy = self.xy[i] + unit * (s - self.s[i])[..., None]
        return xy, np.arctan2(unit[..., 1], unit[..., 0])

    def beside(self, station: float, left: float) -> tuple[float, float, float]:
        """Return x, y [m, world] and heading [rad] of a point beside the path.

        Args:
            station: Station of its foot on the path [m].
            left: Distance to the left; negative to the right [m].
        """
        (x, y), yaw = self.at(station)
        return float(x - left * np.sin(yaw)), float(y + left * np.cos(yaw)), float(yaw)

    def offset(self, left: float) -> Path:
        """Return the parallel line `left` metres to the left."""
        direction = np.gradient(self.xy, axis=0)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        return Path.of(self.xy + left * np.stack([-direction[:, 1], direction[:, 0]], axis=1))

    def reversed(self) -> Path:
        """Return the same line the other way."""
        return Path.of(self.xy[::-1])

    def project(self, xy: npt.ArrayLike) -> float:
        """Return the station [m] that is nearest to a point (2,) [m, world]."""
        return float(
            shapely.line_locate_point(
                shapely.LineString(self.xy), shapely.Point(np.asarray(xy, np.float64))
            )
        )

    def strip(self, start: float, stop: float, right: float, left: float) -> shapely.Polygon:
        """Return the area between two stations and two offsets.

        Args:
            start: Stations [m], in any order.
            stop: Stations [m], in any order.
            right: Offsets [m], positive to the left, in any order.
            left: Offsets [m], positive to the left, in any order.
        """
        start, stop = min(start, stop), max(start, stop)
        inner = self.s[(self.s > start) & (self.s < stop)]
        xy, yaw = self.at(np.concatenate([[start], inner, [stop]]))
        normal = np.stack([-np.sin(yaw), np.cos(yaw)], axis=1)
        return shapely.make_valid(
            shapely.Polygon(np.concatenate([xy + right * normal, (xy + left * normal)[::-1]]))
        )


def bend_path(
    start: tuple[float, float], yaw_rad: float, curvature: Float64, step_m: float = 1.0
) -> Path:
    """Make a path from its curvature.

    Args:
        start: First vertex [m, world].
        yaw_rad: Heading at the start [rad].
        curvature: (P,) curvature at every step [1/m].
        step_m: Length of a step [m].
    """
    yaw = yaw_rad + np.concatenate([[0.0], np.cumsum(curvature * step_m)])
    xy = np.cumsum(np.stack([np.cos(yaw), np.sin(yaw)], axis=1) * step_m, axis=0)
    return Path.of(np.concatenate([[start], xy + np.asarray(start)]))
