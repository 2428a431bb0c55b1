"""What grows with the severity of the alignment corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

from calico.frame import Frame
from corruptions import effect

MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "extrinsic": lambda before, after: effect(before, after).rotation_deg,
}
