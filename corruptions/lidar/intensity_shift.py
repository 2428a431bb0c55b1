"""Intensities in the wrong scale."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import FrameLike
from corruptions.rng import Streams


def intensity_shift(frame: FrameLike, gain: float, streams: Streams) -> FrameLike:
    """Scale the intensity of every point by a factor; positions stay.

    Values above 1 are held at 1, so that 255 is the opposite error of 1/255: a full scale that was
    not divided by. Nothing is random.

    Args:
        frame: Frame to corrupt.
        gain: Factor. Severities: 0.7, 0.5, 0.3, 0.1 (an aged laser, a film on the window, another
            calibration) and 1/255, the error of unit that divides by the full scale twice.
        streams: Random streams (not used).

    Source:
        Own definition. No public suite has it.
    """
    points = frame.points.copy()
    points[:, 3] = np.clip(points[:, 3] * np.float32(gain), 0.0, 1.0)
    return frame.replace(points=points)
