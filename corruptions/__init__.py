"""Sensor corruptions of camera and LiDAR frames, in physical units.

They are pure functions of the frame and a seed, and are checked for their effect.

Example:
    corrupt(frame, "fog", severity=3, seed=0)
    corrupt_with(frame, "fog", 87.0, seed=0)
    list_corruptions()
"""

from corruptions.apply import corrupt, corrupt_with
from corruptions.catalogue import SPECS, SUITE_VERSION, find_corruptions, list_corruptions
from corruptions.effect import (
    Effect,
    EffectSummary,
    check_effect,
    check_summary,
    measure_effect,
    summarise_effects,
)
from corruptions.errors import CorruptionError
from corruptions.frame_like import FrameLike
from corruptions.single import corrupt_image, corrupt_points
from corruptions.spec import Spec

__all__ = [
    "SPECS",
    "SUITE_VERSION",
    "CorruptionError",
    "Effect",
    "EffectSummary",
    "FrameLike",
    "Spec",
    "check_effect",
    "check_summary",
    "corrupt",
    "corrupt_image",
    "corrupt_points",
    "corrupt_with",
    "find_corruptions",
    "list_corruptions",
    "measure_effect",
    "summarise_effects",
]
