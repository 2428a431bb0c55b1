"""Traces of vehicles: which points they hold, seen from where, of which frames."""

from collections.abc import Callable

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import Threat
from calico_eval.attacks.lidar.phantom import Phantom, Place, Projector
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.attacks.lidar.vehicle_shapes import (
    Trace,
    collect_traces,
    scene_traces,
    traces_of,
)

BUDGET = Threat(points_added=200, points_removed=200, window_deg=10.0)


def the_trace(frame: Frame) -> Trace:
    (trace,) = traces_of(frame)
    return trace


def test_a_trace_holds_the_returns_of_the_vehicle(flat: Frame) -> None:
    trace = the_trace(flat)
    assert len(trace) == flat.boxes.num_points[0]
    assert (trace.intensity == 0.5).all()
    assert np.allclose(trace.xyz[:, 0], 10.0, atol=1e-5)
    assert trace.center == pytest.approx([12.0, 0.0, -1.0])
    assert trace.label == 0
    assert trace.name == "flat-0/0"


def test_only_vehicles_with_a_few_points_count(flat: Frame) -> None:
    boxes = flat.boxes
    assert (
        traces_of(
            flat.replace(
                boxes=Boxes(boxes.boxes, np.array([5]), boxes.attributes, boxes.num_points)
            )
        )
        == []
    )
    far = boxes.boxes.copy()
    far[0, 0] = 14.1  # its back is out of the box
    assert (
        traces_of(flat.replace(boxes=Boxes(far, boxes.labels, boxes.attributes, boxes.num_points)))
        == []
    )
    near = flat.boxes.boxes.copy()
    near[0, :6] = [0, 0, -1.0, 40, 40, 4]
    assert (
        traces_of(flat.replace(boxes=Boxes(near, boxes.labels, boxes.attributes, boxes.num_points)))
        == []
    )
    assert traces_of(flat.replace(boxes=Boxes.empty())) == []


def test_a_trace_is_seen_from_its_own_sensor(
    flat: Frame, second_sweep: Callable[[Frame], Frame]
) -> None:
    pose = np.eye(4)[None].copy()
    pose[0, :3, 3] = (1.0, 2.0, 0.5)
    trace = the_trace(flat.replace(sweep_T=pose))
    assert trace.center == pytest.approx([11.0, -2.0, -1.5])
    old = the_trace(second_sweep(flat))
    assert (
        len(old)
        == (the_trace(flat).xyz[:, None, :] == old.xyz[None]).all(axis=2).sum()
        < len(the_trace(flat))
    )


def test_the_scene_traces_go_back_in_time_and_stop(make_flat: Callable[..., Frame]) -> None:
    frame = make_flat()
    for number in range(1, 8):
        before = frame
        frame = make_flat(car_xy=(12.0 + number, 0.0)).replace(
            previous=lambda before=before: before
        )
    assert [trace.center[0] for trace in scene_traces(frame)] == pytest.approx(
        [19.0, 18.0, 17.0, 16.0, 15.0]
    )
    assert len(collect_traces(iter([frame, frame, frame]), 2)) == 2


def put(frame: Frame, trace: Trace, place: Place, threat: Threat = BUDGET) -> Phantom | None:
    rays = rays_of(frame)
    allowed = rays.window(frame, place.azimuth_rad, threat.window_deg)
    return Projector(frame, rays, allowed, threat).put(trace, place)


def test_a_mirrored_trace_shows_the_other_side(flat: Frame) -> None:
    trace = the_trace(flat)
    left = Trace(
        trace.xyz[trace.xyz[:, 1] > 0],
        trace.intensity[trace.xyz[:, 1] > 0],
        trace.center,
        0,
        "left",
    )
    rays = rays_of(flat)
    place = Place(np.pi, 7.0)
    one, other = put(flat, left, place), put(flat, left.mirrored, place)
    assert one is not None
    assert other is not None
    assert (
        one.returns.xyz(rays)[:, 1] < 0
    ).all()  # behind the sensor, the car's left is at negative y
    assert (other.returns.xyz(rays)[:, 1] > 0).all()
