"""A small simulated Waymo vehicle, quick to scan with."""

from __future__ import annotations

from calico.config.data import SimConfig
from calico.data.waymo.simulate import SimulatedSegment, simulate_segments
from calico.data.waymo.simulated.rig import WaymoRig

RIG = WaymoRig(top_size=(24, 240), side_size=(12, 48), image_width=96)
CONFIG = SimConfig(train_scenes=2, val_scenes=2, test_scenes=1, frames_per_scene=3)


def segment(split: str = "train", scene: int = 0, rig: WaymoRig = RIG) -> SimulatedSegment:
    return simulate_segments(CONFIG, split, rig)[scene]


SEGMENTS = (("train", 0, "training"), ("train", 1, "training"), ("val", 0, "validation"))
"""Split, scene and folder of the segments that data sets of the tests have."""
