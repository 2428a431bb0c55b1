"""What grows with the severity of the camera corruptions, measured from the frames before and after."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions import effect


def sharpness(frame: Frame) -> float:
    return float(
        np.mean([abs(np.diff(image.astype(float), axis=axis)).mean() for image in frame.images for axis in (0, 1)])
    )


def brightness(frame: Frame) -> float:
    return float(np.mean([image.mean() for image in frame.images]))


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "camera_crash": lambda before, after: effect(before, after).cameras_black,
    "motion_blur": lambda before, after: -sharpness(after),
    "low_light": lambda before, after: -brightness(after),
}
