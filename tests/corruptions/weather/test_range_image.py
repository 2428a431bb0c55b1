"""The estimated range of every cell against the street's exact geometry."""

import runpy
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from corruptions.weather.range_image import like_sky, range_image

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
        points=street.points[:0], ring=street.ring[:0], sweep_index=street.sweep_index[:0], elongation=None
    )
    found = range_image(blind, 0)
    # Camera 1.5 m above the road: 45 rows below the horizon at f = 114.3 px the road is 1.5 m * |ray| / tan away.
    v = 92
    down = (v - 47.5) / street.camera_K[0, 1, 1]
    assert found[v, 80] == pytest.approx(1.5 * np.sqrt(1 + down**2) / down, rel=0.01)
    assert np.isinf(found[:47]).all()


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
        points=street.points[keep], ring=street.ring[keep], sweep_index=street.sweep_index[keep], elongation=None
    )
    exact, found = truth(cut, 1), range_image(cut, 1)
    rows = np.flatnonzero(np.isfinite(exact[:, 80]))
    assert rows[0] < 30  # 17 rows above the horizon
    assert found[rows, 80] == pytest.approx(exact[rows, 80], rel=0.15)


def test_sky_above_a_wall_is_known_by_its_colour() -> None:
    # Three columns: certain sky; a red wall under red; a red wall under blue, like the sky.
    red, blue = [200, 30, 30], [40, 80, 220]
    colours = np.array([[blue, red, blue]] * 4 + [[blue, red, red]] * 12, np.float32)
    closed = np.zeros((16, 3), np.bool_)
    closed[4:, 1:] = True
    sky = np.zeros((16, 3), np.bool_)
    sky[:, 0] = True
    assert np.array_equal(like_sky(colours, closed, sky)[:4, 1:], [[False, True]] * 4)
    assert not like_sky(colours, closed, np.zeros((16, 3), np.bool_)).any()
