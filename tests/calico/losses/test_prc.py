from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from calico.losses.prc import (
    info_nce,
    point_region_contrast,
    pooled_region_contrast,
)

REGION = torch.tensor([7, -1, 2, 7, -1, 2, 2, 40, -1, 7])
TAU = 0.2


def views(n: int = 10, width: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    first, second = torch.randn(2, n, width, generator=random, dtype=torch.float64).unbind()
    return F.normalize(first, dim=1).requires_grad_(), F.normalize(second, dim=1).requires_grad_()


def slow_terms(first: Tensor, second: Tensor, region: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """paper.md section 2, loop by loop, both directions."""
    points, ids = range(len(region)), region.tolist()
    rich = [i for i in points if ids[i] >= 0]
    plrc, rapc = first.new_zeros(()), first.new_zeros(())
    for one, two in ((first, second), (second, first)):
        for i in rich:
            score = [torch.exp((one[i] * two[k]).sum() / tau) for k in points]
            same = [j for j in points if ids[j] == ids[i]]
            for j in same:
                plrc = plrc - torch.log(score[j] / sum(score)) / len(same) / len(rich) / 2
            others = sum(score[k] for k in points if ids[k] != ids[i])
            rapc = rapc - torch.log(score[i] / (score[i] + others)) / len(rich) / 2
    return plrc, rapc


def gradients(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, inputs, retain_graph=True, materialize_grads=True)


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
@pytest.mark.parametrize(
    "region",
    [
        REGION,
        REGION[REGION >= 0],
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([3, -1, -1]),
        torch.arange(6),
    ],
    ids=["mixed", "M = 0", "one region", "one rich point", "regions of one point"],
)
def test_values_and_gradients_against_loops(region: Tensor, alpha: float) -> None:
    first, second = views(len(region))
    terms = point_region_contrast(first, second, region, alpha=alpha, temperature=TAU)
    plrc, rapc = slow_terms(first, second, region, TAU)
    expected = {"plrc": plrc, "rapc": rapc, "total": alpha * plrc + (1 - alpha) * rapc}
    for name, value in terms.items():
        torch.testing.assert_close(value, expected[name], rtol=1e-10, atol=1e-12)
        for got, wanted in zip(
            gradients(value, first, second), gradients(expected[name], first, second), strict=True
        ):
            torch.testing.assert_close(got, wanted, rtol=1e-9, atol=1e-11)


def test_only_the_terms_with_a_weight_are_computed() -> None:
    first, second = views()
    names = {
        alpha: set(point_region_contrast(first, second, REGION, alpha=alpha, temperature=TAU))
        for alpha in (0.0, 0.5, 1.0)
    }
    assert names == {0.0: {"rapc", "total"}, 0.5: {"plrc", "rapc", "total"}, 1.0: {"plrc", "total"}}


@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_gradcheck(alpha: float) -> None:
    def total(first: Tensor, second: Tensor) -> Tensor:
        return point_region_contrast(first, second, REGION, alpha=alpha, temperature=TAU)["total"]

    assert torch.autograd.gradcheck(total, views())
    assert torch.autograd.gradcheck(
        lambda a, b: pooled_region_contrast(a, b, REGION, temperature=TAU), views()
    )
    assert torch.autograd.gradcheck(lambda a, b: info_nce(a, b, temperature=TAU), views())


def test_two_points_by_hand() -> None:
    """Two regions of one point each, similarities 1 and 0: both levels are the softmax of (1, 0) /
    tau."""
    both = torch.eye(2)
    terms = point_region_contrast(both, both, torch.tensor([0, 1]), alpha=0.5, temperature=0.5)
    for value in terms.values():
        assert value.item() == pytest.approx(math.log1p(math.exp(-2.0)), rel=1e-5)


def test_points_of_a_region_attract_at_the_region_level_and_are_left_alone_at_the_point_level() -> (
    None
):
    """Point 1's second view, moved towards its region mate: PLRC's gradient pulls, RAPC has none
    between the two."""
    first, second = views(2)
    region = torch.tensor([0, 0])
    terms = point_region_contrast(first, second, region, alpha=0.5, temperature=TAU)
    assert terms["rapc"].item() == 0.0
    assert not gradients(terms["rapc"], first)[0].any()
    assert gradients(terms["plrc"], first)[0].any()


def all_losses(first: Tensor, second: Tensor, region: Tensor) -> Tensor:
    terms = point_region_contrast(first, second, region, alpha=0.5, temperature=TAU)
    return torch.stack(
        [*terms.values(), pooled_region_contrast(first, second, region, temperature=TAU)]
    )


def test_invariances() -> None:
    first, second = views(width=6)
    base = all_losses(first, second, REGION)
    order = torch.randperm(len(REGION), generator=torch.Generator().manual_seed(3))
    renamed = torch.where(REGION >= 0, (REGION * 17 + 5) % 1009, -1)
    rotation = torch.linalg.qr(
        torch.randn(6, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    ).Q
    torch.testing.assert_close(all_losses(first[order], second[order], REGION[order]), base)
    torch.testing.assert_close(all_losses(first, second, renamed), base)
    torch.testing.assert_close(all_losses(first @ rotation, second @ rotation, REGION), base)
    torch.testing.assert_close(all_losses(second, first, REGION), base)
    other = torch.where(REGION == 40, 2, REGION)
    assert not torch.isclose(all_losses(first, second, other), base).any()


def test_a_semantic_less_point_is_a_negative_and_never_an_anchor() -> None:
    first, second = views()
    rich = REGION >= 0
    terms = point_region_contrast(first, second, REGION, alpha=0.5, temperature=TAU)
    fewer = point_region_contrast(
        first[rich], second[rich], REGION[rich], alpha=0.5, temperature=TAU
    )
    assert all(fewer[name] < terms[name] for name in terms)
    first_alone = point_region_contrast(first, second.detach(), REGION, alpha=0.5, temperature=TAU)[
        "total"
    ]
    gradient = gradients(first_alone, first)[0]
    assert gradient[~rich].any()  # as negatives of the direction 2 -> 1
    pooled = pooled_region_contrast(first, second, REGION, temperature=TAU)
    assert not gradients(pooled, first)[0][~rich].any()


@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_rich_point_is_zero_with_a_graph(n: int) -> None:
    first, second = views(n)
    region = torch.full((n,), -1)
    for value in all_losses(first, second, region):
        assert value.item() == 0.0
        assert not gradients(value, first)[0].any()
    alone = info_nce(first[:0], second[:0], temperature=TAU)
    assert alone.item() == 0.0
    assert alone.requires_grad


def test_loss_falls_when_positives_align() -> None:
    first, second = views()
    mixed = [
        all_losses(first, F.normalize(second + pull * first, dim=1), REGION)
        for pull in (0.0, 1.0, 4.0)
    ]
    rapc, pooled = torch.stack(mixed)[:, 1], torch.stack(mixed)[:, 3]
    assert (rapc.diff() < 0).all()
    assert (pooled.diff() < 0).all()
    directions = torch.eye(16, dtype=torch.float64)
    by_region = directions[torch.where(REGION >= 0, REGION % 11, torch.arange(10) % 3 + 11)]
    assert (all_losses(by_region, by_region, REGION) < mixed[0]).all()


def test_huge_logits_stay_finite() -> None:
    first, second = (view.detach().float().requires_grad_() for view in views())
    losses = torch.stack(
        [*point_region_contrast(first, -first, REGION, alpha=0.5, temperature=1e-3).values()]
    )
    more = pooled_region_contrast(first, second, REGION, temperature=1e-3) + info_nce(
        first, second, temperature=1e-3
    )
    assert (losses > 100).all()
    assert torch.isfinite(torch.stack([*gradients(losses.sum() + more, first, second)])).all()


def test_bf16_input_and_autocast_take_similarities_in_float32() -> None:
    first, second = (view.detach().bfloat16() for view in views(width=64))
    exact = all_losses(first.double(), second.double(), REGION)
    torch.testing.assert_close(all_losses(first, second, REGION), exact.float())
    with torch.autocast("cpu", torch.bfloat16):
        within = all_losses(first.float(), second.float(), REGION)
        torch.testing.assert_close(
            info_nce(first, second, temperature=TAU).double(), slow_info_nce(first, second)
        )
    torch.testing.assert_close(within, exact.float())


def slow_info_nce(first: Tensor, second: Tensor) -> Tensor:
    first, second = first.double(), second.double()
    loss, m = first.new_zeros(()), len(first)
    for one, two in ((first, second), (second, first)):
        for i in range(m):
            score = [torch.exp((one[i] * two[k]).sum() / TAU) for k in range(m)]
            loss = loss - torch.log(score[i] / sum(score)) / (2 * m)
    return loss


def test_info_nce_and_the_pooled_form_against_loops() -> None:
    first, second = views()
    loss, expected = info_nce(first, second, temperature=TAU), slow_info_nce(first, second)
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients(loss, first, second), gradients(expected, first, second))

    means = [
        torch.stack(
            [view[[i for i in range(10) if REGION[i] == name]].mean(0) for name in (2, 7, 40)]
        )
        for view in (first, second)
    ]
    one, two = (mean / mean.norm(dim=1, keepdim=True) for mean in means)
    loss, expected = (
        pooled_region_contrast(first, second, REGION, temperature=TAU),
        slow_info_nce(one, two),
    )
    torch.testing.assert_close(loss, expected)
    torch.testing.assert_close(gradients(loss, first, second), gradients(expected, first, second))


def test_pooled_form_of_one_region_is_zero() -> None:
    first, second = views(3)
    assert (
        pooled_region_contrast(first, second, torch.tensor([4, 4, -1]), temperature=TAU).item()
        == 0.0
    )
