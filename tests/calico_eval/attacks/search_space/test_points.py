"""Points: not below r_min, intensities within 0..1 or where they are, gradients that come back from
a limit."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from calico.frame import Frame
from calico_eval.attacks import Threat, check_budget, measure_budget
from calico_eval.attacks.search_space.joint import make_domain

CPU = torch.device("cpu")


@pytest.fixture
def near(street_frame: Frame) -> Frame:
    """The street with two points just beyond r_min and two within it."""
    points = street_frame.points.copy()
    points[:4, :3] = [[1.02, 0, 0], [0, 1.3, 0], [0.5, 0.5, 0], [0, 0, 0]]
    return street_frame.replace(points=points)


def test_no_point_comes_closer_than_r_min_and_closer_ones_stay(near: Frame) -> None:
    threat = Threat(range_m=0.5)
    domain = make_domain([near], threat, CPU)
    lowest = []
    for seed in range(6):
        (frame,) = domain.deliver_frames(domain.corner([torch.Generator().manual_seed(seed)]))
        assert check_budget(threat, measure_budget(near, frame))[0]
        ranges = np.linalg.norm(frame.points[:4, :3].astype(np.float64), axis=1)
        assert (ranges[:2] >= 1.0).all()
        assert np.array_equal(frame.points[2:4], near.points[2:4])
        lowest.append(ranges[:2].min())
    assert min(lowest) < 1.001


def test_ends_of_the_latent_are_the_ends_of_the_ray(near: Frame) -> None:
    """The point at (0, 1.3) under 0.2 m: nearer or farther along y alone, from its own sweep's
    sensor."""
    sweeps = np.tile(np.eye(4), (2, 1, 1))
    sweeps[1, :2, 3] = (-3.0, 1.3)
    index = np.zeros(len(near.points), np.int16)
    index[1] = 1
    frame = near.replace(sweep_T=sweeps, sweep_index=index)
    domain = make_domain([frame], Threat(range_m=0.2), CPU)
    for latent, x in ((0.0, -0.2), (0.5, 0.0), (0.75, 0.1), (1.0, 0.2)):
        (moved,) = domain.deliver_frames(torch.full_like(domain.clean, latent))
        assert moved.points[1, :3] == pytest.approx([x, 1.3, 0.0], abs=1e-6)
        assert np.array_equal(moved.points[:, 3:], frame.points[:, 3:])


def test_an_intensity_stays_within_0_and_1_or_where_it_is(street_frame: Frame) -> None:
    points = street_frame.points.copy()
    points[:5, 3] = [0.0, 0.05, 1.0, 1.7, -0.3]  # some loaders keep raw values
    frame = street_frame.replace(points=points)
    domain = make_domain([frame], Threat(intensity=0.1), CPU)
    down, up = (
        domain.deliver_frames(torch.full_like(domain.clean, end))[0].points[:5, 3]
        for end in (0.0, 1.0)
    )
    assert down == pytest.approx([0.0, 0.0, 0.9, 1.6, -0.3], abs=1e-6)
    assert up == pytest.approx([0.1, 0.15, 1.0, 1.7, -0.2], abs=1e-6)


def test_raw_intensities_are_within_budget_to_the_last_digit(street_frame: Frame) -> None:
    """At 200 a float32 knows steps of 1.5e-5: rounding alone would overstep a budget of 0.1."""
    points = street_frame.points.copy()
    points[:, 3] *= 255.0
    frame, threat = street_frame.replace(points=points), Threat(intensity=0.1)
    domain = make_domain([frame], threat, CPU)
    (moved,) = domain.deliver_frames(torch.zeros_like(domain.clean))
    budget = measure_budget(frame, moved)
    assert check_budget(threat, budget)[0]
    assert budget.intensity > 0.0999


@pytest.mark.parametrize(
    "threat",
    [Threat(intensity=0.1), Threat(range_m=0.5), Threat(camera_levels=8, range_m=0.5)],
    ids=str,
)
def test_a_number_beyond_its_limit_still_feels_the_gradient(near: Frame, threat: Threat) -> None:
    """A random start puts half of the black pixels, dark points and points at r_min beyond what may
    be: they must come back."""
    points, images = near.points.copy(), tuple(np.zeros_like(image) for image in near.images)
    points[:, 3] = 0.0
    frame = near.replace(points=points, images=images)
    domain = make_domain([frame], threat, CPU)
    x = torch.full_like(domain.clean, 0.1).requires_grad_(True)
    batch = domain.make_batch(x)
    assert float(batch.images.detach().min()) >= 0.0
    free = torch.from_numpy(np.linalg.norm(points[:, :3], axis=1) > 1.001)
    wanted = (
        batch.images.sum() + batch.points[0, free, :4].abs().sum() + batch.points[0, :, 3].sum()
    )
    (gradient,) = torch.autograd.grad(wanted, x)
    alive = gradient != 0
    assert bool(alive[..., : -len(points)].all())
    if threat.range_m:
        assert torch.equal(alive.flatten()[-len(points) :], free)
    else:
        assert bool(alive.all())


@pytest.mark.parametrize(
    "threat", [Threat(range_m=0.1), Threat(axis_m=0.1), Threat(axis_m=0.1, intensity=0.1)]
)
def test_zeros_keep_their_sign(near: Frame, threat: Threat) -> None:
    """Real clouds hold -0.0; -0.0 + 0.0 is 0.0, other bytes, and S1 takes the frame for changed."""
    points = near.points.copy()
    points[::2, 2:4] = -0.0
    frame = near.replace(points=points)
    domain = make_domain([frame], threat, CPU)
    assert domain.deliver_frames(domain.clean)[0].points.tobytes() == points.tobytes()
