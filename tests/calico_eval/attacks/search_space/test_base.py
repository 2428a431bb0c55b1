"""The ball: projection, steps and noise against what they are by definition."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from calico_eval.attacks.search_space.base import Domain, Norm, clamp_keeping_gradient


@pytest.fixture
def clean() -> Tensor:
    return torch.rand((3, 2, 4, 5), generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def streams(count: int = 3) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(row) for row in range(count)]


def lengths(x: Tensor) -> list[float]:
    return [float((one**2).sum() ** 0.5) for one in x]


def test_l2_projection_shrinks_each_frame_to_its_own_radius(clean: Tensor) -> None:
    radius = torch.tensor([0.1, 0.2, 0.4], dtype=torch.float64)[:, None, None, None]
    middle = torch.full_like(clean, 0.5)
    domain = Domain(middle, radius, norm="l2")
    far = middle + (clean - 0.5) * 0.5
    assert min(lengths(far - middle)) > 0.4
    near = domain.project(far)
    assert lengths(near - middle) == pytest.approx([0.1, 0.2, 0.4])
    for row in range(3):
        ratio = (near[row] - 0.5) / (far[row] - 0.5)
        torch.testing.assert_close(ratio, torch.full_like(ratio, float(ratio.flatten()[0])))
    inside = middle + (far - middle) * 0.05
    torch.testing.assert_close(domain.project(inside), inside)
    assert domain.eps == pytest.approx(0.1)


@pytest.mark.parametrize("norm", ["linf", "l2"])
def test_how_far_beyond_the_ball_a_frame_is(clean: Tensor, norm: Norm) -> None:
    """One frame is inside, one is 0.05 over at one entry, one over [0, 1]; the ball of radius 9 has
    no other limit."""
    domain = Domain(
        torch.full_like(clean, 0.5),
        torch.tensor([0.2, 0.2, 9.0], dtype=torch.float64)[:, None, None, None],
        norm=norm,
    )
    x = torch.full_like(clean, 0.5)
    x[0, 0, 1, 1], x[1, 1, 2, 2], x[2, 0, 0, 0] = 0.4, 0.75, 1.3
    expected = (x - domain.project(x)).abs().flatten(1).amax(dim=1)
    assert expected.tolist() == pytest.approx([0.0, 0.05, 0.3], abs=1e-12)
    assert domain.beyond(x).clamp_min(0.0).tolist() == pytest.approx(expected.tolist(), abs=1e-12)


def test_a_step_is_a_share_of_the_radius_along_the_sign_or_the_direction(clean: Tensor) -> None:
    middle, direction = torch.full_like(clean, 0.5), clean - 0.5
    box = Domain(middle, 0.2)
    torch.testing.assert_close(box.ascend(middle, direction, 0.5), middle + 0.1 * direction.sign())
    torch.testing.assert_close(box.ascend(middle, direction, 3.0), middle + 0.2 * direction.sign())
    ball = Domain(middle, 0.2, norm="l2")
    shares = torch.tensor([0.25, 0.5, 9.0], dtype=torch.float64)[:, None, None, None]
    assert lengths(ball.ascend(middle, 1e-9 * direction, shares) - middle) == pytest.approx(
        [0.05, 0.1, 0.2]
    )
    for domain in (box, ball):
        assert torch.equal(domain.ascend(middle, torch.zeros_like(middle), 1.0), middle), (
            "no direction, no step"
        )


def test_corners_are_full_and_random_places_are_not(clean: Tensor) -> None:
    middle = torch.full_like(clean, 0.5)
    box, ball = Domain(middle, 0.2), Domain(middle, 0.2, norm="l2")
    corner = box.corner(streams())
    torch.testing.assert_close((corner - middle).abs(), torch.full_like(middle, 0.2))
    assert 0.2 < float((corner > middle).double().mean()) < 0.8
    assert lengths(ball.corner(streams()) - middle) == pytest.approx([0.2] * 3)
    assert all(length < 0.2 for length in lengths(ball.random(streams()) - middle))
    spread = (box.random(streams()) - middle).abs()
    assert float(spread.max()) <= 0.2
    assert 0.05 < float(spread.mean()) < 0.15


def test_l2_noise_is_full_where_images_are_black_and_white(clean: Tensor) -> None:
    """What is cut off at 0 and 1, the rest makes up for; where no image can be so far away, it goes
    as far as it can."""
    ends = clean.round()
    ends[0, 0] = 0.5
    ball = Domain(ends, 0.6, norm="l2")
    assert lengths(ball.corner(streams()) - ends) == pytest.approx([0.6] * 3, rel=1e-4)
    far = Domain(ends, 100.0, norm="l2").corner(streams())
    assert bool(torch.isfinite(far).all())
    assert bool(((far == 0) | (far == 1)).all())


def test_padding_never_changes_and_counts_in_no_norm(clean: Tensor) -> None:
    own = torch.ones_like(clean, dtype=torch.bool)
    own[1, :, 2:], own[2, :, :, 3:] = False, False
    for norm in ("linf", "l2"):
        middle = torch.where(own, 0.5, 0.0).double()
        domain = Domain(middle, 0.2, own, norm)  # type: ignore[arg-type]
        for noise in (domain.corner(streams()), domain.random(streams())):
            assert torch.equal(noise[~own], domain.clean[~own])
            assert bool((noise[own] != 0.5).all())
        if norm == "l2":
            assert lengths(domain.corner(streams()) - domain.clean) == pytest.approx([0.2] * 3)


def test_a_limit_holds_forward_and_lets_the_gradient_through() -> None:
    x = torch.tensor([-0.5, 0.0, 0.3, 1.0, 1.5], requires_grad=True)
    y = clamp_keeping_gradient(x, 0.0, 1.0)
    torch.testing.assert_close(y.detach(), torch.tensor([0.0, 0.0, 0.3, 1.0, 1.0]))
    assert torch.autograd.grad(y.sum(), x)[0].tolist() == [1.0] * 5
