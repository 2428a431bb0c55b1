"""How things move: tracks over time, and traffic that keeps its distance and stops at red."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from calico.data.sim.paths import Path
from calico.frame import Float64

STEP_S = 0.05
"""Time between LiDAR sweeps (20 Hz) and the step of the traffic simulation."""
KEYFRAME_S = 0.5
"""Time between keyframes."""
LEAD_IN_S = 1.0
"""How long before the first keyframe the motion begins."""


def list_track_times(frames: int) -> Float64:
    """List the times at which tracks are sampled [s]; keyframe k is at k * KEYFRAME_S."""
    last = (frames - 1) * KEYFRAME_S + KEYFRAME_S
    steps = np.arange(round((last + LEAD_IN_S) / STEP_S) + 1, dtype=np.float64)
    return steps * STEP_S - LEAD_IN_S


@dataclass(frozen=True)
class Track:
    """The place of something over time. A track of one sample stands still for ever.

    Attributes:
        times: (T,) times [s].
        pose: (T, 3) x, y [m, world] and heading [rad, unwrapped].
    """

    times: Float64
    pose: Float64

    @staticmethod
    def still(x: float, y: float, yaw: float) -> Track:
        """Make the track of something that never moves.

        Args:
            x: Where it stands [m, world].
            y: Where it stands [m, world].
            yaw: Its heading [rad].
        """
        return Track(np.zeros(1), np.array([[x, y, yaw]]))

    @staticmethod
    def along(path: Path, times: Float64, stations: Float64) -> Track:
        """Make a track along a path.

        Args:
            path: The path.
            times: (T,) times [s].
            stations: (T,) stations on the path at these times [m].
        """
        xy, yaw = path.at(stations)
        return Track(times, np.concatenate([xy, np.unwrap(yaw)[:, None]], axis=1))

    def at(self, time_s: float) -> tuple[float, float, float]:
        """Return x, y [m, world] and heading [rad] at a time."""
        x, y, yaw = (float(v) for v in self.sample(np.array([time_s]))[0])
        return x, y, yaw

    def sample(self, times: Float64) -> Float64:
        """(N, 3): x, y, heading at times (N,)."""
        if len(self.times) == 1:
            return np.repeat(self.pose, len(times), axis=0)
        return np.stack([np.interp(times, self.times, self.pose[:, i]) for i in range(3)], axis=1)

    def velocity(self, time_s: float) -> tuple[float, float]:
        """Return vx, vy [m/s, world] as nuScenes defines it.

        It is the central difference over the keyframes before and after.
        """
        after, before = self.at(time_s + KEYFRAME_S), self.at(time_s - KEYFRAME_S)
        return (after[0] - before[0]) / (2 * KEYFRAME_S), (after[1] - before[1]) / (2 * KEYFRAME_S)


@dataclass(frozen=True)
class Sway:
    """Pitch and roll of the ego vehicle: a constant and a slow swing each.

    Attributes:
        constant: (2,) constant part [rad].
        swing: (2,) amplitude of the swing [rad].
        frequency: (2,) frequency of the swing [Hz].
        phase: (2,) phase of the swing [rad].
    """

    constant: Float64
    swing: Float64
    frequency: Float64
    phase: Float64

    @staticmethod
    def draw(rng: np.random.Generator) -> Sway:
        """Draw some tenths of a degree of pitch and roll."""
        degree = np.pi / 180
        return Sway(
            rng.normal(0, 0.35 * degree, 2),
            rng.uniform(0, 0.25 * degree, 2),
            rng.uniform(0.3, 1.2, 2),
            rng.uniform(0, 2 * np.pi, 2),
        )

    def at(self, time_s: float) -> tuple[float, float]:
        """Return pitch and roll [rad] at a time."""
        pitch, roll = self.constant + self.swing * np.sin(
            2 * np.pi * self.frequency * time_s + self.phase
        )
        return float(pitch), float(roll)


def follow_leader(
    start_m: npt.ArrayLike,
    lengths_m: npt.ArrayLike,
    desired_mps: npt.ArrayLike,
    stops_m: tuple[float, ...],
    times: Float64,
) -> Float64:
    """Simulate the vehicles of one lane with the intelligent driver model.

    Args:
        start_m: (n,) stations at the first time [m], the leader first.
        lengths_m: (n,) lengths of the vehicles [m].
        desired_mps: (n,) desired speeds [m/s].
        stops_m: Stations of red lights [m]. Vehicles that have not passed one stop before it.
        times: (T,) times [s].

    Returns:
        (T, n) stations [m].

    Source: Treiber, Hennecke, Helbing, Congested traffic states in empirical observations and
    microscopic simulations, 2000.
    """
    s = np.asarray(start_m, np.float64).copy()
    lengths, desired = np.asarray(lengths_m, np.float64), np.asarray(desired_mps, np.float64)
    acceleration, braking, headway, distance = 1.6, 2.2, 1.1, 2.0
    gap, lead_speed = _ahead(s, lengths, np.zeros_like(s), stops_m)
    speed = np.minimum(desired, np.sqrt(np.maximum(2 * 1.8 * (gap - distance), 0.0)))
    stations = [s.copy()]
    for step in np.diff(times):
        gap, lead_speed = _ahead(s, lengths, speed, stops_m)
        wanted = (
            distance
            + speed * headway
            + speed * (speed - lead_speed) / (2 * np.sqrt(acceleration * braking))
        )
        change = acceleration * (
            1 - (speed / desired) ** 4 - (np.maximum(wanted, 0) / np.maximum(gap, 0.3)) ** 2
        )
        following = np.maximum(speed + np.maximum(change, -6.0) * step, 0.0)
        s = s + (speed + following) / 2 * step
        speed = following
        stations.append(s.copy())
    return np.stack(stations)


def _ahead(
    s: Float64, lengths: Float64, speed: Float64, stops: tuple[float, ...]
) -> tuple[Float64, Float64]:
    """Free distance before every vehicle and the speed of what ends it."""
    gap, lead = np.full(len(s), 1e3), speed.copy()
    gap[1:] = s[:-1] - lengths[:-1] / 2 - s[1:] - lengths[1:] / 2
    lead[1:] = speed[:-1]
    for stop in stops:
        rest = stop - s - lengths / 2
        held = (rest > -0.5) & (rest + 1.5 < gap)
        gap = np.where(held, rest + 1.5, gap)
        lead = np.where(held, 0.0, lead)
    return gap, lead
