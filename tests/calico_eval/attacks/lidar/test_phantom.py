"""Traces of vehicles, and their move to another place on the sensor's rays."""

from collections.abc import Callable

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import Threat
from calico_eval.attacks.lidar.phantom import Phantom, Place, Projector, move_trace
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.attacks.lidar.vehicle_shapes import (
    MIN_POINTS,
    Trace,
    collect_traces,
    scene_bank,
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


def test_the_scene_bank_goes_back_in_time_and_stops(make_flat: Callable[..., Frame]) -> None:
    frame = make_flat()
    for number in range(1, 8):
        before = frame
        frame = make_flat(car_xy=(12.0 + number, 0.0)).replace(
            previous=lambda before=before: before
        )
    assert [trace.center[0] for trace in scene_bank(frame)] == pytest.approx(
        [19.0, 18.0, 17.0, 16.0, 15.0]
    )
    assert len(collect_traces(iter([frame, frame, frame]), 2)) == 2


def test_the_move_is_rigid(flat: Frame) -> None:
    trace = the_trace(flat)
    for place in (Place(0.0, 6.0), Place(2.5, 8.0), Place(-3.0, 5.0)):
        xyz, center = move_trace(trace, place)
        before = np.linalg.norm(trace.xyz[:, None] - trace.xyz[None], axis=2)
        assert np.allclose(np.linalg.norm(xyz[:, None] - xyz[None], axis=2), before, atol=1e-9)
        assert np.allclose(xyz[:, 2], trace.xyz[:, 2])
        assert np.hypot(xyz[:, 0], xyz[:, 1]).min() == pytest.approx(place.distance_m, abs=0.02)
        assert np.arctan2(center[1], center[0]) == pytest.approx(place.azimuth_rad)
        assert np.linalg.norm(xyz - center, axis=1) == pytest.approx(
            np.linalg.norm(trace.xyz - trace.center, axis=1)
        )


def put(frame: Frame, trace: Trace, place: Place, threat: Threat = BUDGET) -> Phantom | None:
    rays = rays_of(frame)
    allowed = rays.window(frame, place.azimuth_rad, threat.window_deg)
    return Projector(frame, rays, allowed, threat).put(trace, place)


def test_a_phantom_is_on_rays_and_keeps_its_distance(flat: Frame) -> None:
    rays, trace, place = rays_of(flat), the_trace(flat), Place(np.deg2rad(90.0), 7.0)
    phantom = put(flat, trace, place)
    assert phantom is not None
    assert phantom.center == pytest.approx([0.0, 9.0], abs=0.02)
    xyz = phantom.returns.xyz(rays)
    assert len(np.unique(phantom.returns.ray)) == len(xyz)
    assert np.allclose(xyz[:, 1], 7.0, atol=0.1)  # the flat back of the car, 7 m away
    assert np.abs(np.degrees(np.arctan2(xyz[:, 1], xyz[:, 0])) - 90.0).max() <= 5.0
    wanted, _ = move_trace(trace, place)
    off = np.linalg.norm(xyz[:, None] - wanted[None], axis=2).min(axis=1)
    assert off.max() < 7.2 * np.deg2rad(
        1.0
    )  # the nearest ray is at most half a step away: 1 degree up, half aside


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


def test_no_phantom_where_an_object_is_or_the_budget_is_short(flat: Frame) -> None:
    trace = the_trace(flat)
    assert put(flat, trace, Place(0.0, 8.0)) is None
    assert put(flat, trace, Place(0.0, 5.0)) is not None
    behind = Place(np.pi, 7.0)
    assert (
        put(
            flat,
            trace,
            behind,
            Threat(points_added=len(trace) - 1, points_removed=200, window_deg=10.0),
        )
        is None
    )
    full = put(flat, trace, behind)
    assert full is not None
    few = put(
        flat, trace, behind, Threat(points_added=200, points_removed=MIN_POINTS, window_deg=10.0)
    )
    assert few is not None
    assert len(few.returns) == MIN_POINTS < len(full.returns)
    azimuth = np.abs(np.arctan2(*rays_of(flat).direction[:, 1::-1].T))[full.returns.ray]
    assert set(few.returns.ray) == set(
        full.returns.ray[np.argsort(-azimuth, kind="stable")[:MIN_POINTS]]
    )
    assert (
        put(
            flat,
            trace,
            behind,
            Threat(points_added=200, points_removed=MIN_POINTS - 1, window_deg=10.0),
        )
        is None
    )


def test_points_that_no_ray_can_return_are_left_out(flat: Frame) -> None:
    trace = the_trace(flat)
    high = Trace(trace.xyz + np.array([0, 0, 3.0]), trace.intensity, trace.center, 0, "flying")
    assert put(flat, high, Place(np.pi, 7.0)) is None
