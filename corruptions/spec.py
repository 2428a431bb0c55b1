"""The table of corruptions: names, physical parameters, levels, sources. To add one: its file, and a line in `_TABLE`."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

from corruptions.alignment.extrinsic import extrinsic
from corruptions.camera.camera_crash import camera_crash
from corruptions.camera.low_light import low_light
from corruptions.camera.motion_blur import motion_blur
from corruptions.errors import CorruptionError
from corruptions.frame_like import FrameLike
from corruptions.lidar.beam_missing import beam_missing
from corruptions.lidar.crosstalk import crosstalk
from corruptions.lidar.lidar_missing import lidar_missing
from corruptions.lidar.point_drop import point_drop
from corruptions.rng import Streams
from corruptions.weather.fog import fog

__all__ = ["SPECS", "SUITE_VERSION", "FrameLike", "Sensor", "Spec", "find", "names"]

SUITE_VERSION = "1"
"""Grows whenever any corruption gives other bytes for the same seed."""

Sensor = Literal["camera", "lidar", "calibration"]


@dataclass(frozen=True)
class Spec:
    """One corruption.

    name, description: what it is; `description` is the first line of the function's docstring.
    sensors: what it must change, which the effect check asks for.
    parameter, unit: the physical parameter (e.g. "visibility_m", "m").
    levels: its value at severity 1..5.
    limits: the closed range of values that mean something.
    source: paper and equation.
    function: (frame, value, streams) -> frame; it may return arrays of the frame that it got, which is a copy.
    """

    name: str
    sensors: tuple[Sensor, ...]
    parameter: str
    unit: str
    levels: tuple[float, float, float, float, float]
    limits: tuple[float, float]
    source: str
    function: Callable[[FrameLike, float, Streams], FrameLike]

    @property
    def description(self) -> str:
        """One line on what it models."""
        return (self.function.__doc__ or self.name).strip().splitlines()[0]

    def at(self, severity: int) -> float:
        """The parameter's value at severity 1..5."""
        return self.levels[severity - 1]


# fmt: off
_TABLE = (
    Spec("fog", ("camera", "lidar"), "visibility_m", "m", (400, 200, 100, 60, 30), (1, 1e6),
         "Koschmieder 1924; Hahner et al., ICCV 2021, algorithm 1", fog),
    Spec("camera_crash", ("camera",), "cameras_off", "cameras", (1, 2, 3, 4, 5), (1, 64),
         "RoboBEV (Xie et al., arXiv 2304.06719), camera crash", camera_crash),
    Spec("motion_blur", ("camera",), "smear", "share of the width", (0.005, 0.010, 0.015, 0.020, 0.030), (0, 0.5),
         "after ImageNet-C (Hendrycks & Dietterich, ICLR 2019), motion blur", motion_blur),
    Spec("low_light", ("camera",), "light_scale", "share of the light", (0.6, 0.5, 0.4, 0.3, 0.2), (0, 1),
         "after 3D Common Corruptions (Kar et al., CVPR 2022), low light", low_light),
    Spec("point_drop", ("lidar",), "share_dropped", "share", (0.06, 0.12, 0.18, 0.24, 0.30), (0, 1),
         "3D_Corruptions_AD (Dong et al., CVPR 2023), density decrease", point_drop),
    Spec("beam_missing", ("lidar",), "share_of_beams", "share", (1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8), (0, 1),
         "Robo3D (Kong et al., ICCV 2023), beam missing; here without replacement", beam_missing),
    Spec("crosstalk", ("lidar",), "share_hit", "share", (0.004, 0.008, 0.012, 0.016, 0.020), (0, 1),
         "Robo3D (Kong et al., ICCV 2023), crosstalk", crosstalk),
    Spec("lidar_missing", ("lidar",), "share_lost", "share of frames", (1, 1, 1, 1, 1), (0, 1),
         "MSC-Bench (Hao et al., arXiv 2501.01037), LiDAR missing", lidar_missing),
    Spec("extrinsic", ("calibration",), "rotation_deg", "degrees", (0.5, 1, 2, 3, 5), (0, 180),
         "after MultiCorrupt (Beemelmanns et al., IV 2024), spatial misalignment", extrinsic),
)
# fmt: on

SPECS: Mapping[str, Spec] = MappingProxyType({spec.name: spec for spec in _TABLE})


def names() -> tuple[str, ...]:
    """All single corruptions, in the table's order. Pairs are any two joined by "+"."""
    return tuple(SPECS)


def find(name: str) -> tuple[Spec, ...]:
    """The corruptions that a name stands for, in the order in which they are applied: "fog" or "fog+camera_crash".

    Raises CorruptionError for an unknown name, with the nearest valid one where one is near.
    """
    parts = name.split("+")
    for part in parts:
        if part not in SPECS:
            near = difflib.get_close_matches(part, SPECS, n=1)
            hint = f": did you mean {near[0]!r}?" if near else "."
            where = f" in {name!r}" if len(parts) > 1 else ""
            raise CorruptionError(
                f"unknown corruption {part!r}{where}{hint} Known: {', '.join(SPECS)}; join several with '+'"
            )
    if len(set(parts)) < len(parts):
        raise CorruptionError(
            f"corruption {name!r} names {max(parts, key=parts.count)!r} twice; expected each part once"
        )
    return tuple(SPECS[part] for part in parts)
