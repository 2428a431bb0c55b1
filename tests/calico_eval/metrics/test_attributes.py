from __future__ import annotations

import numpy as np

from calico.taxonomy import NUSCENES
from calico_eval.metrics.attributes import derive_attributes


def names(speed: float) -> dict[str, str | None]:
    boxes = np.ones((10, 9), np.float32)
    boxes[:, 7:9] = [0.6 * speed, -0.8 * speed]
    found = derive_attributes(boxes, np.arange(10), NUSCENES)
    return {
        c: NUSCENES.attributes[i] if i >= 0 else None
        for c, i in zip(NUSCENES.names, found, strict=True)
    }


def test_every_class_moving_and_standing() -> None:
    moving, still = names(0.25), names(0.15)
    for vehicle in ("car", "truck", "trailer", "construction_vehicle", "bus"):
        assert moving[vehicle] == "vehicle.moving"
        assert still[vehicle] == ("vehicle.stopped" if vehicle == "bus" else "vehicle.parked")
    for cycle in ("bicycle", "motorcycle"):
        assert (still[cycle], moving[cycle]) == ("cycle.without_rider", "cycle.with_rider")
    assert (still["pedestrian"], moving["pedestrian"]) == (
        "pedestrian.standing",
        "pedestrian.moving",
    )
    assert (
        moving["barrier"]
        is moving["traffic_cone"]
        is still["barrier"]
        is still["traffic_cone"]
        is None
    )


def test_unknown_velocity_counts_as_standing() -> None:
    assert names(np.nan) == names(0.0)


def test_no_boxes() -> None:
    none = derive_attributes(np.zeros((0, 9), np.float32), np.zeros(0, np.int64), NUSCENES)
    assert none.shape == (0,)
