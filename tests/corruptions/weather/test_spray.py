import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.rng import make_generator
from corruptions.weather.plumes import Plumes, depth_along, depth_at, find_plumes
from corruptions.weather.spray import spray_points


def one() -> Plumes:
    return Plumes(start=np.array([20.0]), lane=np.array([0.0]), density=0.1, length_m=10.0)


def car(x: float, y: float, width: float = 1.8, top: float = 1.5, count: int = 300) -> np.ndarray:
    """(count, 3) points on a rear plane at x, from the road to `top` [m, ego frame]."""
    rng = np.random.default_rng(int(1000 + 10 * x + y))
    return np.column_stack(
        [np.full(count, x), y + width * (rng.random(count) - 0.5), top * rng.random(count)]
    )


def scene_of(street: Frame, *things: np.ndarray) -> Frame:
    """A flat road with these points on it; the frame's ego frame is HEIGHT below the LiDAR."""
    rng = np.random.default_rng(0)
    road = np.column_stack(
        [rng.uniform(-50, 50, 5000), rng.uniform(-8, 8, 5000), rng.normal(0, 0.02, 5000)]
    )
    xyz = np.concatenate([road, *things]) - street.ego_T_lidar[:3, 3]
    points = np.zeros((len(xyz), 5), np.float32)
    points[:, :3], points[:, 3] = xyz, 0.3
    zeros = np.zeros(len(points), np.int16)
    return street.replace(points=points, ring=zeros, sweep_index=zeros.copy(), elongation=None)


def test_an_empty_road_ahead_stays_as_it_is(street: Frame) -> None:
    empty, busy = scene_of(street), scene_of(street, car(15, 0))
    after = corrupt_with(empty, "spray", 130.0, seed=0)
    assert np.array_equal(after.images[0], empty.images[0])  # ahead
    assert not np.array_equal(after.images[3], empty.images[3])  # the own wake, behind
    assert not np.array_equal(corrupt_with(busy, "spray", 130.0, seed=0).images[0], busy.images[0])


def test_both_sensors_lose_by_the_same_depth(street: Frame) -> None:
    after = corrupt_with(street, "spray", 130.0, seed=0)
    plumes = find_plumes(street, 130.0)
    assert len(plumes.start) > 1
    rays = street.points[:, :3] / np.linalg.norm(street.points[:, :3], axis=1)[:, None]
    keep = street.sweep_index == 0
    table = depth_along(plumes, street.ego_T_lidar[:3, 3], rays[keep].astype(np.float64))
    depth = depth_at(table, np.linalg.norm(street.points[keep, :3], axis=1).astype(np.float32))
    now = {tuple(p[:3]): p[3] for p in after.points}
    clean = street.points[keep]
    pairs = [
        (np.log(c[3] / now[tuple(c[:3])]), t)
        for c, t in zip(clean, depth, strict=True)
        if tuple(c[:3]) in now
    ]
    loss, tau = np.array(pairs).T
    assert len(loss) > 1000
    assert np.corrcoef(loss, tau)[0, 1] > 0.98
    assert np.median(loss[tau > 0.1] / tau[tau > 0.1]) == pytest.approx(
        2.0, rel=0.1
    )  # there and back


def test_labels_are_not_read(street: Frame) -> None:
    blind = street.replace(boxes=type(street.boxes).empty())
    one, two = (corrupt_with(f, "spray", 130.0, seed=0) for f in (street, blind))
    assert np.array_equal(one.points, two.points)
    assert all(np.array_equal(a, b) for a, b in zip(one.images, two.images, strict=True))


def reported_by_spray(street: Frame, density: float) -> tuple[np.ndarray, np.ndarray]:
    """Return ranges and reflectances of echoes of an even cloud up to 20 m, targets at 100 m."""
    points = np.zeros((20_000, 5), np.float32)
    points[:, 0], points[:, 3] = 100.0, 0.5
    zeros = np.zeros(len(points), np.int16)
    line = street.replace(
        points=points,
        ring=zeros,
        sweep_index=zeros.copy(),
        elongation=None,
        ego_T_lidar=np.eye(4),
    )
    cloud = Plumes(np.array([20.0]), np.array([0.0]), density, 1e6)
    after = spray_points(line, cloud, make_generator(0, "spray")).points
    return after[:, 0], after[:, 3] * 0.4  # the median point, of 0.5, has the reflectance 0.2


def test_a_thick_cloud_returns_eight_percent(street: Frame) -> None:
    # exp(-2 alpha 3 m) is nothing; what answers from the first metre lost exp(-2 alpha r) at most.
    ranges, reflectance = reported_by_spray(street, 2.0)
    first = reflectance[ranges < 0.2]
    assert len(first) > 100
    assert first.max() == pytest.approx(0.08, rel=0.01)
    assert first.min() > 0.08 * np.exp(-2 * 2.0 * 1.0)


def test_three_metres_of_a_thin_cloud_answer_together(street: Frame) -> None:
    # 0.08 (1 - exp(-2 alpha 3 m)) exp(-2 alpha r), with clumps of median 1. Within 8 m the echoes
    # are stronger than floor and target.
    ranges, reflectance = reported_by_spray(street, 0.01)
    near = ranges < 8
    assert near.sum() > 500
    without_loss = reflectance[near] * np.exp(2 * 0.01 * ranges[near])
    assert np.median(without_loss) == pytest.approx(0.08 * (1 - np.exp(-0.06)), rel=0.05)
