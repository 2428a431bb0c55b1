import itertools

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with, measure_effect

RAYS = 3600


def turning(street: Frame, sweeps: int) -> Frame:
    """Sweeps of RAYS points on a circle of 10 m about the sensor, which was 1 m farther back at
    each.
    """
    azimuth = np.tile(np.linspace(-np.pi, np.pi, RAYS, endpoint=False), sweeps)
    index = np.repeat(np.arange(sweeps), RAYS)
    poses = np.tile(np.eye(4), (sweeps, 1, 1))
    poses[:, 0, 3] = -np.arange(sweeps)
    points = np.column_stack(
        [
            10 * np.cos(azimuth) - index,
            10 * np.sin(azimuth),
            0 * azimuth,
            0 * azimuth + 0.5,
            0.05 * index,
        ]
    ).astype(np.float32)
    ring = np.arange(len(points)).astype(np.int16)
    return street.replace(
        points=points, ring=ring, sweep_index=index.astype(np.int16), sweep_T=poses, elongation=None
    )


@pytest.mark.parametrize("sweeps", [2, 4, 10])
@pytest.mark.parametrize("share", [0.0, 0.2, 0.4, 0.6, 0.8, 1.0])
def test_whole_sweeps_and_one_sector_go(street: Frame, sweeps: int, share: float) -> None:
    after = corrupt_with(turning(street, sweeps), "sweep_dropout", share, seed=0)
    left = np.bincount(after.sweep_index, minlength=sweeps)
    assert left[0] == RAYS
    gone = RAYS - left[1:]
    assert gone.sum() == pytest.approx(share * (sweeps - 1) * RAYS, abs=1)
    assert ((gone > 0) & (gone < RAYS)).sum() <= 1
    assert len(after.sweep_T) == sweeps


def test_the_sector_is_one_piece_seen_from_its_sweep(street: Frame) -> None:
    after = corrupt_with(turning(street, 2), "sweep_dropout", 0.3, seed=3)
    ray = after.points[after.sweep_index == 1, :2] - [-1.0, 0.0]
    gaps = np.diff(np.sort(np.degrees(np.arctan2(ray[:, 1], ray[:, 0]))), append=0)
    gaps[-1] = 360 - gaps[:-1].sum()
    assert gaps.max() == pytest.approx(0.3 * 360, abs=0.2)
    assert np.sort(gaps)[-2] == pytest.approx(0.1, abs=0.01)


def test_larger_shares_lose_the_same_and_more(street: Frame) -> None:
    frame = turning(street, 6)
    kept = [
        set(corrupt_with(frame, "sweep_dropout", share, seed=0).ring)
        for share in (0.1, 0.33, 0.5, 0.77, 0.95)
    ]
    assert all(more < fewer for fewer, more in itertools.pairwise(kept))


def test_frames_lose_different_sweeps_and_a_single_sweep_stays(street: Frame) -> None:
    frame = turning(street, 6)
    lost = {
        tuple(
            np.unique(
                corrupt_with(frame.replace(token=f"t{n}"), "sweep_dropout", 0.6, seed=0).sweep_index
            )
        )
        for n in range(8)
    }
    assert len(lost) > 3
    single = turning(street, 1)
    assert (
        measure_effect(single, corrupt_with(single, "sweep_dropout", 1.0, seed=0)).changed == set()
    )


def test_a_frame_without_sweeps_stays(street: Frame) -> None:
    bare = street.replace(
        points=street.points[:0],
        ring=street.ring[:0],
        sweep_index=street.sweep_index[:0],
        elongation=None,
        sweep_T=np.zeros((0, 4, 4)),
    )
    assert len(corrupt_with(bare, "sweep_dropout", 0.5, seed=0).sweep_T) == 0
