"""lidar_stuck: the probability of being stuck, the age of the cloud, and frames that agree."""

from functools import partial

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with

STEPS = 400


def drive(frame: Frame, step: int) -> Frame:
    """A long scene whose clouds are told apart by their first intensity; the second pose tells the
    frame as well.
    """
    points = frame.points[:20].copy()
    points[:, 3] = step / STEPS
    sweep_T = frame.sweep_T.copy()
    sweep_T[1, 0, 3] = -0.5 - step
    return frame.replace(
        token=f"drive-{step}",
        scene="drive",
        points=points,
        ring=frame.ring[:20],
        sweep_index=frame.sweep_index[:20],
        sweep_T=sweep_T,
        elongation=None,
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        previous=partial(drive, frame, step - 1) if step else None,
    )


def shown(frame: Frame) -> int:
    """The step whose cloud a frame shows."""
    return round(float(frame.points[0, 3]) * STEPS)


@pytest.mark.parametrize("hold", [1.5, 3.0, 10.0])
def test_clouds_are_held_for_the_stated_mean(street: Frame, hold: float) -> None:
    steps = [
        shown(corrupt_with(drive(street, i), "lidar_stuck", hold, seed=0)) for i in range(STEPS)
    ]
    fresh = np.array([cloud == i for i, cloud in enumerate(steps)])
    assert fresh[0]
    # A binomial share over 400 frames, 3.5 standard deviations.
    chance = 1 / hold
    assert fresh.mean() == pytest.approx(chance, abs=3.5 * np.sqrt(chance * (1 - chance) / STEPS))
    # All frames agree: a stuck one shows the very cloud that the one before it shows.
    assert all(fresh[i] or steps[i] == steps[i - 1] for i in range(1, STEPS))
    lengths = np.bincount(np.cumsum(fresh))[1:-1]
    assert lengths.mean() == pytest.approx(hold, rel=0.35)


def test_age_grows_with_severity_in_every_frame(street: Frame) -> None:
    ages = np.array(
        [
            [i - shown(corrupt(drive(street, i), "lidar_stuck", s, seed=0)) for s in range(6)]
            for i in range(60)
        ]
    )
    assert (ages[:, 0] == 0).all()
    assert (np.diff(ages, axis=1) >= 0).all()
    assert (np.diff(ages.mean(axis=0)) > 0).all()


def test_the_whole_old_cloud_comes_with_its_poses(street: Frame) -> None:
    for i in range(1, 20):
        frame = drive(street, i)
        after = corrupt(frame, "lidar_stuck", 5, seed=0)
        old = drive(street, shown(after))
        assert np.array_equal(after.points, old.points)
        assert np.array_equal(after.sweep_T, old.sweep_T)
        assert np.array_equal(after.boxes.boxes, frame.boxes.boxes, equal_nan=True)
        assert after.timestamp_s == frame.timestamp_s
    assert np.array_equal(
        corrupt(drive(street, 0), "lidar_stuck", 5, seed=0).points, drive(street, 0).points
    )


def test_no_hold_is_no_change(street: Frame) -> None:
    assert all(
        shown(corrupt_with(drive(street, i), "lidar_stuck", 1.0, seed=0)) == i for i in range(20)
    )


def test_the_held_cloud_went_through_the_corruptions_before(street: Frame) -> None:
    level = SPECS["intensity_shift"].value_at(5)
    for i in range(1, 12):
        frame = drive(street, i)
        step = shown(corrupt(frame, "lidar_stuck", 5, seed=0))
        both = corrupt(frame, "intensity_shift+lidar_stuck", 5, seed=0)
        assert both.points[0, 3] == pytest.approx(step / STEPS * level)


def test_a_cached_frame_is_not_shared(street: Frame) -> None:
    first = drive(street, 0)
    for i in range(1, 9):
        frame = drive(street, 1).replace(token=f"other-{i}", previous=lambda: first)
        after = corrupt(frame, "lidar_stuck", 5, seed=0)
        assert not np.may_share_memory(after.points, first.points)
        assert not np.may_share_memory(after.sweep_T, first.sweep_T)
