import numpy as np
import pytest
from scipy.integrate import quad

from calico.frame import Frame
from corruptions.weather.plumes import Plumes, depth_along, depth_at, find_plumes, find_rears


def one() -> Plumes:
    return Plumes(start=np.array([20.0]), lane=np.array([0.0]), density=0.1, length_m=10.0)


def test_a_wake_by_hand() -> None:
    where = np.array([[15.0, 0.0, 0.0], [15.0, 1.15, 0.8], [20.1, 0.0, 0.0]], np.float32)
    # 5 m behind: exp(-0.5); one width (0.9 + 0.25) aside and one height (0.6 + 0.2) up: exp(-1.5)
    # more. Ahead nothing.
    assert one().extinction_at(where) == pytest.approx(
        [0.1 * np.exp(-0.5), 0.1 * np.exp(-2.0), 0.0], rel=1e-5
    )


def test_depth_along_a_ray_against_quadrature() -> None:
    origin, direction = np.array([0.0, 0.5, 1.5]), np.array([1.0, 0.02, -0.05])
    direction /= np.linalg.norm(direction)
    table = depth_along(one(), origin, direction[None])
    for distance in (5.0, 14.5, 19.0, 30.0):
        exact = quad(
            lambda r: float(one().extinction_at((origin + r * direction).astype(np.float32))),
            0,
            distance,
            points=[20.0],
        )[0]
        assert depth_at(table, np.array([distance], np.float32))[0] == pytest.approx(
            exact, rel=0.02
        )


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


def test_denser_and_longer_with_speed(street: Frame) -> None:
    slow, fast = (find_plumes(scene_of(street, car(20, 0)), speed) for speed in (50.0, 100.0))
    assert np.array_equal(slow.start, fast.start)
    assert fast.density == pytest.approx(slow.density * 2**2.5)
    assert fast.length_m == 2 * slow.length_m


def test_wakes_are_behind_what_is_there(street: Frame) -> None:
    # The nearest of two cars in the own lane, one that is off its lane's middle to the left, none
    # to the right.
    frame = scene_of(street, car(20, 0.2), car(30, 0.0), car(14, 4.1), car(44, -3.5))
    rears = find_rears(frame)
    assert [x for x, _ in rears] == pytest.approx([20, 14], abs=0.2)
    assert [y for _, y in rears] == pytest.approx([0.2, 4.1], abs=0.2)


def test_a_vehicle_between_two_lanes_has_one_wake(street: Frame) -> None:
    assert len(find_rears(scene_of(street, car(20, 1.75)))) == 1


@pytest.mark.parametrize(
    "thing",
    [
        car(15, 0, width=0.4),  # a person, a post
        car(15, 0, width=12.0, count=3000),  # a wall across the road
        car(15, 0, top=0.5),  # a kerb, a load on the road
        car(15, 0, count=4),  # stray points
        car(4, 0),  # the own bonnet
        car(-15, 0),  # behind
    ],
)
def test_what_is_no_vehicle_ahead_has_no_wake(street: Frame, thing: np.ndarray) -> None:
    assert find_rears(scene_of(street, thing)) == []


def test_density_and_length_of_a_wake_by_hand(street: Frame) -> None:
    # 0.05 per metre at 100 km/h, with the speed to the power of 2.5; 0.25 s of driving long.
    for speed_km_h, density, length_m in ((100.0, 0.05, 6.944), (50.0, 0.008839, 3.472)):
        plumes = find_plumes(street, speed_km_h)
        assert plumes.density == pytest.approx(density, rel=1e-3)
        assert plumes.length_m == pytest.approx(length_m, rel=1e-3)


def test_a_camera_along_a_whole_wake_loses_six_percent() -> None:
    wake = Plumes(np.array([10.0]), np.array([0.0]), density=0.05, length_m=100 / 3.6 * 0.25)
    depth = depth_along(wake, np.array([-30.0, 0.0, 1.5]), np.array([[1.0, 0.0, 0.0]]))[0, -1]
    assert 1 - np.exp(-depth) == pytest.approx(0.06, abs=0.005)
