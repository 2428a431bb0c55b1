"""What an attack is allowed to do: its name, its budget in physical units, its objective."""

from __future__ import annotations

import difflib
import math
from dataclasses import dataclass
from typing import Literal, get_args

from calico.errors import CalicoError

AttackName = Literal["pgd", "noise"]
Sensor = Literal["camera", "lidar"]
ObjectiveName = Literal["hide", "det", "create"]
Geometry = Literal["ray", "box"]


@dataclass(frozen=True)
class AttackSpec:
    """One attack with its budget.

    name: "pgd" (projected gradient descent, Madry et al. 2018) or "noise" (a random corner of the same ball: the control
        that every attack must beat).
    sensor: "camera" changes every image of the frame; "lidar" changes the x, y, z of every point.
    eps: L-infinity budget. Camera: a whole number of grey levels (of 255) of the raw uint8 image. LiDAR: metres.
    steps: gradient steps ("noise" takes none).
    step_size: in the unit of eps; None means 2.5 eps / steps.
    objective: what the attack raises (`calico_eval.attacks.objectives`); "hide" where objects are to disappear.
    geometry: LiDAR only. "ray": a point moves along its ray from the place of the sensor at that point's sweep, |change
        of range| <= eps. "box": each of x, y, z moves by at most eps (literature baseline, not physical).
    random_start: PGD starts at a random place in the ball.
    r_min_m: LiDAR "ray" only: no point is pulled closer to its sensor than this [m]; points that are closer stay.
    """

    name: AttackName
    sensor: Sensor
    eps: float
    steps: int = 10
    step_size: float | None = None
    objective: ObjectiveName = "hide"
    geometry: Geometry = "ray"
    random_start: bool = True
    r_min_m: float = 1.0

    def __post_init__(self) -> None:
        for field, allowed in (
            ("name", get_args(AttackName)),
            ("sensor", get_args(Sensor)),
            ("objective", get_args(ObjectiveName)),
            ("geometry", get_args(Geometry)),
        ):
            _check_choice(field, getattr(self, field), allowed)
        unit = "grey levels" if self.sensor == "camera" else "metres"
        if not math.isfinite(self.eps) or self.eps < 0:
            raise CalicoError(f"attack {self.name}: eps is {self.eps}, expected 0 or more {unit}")
        if self.sensor == "camera" and (self.eps != int(self.eps) or self.eps > 255):
            raise CalicoError(
                f"attack {self.name}: eps is {self.eps}, expected a whole number of {unit} in 0..255 "
                "(8 means 8/255; an 8-bit image holds no fractions)"
            )
        if self.steps < 1:
            raise CalicoError(f"attack {self.name}: steps is {self.steps}, expected 1 or more")
        if not self.r_min_m > 0:
            raise CalicoError(f"attack {self.name}: r_min_m is {self.r_min_m}, expected more than 0 metres")
        if self.steps * self.step < 2 * self.eps:
            raise CalicoError(
                f"attack {self.name}: {self.steps} steps of {self.step_size} {unit} cannot cross the ball of radius "
                f"{self.eps}; expected step_size >= {2 * self.eps / self.steps:g} (or leave it out: 2.5 eps / steps)"
            )

    @property
    def step(self) -> float:
        """The step size in effect, in the unit of eps."""
        return 2.5 * self.eps / self.steps if self.step_size is None else self.step_size


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value in allowed:
        return
    near = difflib.get_close_matches(str(value), allowed, n=1, cutoff=0.65)  # 'radar' is no slip of 'lidar'
    hint = f"; did you mean '{near[0]}'?" if near else ""
    raise CalicoError(f"attack: {field} is '{value}', expected one of {', '.join(allowed)}{hint}")
