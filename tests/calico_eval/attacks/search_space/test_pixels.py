"""Delivery of an L2 change: whole levels, nearest to what was searched, never over, and of the full
norm."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from calico.frame import Frame
from calico_eval.attacks import Threat, measure_budget
from calico_eval.attacks.search_space.joint import PixelDomain, make_domain
from calico_eval.attacks.search_space.pixels import rounded_within


def grey(*levels: int) -> np.ndarray:
    """A view of one row of pixels; the last channels are 100."""
    image = np.full((1, len(levels), 3), 100, np.uint8)
    image[0, :, 0] = levels
    return image


def squares(images: tuple[np.ndarray, ...], clean: list[np.ndarray]) -> int:
    return sum(
        int(((a.astype(int) - b.astype(int)) ** 2).sum())
        for a, b in zip(images, clean, strict=True)
    )


def test_what_fits_is_rounded_to_the_nearest_level() -> None:
    clean = [grey(10, 20, 30), grey(250)]
    exact = [view.astype(float) for view in clean]
    exact[0][0, :, 0] += [1.4, -0.6, 0.4]
    exact[1][0, 0, 0] += 5.6  # past 255
    images = rounded_within(exact, clean, 5.0)
    assert images[0][0, :, 0].tolist() == [11, 19, 30]
    assert images[1][0, 0, 0] == 255
    assert [image[..., 1:].tolist() for image in images] == [
        image[..., 1:].tolist() for image in clean
    ]


def test_what_is_over_budget_gives_back_the_least_certain_roundings_first() -> None:
    """12 values, changes of exact squares 1.6^2 + 2.55^2 + 0.9^2 = 9.87, rounded 2, 3, 1: squares
    14, 13, 10 or 9."""
    clean = [grey(10, 20, 30, 40)]
    exact = [clean[0].astype(float)]
    exact[0][0, :3, 0] += [1.6, -2.55, 0.9]
    changes = {
        14: [2, -3, 1, 0],
        13: [
            2,
            -2,
            1,
            0,
            # 2.55 was made larger by most, 0.45; giving it back saves 5, and 1 was over
        ],
        9: [2, -2, 1, 0],
        8: [1, -2, 1, 0],  # then 1.6
        5: [1, -2, 0, 0],  # then 0.9
        0: [0, 0, 0, 0],
    }
    for allowed, expected in changes.items():
        (image,) = rounded_within(exact, clean, (allowed / 12) ** 0.5)
        assert (image[0, :, 0].astype(int) - clean[0][0, :, 0]).tolist() == expected, allowed


@pytest.mark.parametrize("seed", range(40))
def test_never_over_and_no_single_level_can_be_had_back(seed: int) -> None:
    """Against all that a change by rounding could be: nothing that was given back fits into what is
    left, but for the last."""
    rng = np.random.default_rng(seed)
    clean = [
        rng.integers(0, 256, (3, 4, 3), dtype=np.uint8),
        rng.integers(0, 256, (2, 2, 3), dtype=np.uint8),
    ]
    rms = float(rng.uniform(0.2, 6.0))
    change = np.concatenate([rng.standard_normal(view.size) for view in clean])
    change *= rms * len(change) ** 0.5 / np.linalg.norm(change)
    parts = np.split(change, [clean[0].size])
    exact = [
        (view + part.reshape(view.shape)).clip(0, 255)
        for view, part in zip(clean, parts, strict=True)
    ]
    images = rounded_within(exact, clean, rms)
    allowed = rms**2 * len(change)
    used = squares(images, clean)
    assert used <= allowed
    nearest = [np.rint(view).astype(np.uint8) for view in exact]
    over = squares(tuple(nearest), clean)
    if over <= allowed:
        assert all(np.array_equal(a, b) for a, b in zip(images, nearest, strict=True))
        return
    given_back = np.concatenate(
        [
            (np.abs(a.astype(int) - c) - np.abs(b.astype(int) - c)).ravel()
            for a, b, c in zip(nearest, images, clean, strict=True)
        ]
    )
    assert set(given_back.tolist()) <= {0, 1}
    size = np.concatenate(
        [np.abs(b.astype(int) - c).ravel() for b, c in zip(images, clean, strict=True)]
    )
    assert used + max(2 * size[given_back == 1] + 1) > allowed, (
        "one of them fits: more was given back than needed"
    )
    surplus = np.concatenate(
        [
            (np.abs(a.astype(int) - c) - np.abs(e - c)).ravel()
            for a, e, c in zip(nearest, exact, clean, strict=True)
        ]
    )
    kept = (given_back == 0) & (
        np.concatenate([(a != c).ravel() for a, c in zip(nearest, clean, strict=True)])
    )
    assert surplus[given_back == 1].min() >= surplus[kept].max(initial=-1.0) - 1e-12


def test_exhaustively_on_three_values_the_result_is_within_budget_and_towards_the_search() -> None:
    clean = [np.array([[[1, 100, 254]]], np.uint8)]
    for steps in product((-1.5, -0.7, 0.0, 0.5, 1.3), repeat=3):
        exact = [(clean[0] + np.array(steps)).clip(0, 255)]
        for rms in (0.3, 0.58, 1.0, 1.5):
            (image,) = rounded_within(exact, clean, rms)
            change = image.astype(int) - clean[0]
            assert np.sqrt((change**2).mean()) <= rms
            assert (change * (exact[0] - clean[0]) >= 0).all(), "no change away from the search"


@pytest.mark.parametrize("rms", [0.5, 1.0, 2.0, 4.0, 8.0])
def test_control_and_attack_have_the_same_norm(rms: float, street_frame: Frame) -> None:
    """Steps along a direction of heavy tails, as gradients have, end as far from the clean frame as
    the noise does."""
    domain = make_domain([street_frame], Threat(camera_rms=rms), torch.device("cpu"))
    direction = torch.randn(domain.clean.shape, generator=torch.Generator().manual_seed(1)) ** 3
    x = domain.clean
    for _ in range(6):
        x = domain.ascend(x, direction, 0.5)
    noise = domain.corner([torch.Generator().manual_seed(2)])
    found = [
        measure_budget(street_frame, domain.deliver_frames(place)[0]).camera_rms
        for place in (x, noise)
    ]
    assert max(found) <= rms
    assert found[1] > 0.999 * rms
    assert found[0] == pytest.approx(found[1], rel=0.02 if rms >= 1 else 0.05)


def test_the_radius_is_each_frames_own(street_frame: Frame) -> None:
    """Root mean square: of a frame with a quarter of the pixels, half the L2 norm; alone or in
    company."""
    small = street_frame.replace(
        images=tuple(image[:16, :32].copy() for image in street_frame.images)
    )
    domain = PixelDomain([street_frame, small], Threat(camera_rms=3.0), torch.device("cpu"))
    values = sum(image.size for image in street_frame.images)
    assert domain.radius.flatten().tolist() == pytest.approx(
        [3 * values**0.5 / 255, 1.5 * values**0.5 / 255]
    )
    assert domain.eps == pytest.approx(1.5 * values**0.5 / 255)


def test_views_of_different_sizes_leave_their_padding_alone(street_frame: Frame) -> None:
    images = (street_frame.images[0][:24, :50].copy(), *street_frame.images[1:])
    domain = PixelDomain(
        [street_frame.replace(images=images)], Threat(camera_levels=4), torch.device("cpu")
    )
    padded = domain.make_batch(torch.ones_like(domain.clean)).images
    assert not padded[0, 0, :, 24:].any()
    assert not padded[0, 0, :, :, 50:].any()
    assert padded[0, 0, :, :24, :50].all()
