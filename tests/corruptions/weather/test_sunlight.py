import runpy
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import norm

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.rng import Streams, make_generator
from corruptions.weather.sunlight import (
    add_glare,
    draw_directions,
    free_sky,
    stiles_holladay,
    sun_direction,
    sunlit_points,
)

FORWARD = np.array([np.cos(np.radians(8)), 0.0, np.sin(np.radians(8))])


def test_stiles_holladay() -> None:
    # 10 lux / degrees^2: 50 klux at 10 degrees veils with 5000 cd/m^2, half of white.
    assert stiles_holladay(np.array([10.0, 5.0, 0.0]), 50.0) == pytest.approx(
        [0.5, 2.0, stiles_holladay(np.array([0.5]), 50.0)[0]]
    )


def test_one_sun_for_a_scene_seen_by_a_camera(street: Frame) -> None:
    suns = [
        sun_direction(street, Streams(0, s, t, "sunlight", v))
        for s, t, v in (("a", "1", 10), ("a", "2", 90), ("b", "1", 10))
    ]
    assert np.array_equal(suns[0], suns[1])
    assert not np.allclose(suns[0], suns[2])
    for sun in suns:
        assert np.linalg.norm(sun) == pytest.approx(1.0)
        assert 4 <= np.degrees(np.arcsin(sun[2])) <= 14
        assert max(camera[2, :3] @ sun for camera in street.camera_T_lidar) > np.cos(np.radians(25))


def towards(azimuth_deg: float, elevation_deg: float) -> np.ndarray:
    a, e = np.radians([azimuth_deg, elevation_deg])
    return np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])


def test_the_sky_is_free_where_neither_sensor_sees_a_thing(street: Frame) -> None:
    # Ahead the wall at 40 m is 3 m above the LiDAR: it ends at 4.3 degrees; to the left, at 15 m,
    # at 11.3 degrees.
    directions = np.stack([towards(0, 14), towards(0, 1), towards(90, 5), towards(90, 18)])
    assert free_sky(street, directions) == pytest.approx([1, 0, 0, 1], abs=0.02)


def test_a_return_of_the_lidar_or_a_thing_in_the_image_hides_the_sun(street: Frame) -> None:
    up = towards(0, 14)[None]
    points = np.concatenate([street.points, street.points[:1]])
    points[-1, :3] = 30 * up[0]
    rows = np.append(np.arange(len(street.points)), 0)
    hidden = street.replace(
        points=points,
        ring=street.ring[rows],
        sweep_index=street.sweep_index[rows] * 0,
        elongation=None,
    )
    assert free_sky(hidden, up)[0] <= 0.5
    blind = street.replace(
        images=(),
        camera_K=street.camera_K[:0],
        camera_T_lidar=street.camera_T_lidar[:0],
        camera_time_s=np.zeros(0),
    )
    assert free_sky(blind, up)[0] == 1.0


def test_the_first_free_direction_is_taken_or_the_freest(street: Frame) -> None:
    seen = set()
    for scene in map(str, range(12)):
        streams = Streams(0, scene, "t", "sunlight", 50.0)
        directions = draw_directions(street, streams.nested_per_scene("sun"))
        free = free_sky(street, directions)
        chosen = next(
            n for n, d in enumerate(directions) if np.array_equal(d, sun_direction(street, streams))
        )
        assert free[chosen] >= min(free.max(), 0.98)
        assert all(free[:chosen] < 0.98)
        seen.add(chosen)
    assert len(seen) > 1


@pytest.mark.parametrize("scene", ["a", "b", "c", "d"])
def test_the_camera_before_the_sun_sees_it_at_every_severity(street: Frame, scene: str) -> None:
    frame = street.replace(scene=scene)
    view = int(
        np.argmax(
            street.camera_T_lidar[:, 2, :3]
            @ sun_direction(frame, Streams(0, scene, "t", "sunlight", 1.0))
        )
    )
    for severity in (1, 5):
        after = corrupt(frame, "sunlight", severity, seed=0)
        change = to_linear(after.images[view]) - to_linear(frame.images[view])
        assert (change > 0.05).any(axis=-1).mean() > 0.02


def test_glare_in_the_cameras_that_see_it(street: Frame) -> None:
    after = [add_glare(street, view, FORWARD, 40.0) for view in range(6)]
    assert [not np.array_equal(a, b) for a, b in zip(after, street.images, strict=True)] == [
        True
    ] + [False] * 5
    # The disc is where the sun is: 8 degrees up, by the pinhole; 10 degrees to its side the veil is
    # 0.4 of white.
    u, v = street.camera_K[0, :2, 2] + [0, -street.camera_K[0, 1, 1] * np.tan(np.radians(8))]
    assert (after[0][round(v), round(u)] == 255).all()
    side = round(u + street.camera_K[0, 0, 0] * np.tan(np.radians(10)))
    added = to_linear(after[0])[round(v), side] - to_linear(street.images[0])[round(v), side]
    if (after[0][round(v), side] < 255).all():
        assert added == pytest.approx(0.4, rel=0.1)
    assert (after[0] >= street.images[0]).all()  # light is only added


def test_points_are_lost_noisy_and_false_towards_the_sun(street: Frame) -> None:
    ranges = np.full(20_000, 30.0)
    angle = np.radians(np.repeat([0.0, 5.0, 40.0, 170.0], 5000))
    points = np.zeros((len(ranges), 5), np.float32)
    points[:, 0], points[:, 1], points[:, 3] = ranges * np.cos(angle), ranges * np.sin(angle), 0.1
    zeros = np.zeros(len(points), np.int16)
    fan = street.replace(points=points, ring=zeros, sweep_index=zeros.copy(), elongation=None)
    sun = np.array([1.0, 0.0, 0.0])
    after = sunlit_points(fan, sun, 60.0, make_generator(0, "sun")).points
    bearing = np.degrees(np.arctan2(after[:, 1], after[:, 0]))
    shift = abs(np.linalg.norm(after[:, :3], axis=1) - 30)
    false, kept, noise = [], [], []
    for degrees in (0.0, 5.0, 40.0, 170.0):
        here = abs(bearing - degrees) < 0.1
        real = here & (shift < 1)
        false.append((here & ~real).sum() / 5000)
        kept.append(real.sum() / 5000)
        noise.append(float(shift[real].mean()))
    assert false[0] == pytest.approx(0.3, abs=0.03)  # 0.5 * 60 / 100
    assert false[0] > false[1] > false[2]
    assert false[1] == pytest.approx(0.048, abs=0.01)  # 0.3 (2 / 5)^2 at 5 degrees
    assert kept[0] < kept[1] < kept[2] <= kept[3]
    assert noise[0] > noise[1] > noise[2] > noise[3] > 0


def test_both_sensors_have_the_same_sun(street: Frame) -> None:
    after = corrupt_with(street, "sunlight", 100.0, seed=3)
    sun = sun_direction(street, Streams(3, street.scene, street.token, "sunlight", 100.0))
    whitest = max(range(6), key=lambda view: (after.images[view] == 255).all(-1).sum())
    assert street.camera_T_lidar[whitest, 2, :3] @ sun == max(
        c[2, :3] @ sun for c in street.camera_T_lidar
    )
    rays = after.points[:, :3] - street.sweep_T[after.sweep_index, :3, 3]
    distance = np.linalg.norm(rays, axis=1)
    clean = np.linalg.norm(street.points[:, :3], axis=1).max() + 1
    ghosts = distance > clean
    assert ghosts.any()
    assert np.median(rays[ghosts] @ sun / distance[ghosts]) > np.cos(np.radians(30))


def test_the_noise_is_doubled_at_ten_degrees_from_60_klux() -> None:
    # The variance is 1 + 5 klux / theta^2, so that the floor rises by sqrt(1 + 5 60 / 100) = 2. Of
    # targets at the median floor, Phi(log(1 / 2) / 0.5) / Phi(0) are left: 2 Phi(-1.386) = 0.166.
    street = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))["street_frame"]()
    n, distance = 40_000, 60.0
    points = np.zeros((n, 5), np.float32)
    angle = np.radians(10.0)
    points[:, 0], points[:, 1] = distance * np.cos(angle), distance * np.sin(angle)
    # The median point has the reflectance 0.2: a bright majority puts the others on the floor.
    points[:, 3] = 0.5
    dark = np.arange(n) % 3 == 0
    points[dark, 3] = 0.5 * (0.9 / 200**2 * distance**2) / 0.2
    zeros = np.zeros(n, np.int16)
    fan = street.replace(points=points, ring=zeros, sweep_index=zeros.copy(), elongation=None)
    after = sunlit_points(fan, np.array([1.0, 0, 0]), 60.0, make_generator(0, "sun")).points
    near = abs(np.linalg.norm(after[:, :3], axis=1) - distance) < 1
    left = (near & (after[:, 3] < 0.4)).sum() / dark.sum()
    quiet = 1 - 0.5 * 0.6 * 0.2**2  # the other beams report noise
    assert left == pytest.approx(quiet * 2 * norm.cdf(-np.log(2) / 0.5), rel=0.06)
