import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.rng import make_generator
from corruptions.weather.particles import Particles, rain_drops, snow_flakes
from corruptions.weather.streaks import SMALLEST_PX, cover_image, draw_particles, splat_streaks

K = np.array([[1260.0, 0, 799.5], [0, 1260.0, 449.5], [0, 0, 1]])


@pytest.mark.parametrize("cell", [1, 2, 4, 8])
def test_a_streak_covers_its_area_about_its_middle(cell: int) -> None:
    drawn = splat_streaks(
        np.array([[40.0, 30.0]]), np.array([[44.0, 36.0]]), np.array([2.5]), cell, 90, 160
    )
    v, u = np.indices(drawn.shape)
    assert drawn.sum() == pytest.approx(2.5, rel=1e-5)
    assert (drawn * u).sum() / 2.5 == pytest.approx(42.0, abs=1e-3)
    assert (drawn * v).sum() / 2.5 == pytest.approx(33.0, abs=1e-3)


def test_streaks_outside_are_cut() -> None:
    a = np.array([[-500.0, 20.0], [5000.0, 20.0], [20.0, -90.0], [20.0, 900.0]])
    assert not splat_streaks(a, a + 1, np.ones(4), 2, 90, 160).any()


@pytest.mark.parametrize("particles", [rain_drops(25), snow_flakes(1)])
def test_drawn_particles_against_the_distribution(particles: Particles) -> None:
    # Within 3 m and larger than 2 mm (3 m is nearer than such a one can be seen): solid angle * 3^3
    # / 3 * N(> 2 mm).
    position, diameter = draw_particles(particles, K, 1600, 900, make_generator(0, "draw"))
    distance = np.linalg.norm(position, axis=1)
    assert (1260 * diameter / 1e3 / distance >= SMALLEST_PX * 0.999).all()
    near = (distance < 3) & (diameter > 2)
    v, u = np.indices((900, 1600))
    squared = 1 + ((u - 799.5) / 1260) ** 2 + ((v - 449.5) / 1260) ** 2
    solid_angle = (squared**-1.5).sum() / 1260**2
    expected = (
        solid_angle * (3.0**3 - 0.3**3) / 3 * float(particles.larger_than(np.array([2.0]))[0])
    )
    assert near.sum() == pytest.approx(expected, abs=5 * np.sqrt(expected))
    assert diameter[near].mean() == pytest.approx(
        2 + 1 / particles.slope, rel=0.1
    )  # exponential tail


def test_near_ones_are_larger_and_faster(street: Frame) -> None:
    def drawn(z: float) -> np.ndarray:
        ends = [(np.array([[0.0, y, z]]) @ K.T)[:, :2] / z for y in (-0.03, 0.03)]
        return splat_streaks(
            ends[0], ends[1], np.array([np.pi / 4 * (2e-3 * 1260 / z) ** 2]), 1, 900, 1600
        )

    near, far = drawn(1.0), drawn(4.0)
    assert (near.sum(axis=1) > 0).sum() > 3 * (far.sum(axis=1) > 0).sum()
    assert near.sum() > 10 * far.sum()


def test_drops_behind_a_wall_are_not_seen(street: Frame) -> None:
    particles = snow_flakes(3)
    free = cover_image(
        street,
        0,
        np.full((96, 160), np.inf, np.float32),
        particles,
        np.zeros(3),
        make_generator(0, "x"),
    )
    wall = cover_image(
        street,
        0,
        np.full((96, 160), 0.2, np.float32),
        particles,
        np.zeros(3),
        make_generator(0, "x"),
    )
    assert free.mean() > 0.001
    assert not wall.any()
    assert (free >= 0).all()
    assert free.max() <= 1


def test_streaks_fall_and_lean_with_the_wind(street: Frame) -> None:
    # A forward camera; wind to the left makes streaks lean: rows and columns of single streaks
    # correlate.
    big = street.replace(
        images=(np.zeros((450, 800, 3), np.uint8),) * 6,
        camera_K=np.tile([[600.0, 0, 399.5], [0, 600, 224.5], [0, 0, 1]], (6, 1, 1)),
    )
    far = np.full((225, 400), np.inf, np.float32)

    def slant(wind_left: float) -> float:
        drawn = cover_image(
            big, 0, far, rain_drops(2), np.array([0, wind_left, 0.0]), make_generator(0, "wind")
        )
        down, right = np.gradient(drawn)
        return float((down * right).mean() / np.sqrt((down**2).mean() * (right**2).mean()))

    def length(wind_left: float) -> float:
        drawn = cover_image(
            big, 0, far, rain_drops(2), np.array([0, wind_left, 0.0]), make_generator(0, "wind")
        )
        down, right = np.gradient(drawn)
        return float((right**2).mean() / (down**2).mean())

    assert length(0.0) > 2  # streaks are tall: brightness changes across them
    assert slant(4.0) > 0.1  # down and to the left: against each other
    assert slant(-4.0) < -0.1


def test_drops_differ_from_frame_to_frame(street: Frame) -> None:
    one = corrupt_with(street, "snowfall", 3, seed=0)
    two = corrupt_with(street.replace(token="next"), "snowfall", 3, seed=0)
    assert not np.array_equal(one.images[0], two.images[0])


def test_wide_cameras_see_fewer_particles_per_pixel_in_the_corners() -> None:
    # A pixel's solid angle falls with the cube of the cosine. The mean of 1 / cosine over the image
    # then is sum(cos^2) / sum(cos^3); focal length 100 px, 400 px wide.
    wide = np.array([[100.0, 0, 199.5], [0, 100.0, 199.5], [0, 0, 1]])
    drawn = [
        draw_particles(rain_drops(300), wide, 400, 400, make_generator(seed, "wide"))[0]
        for seed in range(40)
    ]
    position = np.concatenate(drawn)
    v, u = np.indices((400, 400))
    cosine = 1 / np.sqrt(1 + ((u - 199.5) / 100) ** 2 + ((v - 199.5) / 100) ** 2)
    expected = (cosine**2).sum() / (cosine**3).sum()
    inverse = np.linalg.norm(position, axis=1) / position[:, 2]
    assert inverse.mean() == pytest.approx(expected, abs=4 * inverse.std() / np.sqrt(len(inverse)))
    assert len(position) > 1000


def test_a_drop_falls_for_four_milliseconds(street: Frame) -> None:
    # Frames in which one drop alone is seen: the variance of its streak along the image's columns
    # is that of a line of v 4 ms focal / distance pixels, L^2 / 12, and a pixel's.
    particles, still = rain_drops(2.0), np.zeros(3)
    K = street.camera_K[0]
    far = np.full((96, 160), 1e3, np.float32)
    measured, expected = [], []
    for seed in range(400):
        position, diameter = draw_particles(particles, K, 160, 96, make_generator(seed, "one"))
        if len(position) != 1:
            continue
        u, v, _ = K @ position[0] / position[0, 2]
        length = float(particles.fall_speed(diameter)[0]) * 0.004 * K[1, 1] / position[0, 2]
        if not (20 < u < 140 and 20 < v < 76 and 2 < length < 15):
            continue
        covered = cover_image(street, 0, far, particles, still, make_generator(seed, "one"))
        rows = -np.log1p(-covered.astype(float)).sum(axis=1)
        at = np.arange(96)
        middle = (rows * at).sum() / rows.sum()
        measured.append((rows * (at - middle) ** 2).sum() / rows.sum())
        expected.append(length**2 / 12)
    assert len(measured) > 20
    assert np.mean(measured) == pytest.approx(np.mean(expected), rel=0.3, abs=0.3)
