"""The description of a corruption: name, physical parameter, levels, source.

The tables of all corruptions are in `<group>/table.py`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from corruptions.errors import CorruptionError
from corruptions.frame_like import FrameLike
from corruptions.rng import Streams

Sensor = Literal["camera", "lidar", "calibration", "labels"]
"""What a corruption changes. "labels" are boxes, moved in step with their objects' points."""

Need = Literal["ring", "sweeps", "past", "boxes"]
"""What data must have, beyond the sensors, for a corruption to do anything.

These are the beam of every point, older sweeps, a frame before in the scene, labelled objects.
"""

Group = Literal["camera", "lidar", "weather", "alignment", "timing", "objects"]


@dataclass(frozen=True)
class Spec:
    """One corruption.

    Attributes:
        name: Name of the corruption.
        group: Folder that it lives in.
        sensors: What it must change, which the effect check asks for.
        parameter: Name of the physical parameter, e.g. "visibility_m".
        unit: Unit of the parameter, e.g. "m".
        levels: Values of the parameter at severities 1 to 5.
        limits: Closed range of values that mean something.
        source: Paper and equation.
        suites: Public suites that have it: robo3d, robobev, multicorrupt, nuscenes-c
            (3D_Corruptions_AD), msc-bench, imagenet-c, modelnet40-c.
        function: (frame, value, streams) -> frame. It may return arrays of the frame that it got,
            which is a copy.
        needs: What the data must have.
        by_chance: Whether it may spare a frame, or all of a few frames.
        counts_cameras: Whether the parameter is a number of cameras. More than there are is as all
            of them.
    """

    name: str
    group: Group
    sensors: tuple[Sensor, ...]
    parameter: str
    unit: str
    levels: tuple[float, float, float, float, float]
    limits: tuple[float, float]
    source: str
    suites: tuple[str, ...]
    function: Callable[[FrameLike, float, Streams], FrameLike]
    needs: tuple[Need, ...] = ()
    by_chance: bool = False
    counts_cameras: bool = False

    @property
    def description(self) -> str:
        """One line on what it models: the first line of the function's docstring."""
        return (self.function.__doc__ or self.name).strip().splitlines()[0]

    def value_at(self, severity: int) -> float:
        """Return the parameter's value at severity 1 to 5."""
        return self.levels[severity - 1]

    def check_value(self, value: float) -> None:
        """Check that a value of the parameter is within `limits`.

        Raises:
            CorruptionError: It is not.
        """
        low, high = self.limits
        if not (math.isfinite(value) and low <= value <= high):
            raise CorruptionError(
                f"{self.name}: {self.parameter} is {value!r}, expected {low:g} to {high:g} "
                f"{self.unit}"
            )

    def explain_lack(self, frames: Sequence[FrameLike]) -> str:
        """Explain why the corruption can do nothing to any of these frames, e.g. "no older sweeps".

        The text is empty if it can.
        """
        if not any(self._touches(frame) for frame in frames):
            return "no " + " or ".join(_WORDS[sensor] for sensor in self.sensors)
        for need in self.needs:
            if not any(_HAS[need](frame) for frame in frames):
                return f"no {_WORDS[need]}"
        return ""

    def repeated_level(self, frames: Sequence[FrameLike], value: float) -> str:
        """Explain why a value does what a lower severity does to all of these frames.

        Args:
            frames: Some of the data's frames.
            value: Value of the parameter.

        Returns:
            The reason, e.g. "only 1 camera, as at severity 1". Empty where the value is one of its
            own.
        """
        cameras = max((len(frame.images) for frame in frames), default=0)
        if not self.counts_cameras or value <= cameras:
            return ""
        same = [
            severity for severity, level in enumerate(self.levels, 1) if cameras <= level < value
        ]
        if not same:
            return ""
        return f"only {cameras} camera{'' if cameras == 1 else 's'}, as at severity {same[0]}"

    def _touches(self, frame: FrameLike) -> bool:
        has: dict[Sensor, bool] = {
            "camera": bool(frame.images),
            "calibration": bool(frame.images),
            "lidar": len(frame.points) > 0,
            "labels": len(frame.boxes.boxes) > 0,
        }
        return any(has[sensor] for sensor in self.sensors)


_HAS: dict[Need, Callable[[FrameLike], bool]] = {
    "ring": lambda frame: bool((frame.ring >= 0).all()),
    "sweeps": lambda frame: bool((frame.sweep_index > 0).any()),
    "past": lambda frame: frame.previous is not None,
    "boxes": lambda frame: len(frame.boxes.boxes) > 0,
}
_WORDS: dict[str, str] = {
    "camera": "cameras",
    "calibration": "cameras",
    "lidar": "LiDAR points",
    "labels": "labelled objects",
    "ring": "beam numbers (ring)",
    "sweeps": "older LiDAR sweeps",
    "past": "frame before in the scene",
    "boxes": "labelled objects",
}
