"""The estimated range of every cell against the street's exact geometry."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt
from corruptions.imaging.linear_light import to_linear
from corruptions.weather.range_image import REACH_M, View, like_sky, range_image

STREET = runpy.run_path(str(Path(__file__).parents[1] / "conftest.py"))


def truth(frame: Frame, view: int) -> np.ndarray:
    shape = frame.images[view].shape[:2]
    rays = STREET["camera_rays"](frame.camera_K[view], frame.camera_T_lidar[view], shape)
    return STREET["cast"](*rays)


@pytest.mark.parametrize("view", range(6))
def test_road_walls_and_sky(street: Frame, view: int) -> None:
    exact, found = truth(street, view), range_image(street, view)
    assert found.shape == exact.shape  # cells of one pixel in an image this small
    solid = np.isfinite(exact)
    with np.errstate(invalid="ignore"):
        error = abs(found / exact - 1)[solid]
    assert np.median(error) < 0.02
    assert (error < 0.15).mean() > 0.93
    # The sky is far, but for the margin at the walls' tops.
    assert np.isinf(found[~solid]).mean() > 0.9


def test_older_sweeps_are_not_used(street: Frame) -> None:
    points = street.points.copy()
    points[street.sweep_index == 1, :3] *= 0.2
    changed = street.replace(points=points)
    assert np.array_equal(range_image(changed, 0), range_image(street, 0))


def test_without_points_the_road_alone(street: Frame) -> None:
    blind = street.replace(
        points=street.points[:0],
        ring=street.ring[:0],
        sweep_index=street.sweep_index[:0],
        elongation=None,
    )
    found = range_image(blind, 0)
    # Camera 1.5 m above the road: 45 rows below the horizon at f = 114.3 px the road is 1.5 m *
    # |ray| / tan away.
    v = 92
    down = (v - 47.5) / street.camera_K[0, 1, 1]
    assert found[v, 80] == pytest.approx(1.5 * np.sqrt(1 + down**2) / down, rel=0.01)
    open_sky = np.isinf(truth(street, 0))
    open_sky[42:] = False  # two degrees above the horizon
    assert np.isinf(found[open_sky]).mean() > 0.9
    assert found[44:].max() <= REACH_M


def test_stray_points_in_the_sky_stay_sky(street: Frame) -> None:
    # Two echoes of a wire, high up before the first camera.
    wire = np.array([[20.0, 0.0, 6.0, 0.5, 0.0], [20.0, 0.4, 6.0, 0.5, 0.0]], np.float32)
    wired = street.replace(
        points=np.concatenate([street.points, wire]),
        ring=np.append(street.ring, np.int16([31, 31])),
        sweep_index=np.append(street.sweep_index, np.int16([0, 0])),
        elongation=None,
    )
    assert np.array_equal(range_image(wired, 0), range_image(street, 0))


def test_wall_above_the_highest_beam_goes_on(street: Frame) -> None:
    # With no beam above the horizon, the wall that the highest beams hit goes on above them.
    keep = street.ring <= 23
    cut = street.replace(
        points=street.points[keep],
        ring=street.ring[keep],
        sweep_index=street.sweep_index[keep],
        elongation=None,
    )
    exact, found = truth(cut, 1), range_image(cut, 1)
    rows = np.flatnonzero(np.isfinite(exact[:, 80]))
    assert rows[0] < 30  # 17 rows above the horizon
    assert found[rows, 80] == pytest.approx(exact[rows, 80], rel=0.15)


def test_sky_above_a_wall_is_known_by_its_colour() -> None:
    # Left: certain sky. Middle: a red wall under red. Right: a red wall under blue, like the sky.
    colours = np.full((16, 30, 3), [200, 30, 30], np.float32)
    colours[:, :10] = colours[:4, 20:] = [40, 80, 220]
    known, sky = np.zeros((16, 30), np.bool_), np.zeros((16, 30), np.bool_)
    known[4:, 10:] = sky[:, :10] = True
    found = like_sky(colours, known, sky, window=5)
    assert not found[:, 10:20].any()
    assert found[:4, 20:].all()
    assert not found[4:, 20:].any()
    assert not like_sky(colours, known, np.zeros_like(sky), window=5).any()


def without_points_beyond(frame: Frame, x_m: float) -> Frame:
    keep = frame.points[:, 0] < x_m
    return frame.replace(
        points=frame.points[keep],
        ring=frame.ring[keep],
        sweep_index=frame.sweep_index[keep],
        elongation=None,
    )


def towers(top: int) -> np.ndarray:
    """Two dark towers with storeys before a bright sky with a soft gradient, from row `top` down to
    the horizon.
    """
    image = np.empty((96, 160, 3), np.uint8)
    image[:] = np.linspace(180, 230, 96)[:, None, None]
    image[48:] = 90
    for left in (20, 100):
        image[top:48, left : left + 40] = 40
        image[top:48:4, left : left + 40] = 70
    return image


@pytest.mark.parametrize("top", [10, 24])
def test_structure_without_echoes_keeps_three_quarters_of_its_contrast_in_rain(
    street: Frame, top: int
) -> None:
    # 25 mm/h have a visibility of 1.1 km: an object at 100 m keeps exp(-0.277) = 75.8 % of its
    # contrast.
    blind = without_points_beyond(street, 1.0).replace(images=(towers(top),) * 6)
    rainy = to_linear(corrupt(blind, "rain", 3, seed=0).images[0])
    clean = to_linear(blind.images[0])

    def contrast(image: np.ndarray) -> float:
        """Of the storeys, in the middle of the towers and away from their edges."""
        rows = image[top + 10 : 44, [*range(34, 46), *range(114, 126)], 0]
        return float(np.median(rows, axis=1).std())

    assert contrast(rainy) / contrast(clean) == pytest.approx(0.758, abs=0.04)


def test_light_rain_leaves_no_flat_white(street: Frame) -> None:
    blind = without_points_beyond(street, 1.0).replace(images=(towers(20),) * 6)
    for image in corrupt(blind, "rain", 1, seed=0).images:
        assert (image.min(axis=-1) >= 250).mean() < 0.02


def test_sky_thins_out_with_its_elevation_and_ends_in_the_identity() -> None:
    sine = np.sin(np.radians([[2.0], [10.0], [30.0], [90.0]])).astype(np.float32)
    sky = View(np.full((4, 1), REACH_M, np.float32), np.ones((4, 1), np.float32), sine)
    expected = np.exp(-0.001 * 600 / sine)
    assert sky.transmission_through(0.001, 600.0) == pytest.approx(expected, rel=1e-5)
    assert sky.transmission_through(3e-9, 600.0) == pytest.approx(1.0, abs=1e-4)
