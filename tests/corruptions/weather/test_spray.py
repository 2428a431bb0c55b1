import numpy as np
import pytest
from scipy.integrate import quad

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.rng import Streams
from corruptions.weather.plumes import Plumes, depth_along, depth_at, scene_plumes


def one() -> Plumes:
    return Plumes(start=np.array([20.0]), lane=np.array([0.0]), density=0.1, length_m=10.0)


def test_a_wake_by_hand() -> None:
    where = np.array([[15.0, 0.0, 0.0], [15.0, 1.15, 0.8], [20.1, 0.0, 0.0]], np.float32)
    # 5 m behind: exp(-0.5); one width (0.9 + 0.25) aside and one height (0.6 + 0.2) up: exp(-1.5) more. Ahead nothing.
    assert one().extinction(where) == pytest.approx([0.1 * np.exp(-0.5), 0.1 * np.exp(-2.0), 0.0], rel=1e-5)


def test_depth_along_a_ray_against_quadrature() -> None:
    origin, direction = np.array([0.0, 0.5, 1.5]), np.array([1.0, 0.02, -0.05])
    direction /= np.linalg.norm(direction)
    table = depth_along(one(), origin, direction[None])
    for distance in (5.0, 14.5, 19.0, 30.0):
        exact = quad(
            lambda r: float(one().extinction((origin + r * direction).astype(np.float32))), 0, distance, points=[20.0]
        )[0]
        assert depth_at(table, np.array([distance], np.float32))[0] == pytest.approx(exact, rel=0.02)


def test_denser_and_longer_with_speed_and_lasting_for_a_scene() -> None:
    slow, fast = (scene_plumes(v, Streams(0, "a", t, "spray", v)) for v, t in ((50.0, "1"), (100.0, "2")))
    assert np.array_equal(slow.start, fast.start)
    assert fast.density == pytest.approx(slow.density * 2**2.5)
    assert fast.length_m == 2 * slow.length_m


def test_both_sensors_lose_by_the_same_depth(street: Frame) -> None:
    after = corrupt_with(street, "spray", 130.0, seed=0)
    plumes = scene_plumes(130.0, Streams(0, street.scene, street.token, "spray", 130.0))
    rays = street.points[:, :3] / np.linalg.norm(street.points[:, :3], axis=1)[:, None]
    keep = street.sweep_index == 0
    table = depth_along(plumes, street.ego_T_lidar[:3, 3], rays[keep].astype(np.float64))
    depth = depth_at(table, np.linalg.norm(street.points[keep, :3], axis=1).astype(np.float32))
    now = {tuple(p[:3]): p[3] for p in after.points}
    clean = street.points[keep]
    pairs = [(np.log(c[3] / now[tuple(c[:3])]), t) for c, t in zip(clean, depth, strict=True) if tuple(c[:3]) in now]
    loss, tau = np.array(pairs).T
    assert len(loss) > 1000
    assert np.corrcoef(loss, tau)[0, 1] > 0.98
    assert np.median(loss[tau > 0.1] / tau[tau > 0.1]) == pytest.approx(2.0, rel=0.1)  # there and back


def test_labels_are_not_read(street: Frame) -> None:
    blind = street.replace(boxes=type(street.boxes).empty())
    one, two = (corrupt_with(f, "spray", 130.0, seed=0) for f in (street, blind))
    assert np.array_equal(one.points, two.points)
    assert all(np.array_equal(a, b) for a, b in zip(one.images, two.images, strict=True))
