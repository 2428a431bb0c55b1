import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt_with
from corruptions.imaging.linear_light import to_linear
from corruptions.weather.range_image import range_image
from corruptions.weather.water_film import fresnel_reflectance
from corruptions.weather.wet_camera import find_standing


def test_only_the_road_changes_and_by_its_share(street: Frame) -> None:
    half, full = (corrupt_with(street, "wet_ground", film, seed=0) for film in (0.6, 1.2))
    above = range_image(street, 0)[:20]  # walls and sky
    assert len(above) == 20
    assert np.array_equal(full.images[0][:20], street.images[0][:20])
    # Along a row of road the change in linear light is as large as the covered share.
    dry, some, all_ = (to_linear(f.images[0][90]).mean() for f in (street, half, full))
    assert (some - dry) / (all_ - dry) == pytest.approx(0.5, abs=0.05)


def test_the_road_mirrors_the_wall_behind_it(street: Frame) -> None:
    # A white wall ahead (the bright part is the only light) under a black road: what the road shows
    # is F times the wall.
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


@pytest.mark.parametrize(("height", "rows"), [(0.05, 0.0), (0.4, 3.3), (1.5, 0.0)])
def test_what_stands_on_the_road_is_dry_to_its_foot(
    street: Frame, height: float, rows: float
) -> None:
    # A point 14 m before the camera. Up to 0.6 m high it hides the road below it: 0.4 m at 14 m of
    # a focal length of 114 px.
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
    # A road under a white sky with one near dark thing: what the road mirrors goes over from one to
    # the other gradually.
    after = corrupt_with(street, "wet_ground", 1.2, seed=0)
    added = to_linear(after.images[0])[..., 0] - to_linear(street.images[0])[..., 0] * 0.6
    row = abs(np.diff(added[92]))
    dry = abs(np.diff(to_linear(street.images[0])[92, :, 0]))
    assert row[dry < 1e-6].max() < 0.02
