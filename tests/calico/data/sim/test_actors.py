"""Actors: attributes that fit class and speed, and ground that is taken once."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.actors import Actor, Floor
from calico.data.sim.meshes import merge_meshes
from calico.data.sim.motion import Track
from calico.data.sim.paths import Path
from calico.frame import Frame
from calico.taxonomy import NUSCENES


def test_attributes_fit_class_and_speed(frame: Frame) -> None:
    families = {"pedestrian": "pedestrian", "bicycle": "cycle", "motorcycle": "cycle"}
    speed = np.hypot(*frame.boxes.boxes[:, 7:9].T)
    for label, attribute, v in zip(frame.boxes.labels, frame.boxes.attributes, speed, strict=True):
        kind = NUSCENES.names[label]
        if kind in ("barrier", "traffic_cone"):
            assert attribute == -1
            continue
        family, state = NUSCENES.attributes[attribute].split(".")
        assert family == families.get(kind, "vehicle")
        if state in ("parked", "stopped", "standing"):
            assert v < 0.3
        if state == "moving":
            assert v > 0.3


@pytest.mark.parametrize(
    ("state", "speed", "expected"),
    [
        ("traffic", 5.0, "vehicle.moving"),
        ("traffic", 0.0, "vehicle.stopped"),
        ("parked", 0.0, "vehicle.parked"),
        ("ridden", 3.0, "cycle.with_rider"),
        ("empty", 0.0, "cycle.without_rider"),
        ("upright", 1.2, "pedestrian.moving"),
        ("upright", 0.0, "pedestrian.standing"),
        ("sitting", 0.0, "pedestrian.sitting_lying_down"),
        ("none", 0.0, None),
    ],
)
def test_attributes(state: str, speed: float, expected: str | None) -> None:
    times = np.arange(-1, 3, 0.05)
    track = Track.along(Path.of([[0, 0], [9, 0]]), times, speed * times)
    attribute = Actor("car", (4, 2, 1.5), merge_meshes([]), track, state).attribute(1.0)
    assert attribute == (expected or "")


def test_floor_refuses_what_is_taken() -> None:
    floor = Floor()
    assert floor.claim(0, 0, 0, 4.6, 2.0)
    assert not floor.claim(2.5, 0, 0, 1.0, 1.0)
    assert not floor.claim(0, 1.2, np.pi / 2, 1.0, 1.0)
    assert floor.claim(0, 3.0, 0, 4.6, 2.0)
    assert floor.claim(4.5, 0, np.pi / 2, 4.6, 2.0)
