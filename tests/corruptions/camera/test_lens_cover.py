"""What lies on a lens: ice, dirt, drops, an object."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.camera.frost import draw_needles, grow_ice
from corruptions.camera.lens_dirt import place_spots
from corruptions.camera.occlusion import draw_cover
from corruptions.camera.rain_drops import add_drops, place_drops
from corruptions.imaging.linear_light import to_linear

COVERS = ("frost", "lens_dirt", "rain_drops", "occlusion")


def touched(before: Frame, after: Frame) -> np.ndarray:
    return np.stack(
        [
            abs(a.astype(int) - b).max(axis=-1) > 2
            for a, b in zip(after.images, before.images, strict=True)
        ]
    )


@pytest.mark.parametrize("name", COVERS)
def test_stays_in_place_through_a_scene(street: Frame, name: str) -> None:
    other = street.replace(token="later", images=tuple(255 - image for image in street.images))
    first = touched(street, corrupt(street, name, 3, seed=0))
    later = touched(other, corrupt(other, name, 3, seed=0))
    elsewhere = touched(street, corrupt(street.replace(scene="another"), name, 3, seed=0))
    # What has the lens' own colour by chance does not count as touched.
    assert (first ^ later).mean() < 0.2 * first.mean()
    assert (first ^ elsewhere).mean() > (first ^ later).mean()


@pytest.mark.parametrize("name", COVERS)
def test_a_larger_severity_adds_to_a_smaller(street: Frame, name: str) -> None:
    masks = [touched(street, corrupt(street, name, severity, seed=0)) for severity in range(1, 6)]
    for less, more in itertools.pairwise(masks):
        assert (less & ~more).sum() < 0.1 * less.sum()


@pytest.mark.parametrize("share", [0.05, 0.3, 0.8])
def test_covers_its_share(share: float) -> None:
    rng = np.random.default_rng(0)
    assert (draw_cover(90, 160, share, rng) >= 0.5).mean() == pytest.approx(share, abs=0.002)
    assert place_spots(113, 200, share, rng)[0].mean() == pytest.approx(share, abs=0.002)
    assert (grow_ice(draw_needles(90, 160, rng), share, rng) >= 0.5).mean() == pytest.approx(
        share, abs=0.002
    )
    area = np.pi * place_drops(900, 1600, share, rng)[:, 2:].prod(axis=1)
    assert area.sum() >= share * 900 * 1600 > area[:-1].sum()


def test_an_object_hides_one_camera_only(street: Frame) -> None:
    after = corrupt_with(street, "occlusion", 0.4, seed=3)
    changed = [not np.array_equal(a, b) for a, b in zip(after.images, street.images, strict=True)]
    assert sum(changed) == 1
    dark = to_linear(after.images[changed.index(True)]).max(axis=-1) < 0.011
    assert 0.3 < dark.mean() < 0.4  # the rest of the 0.4 is the inner half of the soft edge
    hit = {
        tuple(
            np.array_equal(a, b)
            for a, b in zip(corrupt(f, "occlusion", 1, 0).images, f.images, strict=True)
        )
        for f in (street.replace(scene=f"s{i}") for i in range(30))
    }
    assert len(hit) == 6


def test_dirt_is_opaque_in_places_and_a_veil_in_others(street: Frame) -> None:
    # Of a fine chequer of black and white behind the lens: contrast gone, reduced, and whole.
    chequer = (
        (np.indices((192, 320)).sum(axis=0) % 2 * 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    )
    light = to_linear(
        corrupt_with(street.replace(images=(chequer,) * 6), "lens_dirt", 0.3, seed=0).images[0]
    )[..., 0]
    contrast = abs(light[:, 1:] - light[:, :-1]).ravel()
    assert (contrast > 0.95).mean() > 0.5
    assert (contrast < 0.1).mean() > 0.02
    assert ((contrast > 0.3) & (contrast < 0.65)).mean() > 0.02


def test_drops_show_the_scene_upside_down() -> None:
    # Bright above, dark below: inside a drop it is the other way round.
    image = np.full((400, 640, 3), 30, np.uint8)
    image[:200] = 220
    rng = np.random.default_rng(4)
    after = add_drops(image, 0.02, np.random.default_rng(4)).astype(float)
    found = place_drops(400, 640, 0.02, rng)
    row, column, high, _ = found[np.argmin(abs(found[:, 0] - 200))]
    assert high > 3
    up, down = (after[int(row + side * 0.4 * high), int(column), 0] for side in (-1, 1))
    assert down > up + 50


def test_ice_is_thicker_at_the_edges() -> None:
    rng = np.random.default_rng(0)
    ice = np.mean([grow_ice(draw_needles(90, 160, rng), 0.4, rng) for _ in range(6)], axis=0)
    assert ice[30:60, 50:110].mean() < 0.5 * ice.mean()
