"""Motion: tracks, traffic by the intelligent driver model, and sway."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.motion import Sway, Track, follow_leader, list_track_times
from calico.data.sim.paths import Path


def test_timeline_has_every_keyframe_and_its_neighbours() -> None:
    times = list_track_times(3)
    for wanted in (-0.5, -0.45, 0.0, 0.5, 1.0, 1.5):
        assert np.abs(times - wanted).min() < 1e-9


def test_free_road_keeps_the_desired_speed() -> None:
    times = list_track_times(9)
    stations = follow_leader([0.0], [4.0], [10.0], (), times)
    assert stations[-1, 0] == pytest.approx(10.0 * (times[-1] - times[0]), rel=0.01)


def test_red_light_stops_the_queue_without_contact() -> None:
    times = np.arange(0, 30, 0.05)
    lengths = np.array([4.0, 10.0, 4.5])
    stations = follow_leader([60.0, 45.0, 20.0], lengths, [12.0, 9.0, 14.0], (100.0,), times)
    front = stations + lengths / 2
    assert (front[:, 0] <= 100.6).all()
    assert front[-1, 0] > 96
    gaps = stations[:, :-1] - lengths[:-1] / 2 - front[:, 1:]
    assert gaps.min() > 0.3
    assert np.abs(stations[-1] - stations[-40]).max() < 0.3
    assert (np.diff(stations, axis=0) >= 0).all()


def test_who_has_passed_the_light_goes_on() -> None:
    stations = follow_leader([110.0], [4.0], [10.0], (100.0,), np.arange(0, 3, 0.05))
    assert stations[-1, 0] > 135


def test_track_follows_its_path() -> None:
    times = np.arange(-1, 5, 0.05)
    track = Track.along(Path.of([[0, 0], [10, 0], [10, 50]]), times, 5 + 4 * (times + 1))
    assert track.at(0.0) == pytest.approx((9.0, 0.0, 0.0))
    assert track.at(1.0)[:2] == pytest.approx((10.0, 3.0))
    assert track.velocity(3.0) == pytest.approx((0.0, 4.0))
    still = Track.still(1.0, 2.0, 0.5)
    assert still.at(9.0) == (1.0, 2.0, 0.5)
    assert still.velocity(0.0) == (0.0, 0.0)


def test_sway_stays_within_two_degrees() -> None:
    for seed in range(50):
        sway = Sway.draw(np.random.default_rng(seed))
        angles = np.rad2deg([sway.at(t) for t in np.arange(0, 4, 0.1)])
        assert np.abs(angles).max() < 2
        assert np.ptp(angles[:, 0]) < 0.6
