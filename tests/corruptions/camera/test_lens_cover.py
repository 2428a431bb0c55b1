"""What lies on a lens: ice, dirt, drops, an object."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt
from corruptions.camera.frost import draw_needles, grow_ice
from corruptions.camera.lens_dirt import place_spots
from corruptions.camera.occlusion import draw_cover
from corruptions.camera.rain_drops import place_drops

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
