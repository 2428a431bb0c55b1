"""Labelled objects, and the ground that things take up."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from calico.data.sim.meshes import Mesh
from calico.data.sim.motion import Track
from calico.data.sim.sizes import Size
from calico.frame import Float64

MOVING_MPS = 0.3
"""Below this speed a thing stands."""


@dataclass(frozen=True)
class Actor:
    """A labelled object.

    Attributes:
        kind: Name of its class.
        size: Length, width, height [m].
        mesh: Its surface, x forward, standing on z = 0.
        track: Where it is over time.
        state: Decides its attribute: parked, traffic, ridden, empty, upright, sitting or none.
    """

    kind: str
    size: Size
    mesh: Mesh
    track: Track
    state: str

    @property
    def static(self) -> bool:
        """Whether it never moves."""
        return len(self.track.times) == 1

    def attribute(self, time_s: float) -> str:
        """Name its attribute (nuScenes' names) at a time; "" for none."""
        moving = float(np.hypot(*self.track.velocity(time_s))) > MOVING_MPS
        names = {
            "parked": "vehicle.parked",
            "traffic": "vehicle.moving" if moving else "vehicle.stopped",
            "ridden": "cycle.with_rider",
            "empty": "cycle.without_rider",
            "upright": "pedestrian.moving" if moving else "pedestrian.standing",
            "sitting": "pedestrian.sitting_lying_down",
        }
        return names.get(self.state, "")


@dataclass
class Floor:
    """Footprints already taken, as discs, so that nothing stands inside another thing."""

    xy: list[Float64] = field(default_factory=list)
    radius: list[Float64] = field(default_factory=list)

    def claim(
        self, x: float, y: float, yaw: float, length: float, width: float, gap_m: float = 0.15
    ) -> bool:
        """Take a rectangle of the ground if it is free.

        Args:
            x: Centre [m, world].
            y: Centre [m, world].
            yaw: Heading of the length [rad].
            length: Extent [m].
            width: Extent [m].
            gap_m: Distance that must stay free around it [m].

        Returns:
            Whether it was free.
        """
        long, short = max(length, width), max(min(length, width), 0.1)
        turn = yaw + (np.pi / 2 if width > length else 0.0)
        count = max(int(np.ceil(long / short)), 1)
        along = (np.arange(count) + 0.5) / count * long - long / 2
        xy = np.stack([x + along * np.cos(turn), y + along * np.sin(turn)], axis=1)
        radius = np.full(count, short / 2)
        if self.xy:
            others, sizes = np.concatenate(self.xy), np.concatenate(self.radius)
            distance = np.linalg.norm(xy[:, None] - others[None], axis=-1)
            if (distance < radius[:, None] + sizes[None] + gap_m).any():
                return False
        self.xy.append(xy)
        self.radius.append(radius)
        return True
