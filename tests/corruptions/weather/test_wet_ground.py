import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.weather.detection import FLOOR, detection_probability, received_power
from corruptions.weather.range_image import range_image
from corruptions.weather.water_film import covered_share, fresnel_reflectance, wet_darkening
from corruptions.weather.wet_camera import find_standing
from corruptions.weather.wet_ground import noise_floor, on_ground, wet_return


def test_fresnel_against_known_values() -> None:
    # ((n - 1) / (n + 1))^2 straight down; 34.8 % at 80 degrees for water; all at grazing incidence.
    assert fresnel_reflectance(np.array([1.0]))[0] == pytest.approx((0.33 / 2.33) ** 2, rel=1e-9)
    assert fresnel_reflectance(np.cos(np.radians([80.0])))[0] == pytest.approx(0.348, abs=0.003)
    assert fresnel_reflectance(np.array([0.0]))[0] == pytest.approx(1.0)
    brewster = np.arctan(1.33)
    across = (np.sin(brewster - (np.pi / 2 - brewster)) / np.sin(np.pi / 2)) ** 2
    assert fresnel_reflectance(np.cos([brewster]))[0] == pytest.approx(across / 2, rel=1e-9)


def test_wet_is_darker_and_energy_is_kept() -> None:
    cosine = np.linspace(0, 1, 50)
    passed = 1 - fresnel_reflectance(cosine)
    assert (wet_darkening(passed, passed) < 1).all()
    assert (wet_darkening(passed, passed) + fresnel_reflectance(cosine) <= 1).all()
    # Wet asphalt seen from above is about half as bright as dry (Lekner & Dorf 1988; Twomey 1986).
    assert 0.45 < wet_darkening(1.0, np.ones(1))[0] < 0.65
    assert covered_share(0.6) == pytest.approx(0.5)
    assert covered_share(9.0) == 1.0


@pytest.mark.parametrize("film", [0.2, 0.6, 1.2])
def test_the_echo_falls_towards_grazing_incidence(film: float) -> None:
    kept = wet_return(np.cos(np.radians(np.arange(0, 91))), covered_share(film))
    assert (np.diff(kept) < 1e-12).all()
    assert kept[90] == pytest.approx(1 - covered_share(film))


def test_grazing_ground_returns_are_lost_first_and_nothing_else(street: Frame) -> None:
    after = corrupt_with(street, "wet_ground", 1.2, seed=0)
    kept = np.zeros(len(street.points), np.bool_)
    index = {tuple(p): i for i, p in enumerate(street.points[:, :3])}
    rows = np.array([index[tuple(p)] for p in after.points[:, :3]])  # no point moves
    kept[rows] = True
    ground = on_ground(street)
    assert kept[~ground].all()
    assert np.array_equal(after.points[~ground[rows], 3], street.points[rows][~ground[rows], 3])
    reach = np.linalg.norm(street.points[:, :3], axis=1)
    near, far = ground & (reach < 8), ground & (reach > 20)
    assert kept[near].mean() > 0.99
    assert kept[far].mean() < 0.8


def test_only_the_road_changes_and_by_its_share(street: Frame) -> None:
    half, full = (corrupt_with(street, "wet_ground", film, seed=0) for film in (0.6, 1.2))
    above = range_image(street, 0)[:20]  # walls and sky
    assert len(above) == 20
    assert np.array_equal(full.images[0][:20], street.images[0][:20])
    # Along a row of road the change in linear light is as large as the covered share.
    dry, some, all_ = (to_linear(f.images[0][90]).mean() for f in (street, half, full))
    assert (some - dry) / (all_ - dry) == pytest.approx(0.5, abs=0.05)


def test_the_road_mirrors_the_wall_behind_it(street: Frame) -> None:
    # A white wall ahead (the bright part is the only light) under a black road: what the road shows is F times the wall.
    images = []
    for image in street.images:
        lit = np.zeros_like(image)
        lit[: image.shape[0] // 2 + 4] = 255
        images.append(lit)
    after = corrupt_with(street.replace(images=tuple(images)), "wet_ground", 1.2, seed=0)
    row = 70
    down = (row - 47.5) / street.camera_K[0, 1, 1]
    expected = fresnel_reflectance(np.array([down / np.sqrt(1 + down**2)]))[0]
    assert to_linear(after.images[0][row, 80])[0] == pytest.approx(expected, rel=0.25)
    # Straight below nothing bright is mirrored more than F of it: received <= emitted.
    assert to_linear(after.images[0][60:]).max() <= 1.0


def test_the_floor_is_found_from_the_weakest_ground_echoes() -> None:
    # Ground of reflectance 0.2 up to 30 m: no dry echo is near the floor of `detection`, but a sensor that reports none beyond
    # 30 m has a higher one. An echo at 30 m that keeps 0.7 of its power is then even odds, against certain survival before.
    clear = received_power(
        np.full(1000, 0.2, np.float32), np.linspace(5, 30, 1000, dtype=np.float32)
    )
    floor = noise_floor(clear)
    assert floor == pytest.approx(0.7 * 0.2 / 30**2, rel=0.02)
    dry = detection_probability(clear[-1:], np.array([0.7]), floor) * detection_probability(
        clear[-1:], np.ones(1), floor
    )
    assert dry[0] == pytest.approx(0.5 / 0.762, abs=0.02)  # Phi(0) / Phi(log(1 / 0.7) / 0.5)
    assert detection_probability(clear[-1:], np.array([0.7]))[0] > 0.99
    assert (
        detection_probability(clear[:1], np.array([0.3]), floor)[0] > 0.999
    )  # near echoes stand far above it
    assert noise_floor(clear[:0]) == noise_floor(clear / 100) == FLOOR


@pytest.mark.parametrize(("height", "rows"), [(0.05, 0.0), (0.4, 3.3), (1.5, 0.0)])
def test_what_stands_on_the_road_is_dry_to_its_foot(
    street: Frame, height: float, rows: float
) -> None:
    # A point 14 m before the camera. Up to 0.6 m high it hides the road below it: 0.4 m at 14 m of a focal length of 114 px.
    points = street.points[:1].copy()
    points[0, :3] = [14.5, 0.0, height - 1.8]
    frame = street.replace(
        points=points, ring=street.ring[:1], sweep_index=street.sweep_index[:1], elongation=None
    )
    found = find_standing(frame, 0, (96, 160), 1)
    if height < 0.1:
        assert not found.any()
        return
    row, column = np.nonzero(found)
    assert set(column) <= set(range(78, 82))
    assert np.ptp(row) == pytest.approx(rows + 2, abs=1)  # and a cell to either side
    top = (
        47.5 + street.camera_K[0, 1, 1] * (1.5 - height) / 14.0
    )  # the camera is 1.5 m above the road
    assert row.min() + 1 == pytest.approx(top, abs=1)


def test_reflections_have_no_vertical_edges(street: Frame) -> None:
    # A road under a white sky with one near dark thing: what the road mirrors goes over from one to the other gradually.
    after = corrupt_with(street, "wet_ground", 1.2, seed=0)
    added = to_linear(after.images[0])[..., 0] - to_linear(street.images[0])[..., 0] * 0.6
    row = abs(np.diff(added[92]))
    dry = abs(np.diff(to_linear(street.images[0])[92, :, 0]))
    assert row[dry < 1e-6].max() < 0.02
