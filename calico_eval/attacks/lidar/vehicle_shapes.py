"""Traces of real vehicles: the few points that a LiDAR has of a far or half hidden one.

A spoofer can copy so few points.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice

import numpy as np

from calico.frame import Bool, Float64, Frame
from calico.geometry.boxes import points_in_boxes

MIN_POINTS = 5
MAX_POINTS = 200
"""Points of a trace: the most that published hardware spoofs (Cao et al. 2019: 60 to 100; Sun et
al. 2020: 200)."""
BOX_MARGIN_M = 0.05
HISTORY = 4
"""Keyframes before the attacked one whose vehicles count as seen."""


@dataclass(frozen=True)
class Trace:
    """The returns of one vehicle in one sweep.

    Attributes:
        xyz: (K, 3) points from the sensor, in the LiDAR frame's axes [m].
        intensity: (K,) intensities.
        center: (3,) centre of its box, likewise.
        label: Its class.
        name: Token of the frame and row of the box.
    """

    xyz: Float64
    intensity: Float64
    center: Float64
    label: int
    name: str

    def __len__(self) -> int:
        return len(self.xyz)

    @property
    def mirrored(self) -> Trace:
        """Seen in a mirror that stands along the x axis."""
        flip = np.array([1.0, -1.0, 1.0])
        return Trace(
            self.xyz * flip, self.intensity, self.center * flip, self.label, f"{self.name} mirrored"
        )


def traces_of(frame: Frame) -> list[Trace]:
    """Cut out the points of the vehicles, in the order of the boxes.

    Vehicles are the classes of the taxonomy's group `vehicle`. Those with fewer than MIN_POINTS or
    more than MAX_POINTS returns in the keyframe's sweep are left out.
    """
    labels = frame.taxonomy.labels_in("vehicle")
    rows = np.flatnonzero(np.isin(frame.boxes.labels, labels))
    points, origin = frame.points[frame.main_sweep], frame.main_origin
    traces: list[Trace] = []
    for row in rows.tolist():
        box = frame.boxes.boxes[row : row + 1]
        near: Bool = (
            np.abs(points[:, :2] - box[0, :2]).max(axis=1)
            <= 0.5 * np.hypot(box[0, 3], box[0, 4]) + BOX_MARGIN_M
        )
        inside = points[near][points_in_boxes(points[near], box, BOX_MARGIN_M)[0]]
        if MIN_POINTS <= len(inside) <= MAX_POINTS:
            traces.append(
                Trace(
                    xyz=inside[:, :3].astype(np.float64) - origin,
                    intensity=inside[:, 3].astype(np.float64),
                    center=box[0, :3].astype(np.float64) - origin,
                    label=int(frame.boxes.labels[row]),
                    name=f"{frame.token}/{row}",
                )
            )
    return traces


def scene_traces(frame: Frame) -> list[Trace]:
    """The vehicles of a frame and of up to HISTORY keyframes before it.

    Depends on nothing but the frame, so that an attack on it is the same in any batch.
    """
    return [trace for one in islice(_back_from(frame), HISTORY + 1) for trace in traces_of(one)]


def collect_traces(frames: Iterable[Frame], limit: int) -> list[Trace]:
    """Collect the first traces of some frames, for example of a training split.

    Args:
        frames: The frames.
        limit: Largest number of traces.
    """
    return list(islice((trace for frame in frames for trace in traces_of(frame)), limit))


def _back_from(frame: Frame | None) -> Iterable[Frame]:
    while frame is not None:
        yield frame
        frame = frame.previous() if frame.previous is not None else None
