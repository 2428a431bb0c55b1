"""What a corruption is: name, physical parameter, levels, source. The tables of all of them: `<room>/table.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

Sensor = Literal["camera", "lidar", "calibration", "labels"]
"""What a corruption changes. "labels": the boxes, moved in step with the points of their objects."""

Room = Literal["camera", "lidar", "weather", "alignment", "timing", "objects"]


@dataclass(frozen=True)
class Spec:
    """One corruption.

    name, description: what it is; `description` is the first line of the function's docstring.
    room: the folder that it lives in.
    sensors: what it must change, which the effect check asks for.
    parameter, unit: the physical parameter (e.g. "visibility_m", "m").
    levels: its value at severity 1..5.
    limits: the closed range of values that mean something.
    source: paper and equation.
    suites: the public suites that have it: robo3d, robobev, multicorrupt, nuscenes-c (3D_Corruptions_AD), msc-bench,
        imagenet-c, modelnet40-c.
    function: (frame, value, streams) -> frame; it may return arrays of the frame that it got, which is a copy.
    """

    name: str
    room: Room
    sensors: tuple[Sensor, ...]
    parameter: str
    unit: str
    levels: tuple[float, float, float, float, float]
    limits: tuple[float, float]
    source: str
    suites: tuple[str, ...]
    function: Callable[[FrameLike, float, Streams], FrameLike]

    @property
    def description(self) -> str:
        """One line on what it models."""
        return (self.function.__doc__ or self.name).strip().splitlines()[0]

    def at(self, severity: int) -> float:
        """The parameter's value at severity 1..5."""
        return self.levels[severity - 1]
