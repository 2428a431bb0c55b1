"""The rays found from the cloud are those of the sensor."""

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from calico_eval.attacks.lidar.rays import rays_of


def matched(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(F,) index of the true direction that each found one is, within 2e-6 rad."""
    nearest = np.argmax(found @ true.T, axis=1)
    assert np.linalg.norm(found - true[nearest], axis=1).max() < 2e-6
    return nearest


def test_rays_that_returned_nothing_are_found_too(
    flat: Frame, sensor: tuple[np.ndarray, np.ndarray]
) -> None:
    directions, ring = sensor
    kept = np.random.default_rng(3).random(len(directions)) < 0.7
    frame = flat.take_points(kept)
    rays = rays_of(frame)
    index = matched(rays.direction, directions)
    assert np.array_equal(np.sort(index), np.arange(len(directions)))
    assert np.array_equal(rays.ring, ring[index])
    assert np.array_equal(rays.returns == 1, kept[index])
    assert np.array_equal(rays.ray_of_row, np.argsort(index)[np.flatnonzero(kept)])
    assert np.array_equal(frame.ring[rays.like], rays.ring)
    own = rays.returns == 1
    assert np.array_equal(rays.ray_of_row[rays.like[own]], np.flatnonzero(own))
    assert rays.reach_m == np.linalg.norm(frame.points[:, :3].astype(np.float64), axis=1).max()


def test_a_filled_ray_is_like_the_nearest_of_its_ring(flat: Frame) -> None:
    kept = np.ones(len(flat.points), bool)
    kept[10:13] = False
    frame = flat.take_points(kept)
    rays = rays_of(frame)
    empty = np.flatnonzero(rays.returns == 0)
    order = empty[np.argsort(np.arctan2(rays.direction[empty, 1], rays.direction[empty, 0]))]
    assert rays.like[order].tolist() in ([9, 9, 10], [9, 10, 10])


def test_without_rings_only_the_rays_that_returned_something_are_known(
    flat: Frame, sensor: tuple[np.ndarray, np.ndarray]
) -> None:
    kept = np.arange(len(flat.points)) % 5 != 0
    frame = flat.take_points(kept).replace(ring=np.full(int(kept.sum()), -1, np.int16))
    rays = rays_of(frame)
    assert len(rays) == kept.sum()
    assert (rays.returns == 1).all()
    assert np.array_equal(matched(rays.direction, sensor[0])[rays.ray_of_row], np.flatnonzero(kept))


def test_a_second_echo_is_on_the_ray_of_the_first(flat: Frame) -> None:
    rows = np.arange(100, 140, 2)
    echo = flat.points[rows].copy()
    echo[:, :3] *= 1.5
    frame = flat.replace(
        points=np.concatenate([flat.points, echo]),
        ring=np.concatenate([flat.ring, flat.ring[rows]]),
        sweep_index=np.zeros(len(flat.points) + len(rows), np.int16),
    )
    rays = rays_of(frame)
    assert len(rays) == len(flat.points)
    assert np.array_equal(rays.ray_of_row[len(flat.points) :], rays.ray_of_row[rows])
    assert (rays.returns == 2).sum() == len(rows)


def test_other_sweeps_have_no_ray_and_the_origin_is_the_sensors(
    flat: Frame, second_sweep: Callable[[Frame], Frame]
) -> None:
    frame = second_sweep(flat)
    moved = frame.sweep_T.copy()
    moved[0, :3, 3] = (0.2, -0.1, 0.05)
    points = frame.points.copy()
    points[:, :3] += np.float32([0.2, -0.1, 0.05])
    rays, before = rays_of(frame.replace(sweep_T=moved, points=points)), rays_of(frame)
    assert np.array_equal(rays.ray_of_row < 0, frame.sweep_index == 1)
    assert np.allclose(rays.direction, before.direction, atol=1e-6)


def test_a_cloud_without_points_has_no_rays(flat: Frame) -> None:
    rays = rays_of(flat.take_points(np.zeros(len(flat.points), bool)))
    assert len(rays) == 0
    assert rays.reach_m == 0.0


def test_a_window_holds_rays_with_all_their_returns(flat: Frame) -> None:
    rays = rays_of(flat)
    inside = rays.window(flat, 0.0, 10.0)
    azimuth = np.degrees(np.arctan2(rays.direction[:, 1], rays.direction[:, 0]))
    assert np.array_equal(inside, np.abs(azimuth) < 5.0)
    assert inside.sum() == 8 * 10
    assert rays.window(flat, 0.0, 360.0).all()
    behind = rays.window(flat, np.pi, 10.0)
    assert np.array_equal(behind, np.abs(azimuth) > 175.0)
    turn = np.deg2rad(0.2)  # a second echo a fifth of a step away, outside
    row = int(rays.like[np.flatnonzero(inside & (azimuth > 4))[0]])
    x, y, *rest = flat.points[row]
    echo = np.array(
        [[x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn), *rest]],
        np.float32,
    )
    frame = flat.replace(
        points=np.concatenate([flat.points, echo]),
        ring=np.append(flat.ring, flat.ring[row]),
        sweep_index=np.zeros(len(flat.points) + 1, np.int16),
    )
    narrow = rays_of(frame).window(frame, 0.0, 9.2)  # the echo is at 4.7 degrees, its ray at 4.5
    assert rays_of(flat).window(flat, 0.0, 9.2).sum() == 80
    assert narrow.sum() == 79
