"""What grows with the severity of the timing corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

from calico.frame import Frame

MEASURES: dict[str, Callable[[Frame, Frame], float]] = {}
