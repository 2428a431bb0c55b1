"""Traces of vehicles, and their move to another place on the sensor's rays."""

import numpy as np
import pytest

from calico.frame import Frame
from calico_eval.attacks import Threat
from calico_eval.attacks.lidar.phantom import Phantom, Place, Projector, move_trace
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.attacks.lidar.vehicle_shapes import (
    MIN_POINTS,
    Trace,
    traces_of,
)

BUDGET = Threat(points_added=200, points_removed=200, window_deg=10.0)


def the_trace(frame: Frame) -> Trace:
    (trace,) = traces_of(frame)
    return trace


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
