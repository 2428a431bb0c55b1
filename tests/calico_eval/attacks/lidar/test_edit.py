"""A changed cloud: rows that stay keep their bytes, new ones are what the sensor could have
delivered."""

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from calico_eval.attacks.lidar.edit import (
    Returns,
    add_returns,
    choose_within_budget,
    range_limits,
)
from calico_eval.attacks.lidar.rays import rays_of


def test_new_returns_take_the_place_of_the_old_ones(make_flat: Callable[..., Frame]) -> None:
    frame = make_flat(elongation=True)
    rays = rays_of(frame)
    ray = np.array([7, 500, 2000])
    changed = add_returns(
        frame, rays, Returns(ray, np.array([2.0, 3.0, 4.0]), np.array([0.0, 0.25, 1.0]))
    )
    gone = np.isin(rays.ray_of_row, ray)
    assert gone.sum() == 3
    assert changed.points[:-3].tobytes() == frame.points[~gone].tobytes()
    assert np.array_equal(changed.ring[:-3], frame.ring[~gone])
    new = changed.points[-3:]
    assert np.allclose(new[:, :3], rays.direction[ray] * np.array([[2.0], [3.0], [4.0]]), atol=1e-6)
    assert new[:, 3].tolist() == [0.0, 0.25, 1.0]
    assert (new[:, 4] == np.float32(0.01)).all()
    assert changed.ring[-3:].tolist() == rays.ring[ray].tolist()
    assert not changed.sweep_index[-3:].any()
    assert frame.elongation is not None
    assert changed.elongation is not None
    assert np.array_equal(changed.elongation[-3:], frame.elongation[rays.like[ray]])
    assert changed.ring.dtype == changed.sweep_index.dtype == np.int16


def test_returns_of_other_sweeps_stay(flat: Frame, second_sweep: Callable[[Frame], Frame]) -> None:
    frame = second_sweep(flat)
    rays = rays_of(frame)
    everything = np.arange(len(rays))
    changed = add_returns(
        frame, rays, Returns(everything, np.full(len(rays), 5.0), np.full(len(rays), 0.5))
    )
    assert np.array_equal(
        changed.points[: (frame.sweep_index == 1).sum()], frame.points[frame.sweep_index == 1]
    )
    assert (changed.sweep_index == 0).sum() == len(rays)


def test_the_budget_takes_the_first_that_fit(flat: Frame) -> None:
    kept = np.ones(len(flat.points), bool)
    kept[[4, 6]] = False
    rays = rays_of(flat.take_points(kept))
    empty = np.flatnonzero(rays.returns == 0)
    wanted = np.array([3, 3, empty[0], 8, empty[1], 9])
    none = np.zeros(0, np.int64)
    assert choose_within_budget(rays, wanted, none, 9, 9).tolist() == [0, 2, 3, 4, 5]
    assert choose_within_budget(rays, wanted, none, 3, 9).tolist() == [0, 2, 3]
    assert choose_within_budget(rays, wanted, none, 9, 1).tolist() == [0, 2, 4]
    assert choose_within_budget(rays, wanted, none, 9, 0).tolist() == [2, 4]
    assert choose_within_budget(rays, wanted, np.array([3, empty[0]]), 4, 2).tolist() == [3, 4]


def test_range_limits_survive_float32(flat: Frame) -> None:
    rays = rays_of(flat)
    low, high = range_limits(rays, 1.0)
    every = np.arange(len(rays))
    for value in (low, high):
        changed = add_returns(
            flat, rays, Returns(every, np.full(len(rays), value), np.zeros(len(rays)))
        )
        ranges = np.linalg.norm(changed.points[:, :3].astype(np.float64), axis=1)
        assert ranges.min() >= 1.0
        assert ranges.max() <= rays.reach_m
        assert np.abs(ranges - value).max() < 1e-4
