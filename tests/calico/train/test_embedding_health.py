from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from calico.train.embedding_health import (
    MAX_ROWS,
    effective_rank,
    measure_alignment,
    measure_uniformity,
)


def embeddings(n: int, width: int, seed: int = 0) -> Tensor:
    return F.normalize(torch.randn(n, width, generator=torch.Generator().manual_seed(seed)), dim=1)


def test_alignment_by_hand() -> None:
    """Squared distances 0, 4 and 2; the middle one is semantic-less."""
    first = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
    second = torch.tensor([[1.0, 0.0], [0.0, -1.0], [0.0, 1.0]])
    assert measure_alignment(first, second, torch.tensor([0, -1, 3])) == pytest.approx(1.0)
    assert measure_alignment(first, second, torch.tensor([0, 1, 3])) == pytest.approx(2.0)


def test_uniformity_against_loops() -> None:
    z = embeddings(12, 5)
    terms = [
        math.exp(-3.0 * float((z[i] - z[j]).square().sum())) for i in range(12) for j in range(i)
    ]
    assert measure_uniformity(z, t=3.0) == pytest.approx(
        math.log(sum(terms) / len(terms)), rel=1e-5
    )


def test_effective_rank_by_hand() -> None:
    assert effective_rank(torch.eye(6)) == pytest.approx(6.0)
    assert effective_rank(torch.eye(6)[[0, 1, 1, 0]]) == pytest.approx(2.0)
    share = torch.tensor([0.75, 0.25])
    assert effective_rank(torch.diag(share * 8)) == pytest.approx(
        math.exp(-(share * share.log()).sum().item())
    )


def test_effective_rank_against_singular_values() -> None:
    for rows in (4, 40):
        z = embeddings(rows, 8).double()
        values = torch.linalg.svdvals(z)
        share = values / values.sum()
        assert effective_rank(z) == pytest.approx(
            math.exp(-float((share * share.log()).sum())), rel=1e-6
        )


def test_a_collapse_is_seen() -> None:
    healthy, dead = embeddings(300, 32), embeddings(1, 32).expand(300, -1)
    region = torch.arange(300)
    assert measure_alignment(dead, dead, region) == 0.0
    assert measure_uniformity(dead) == pytest.approx(0.0, abs=1e-5)
    assert effective_rank(dead) == pytest.approx(1.0, abs=1e-4)
    assert measure_alignment(healthy, embeddings(300, 32, seed=1), region) == pytest.approx(
        2.0, abs=0.1
    )
    assert measure_uniformity(healthy) == pytest.approx(-4.0, abs=0.5)
    assert effective_rank(healthy) > 30


def test_uniformity_of_many_rows_takes_an_even_part() -> None:
    z = embeddings(3 * MAX_ROWS - 1, 4)
    assert measure_uniformity(z) == measure_uniformity(z[::3])
    assert measure_uniformity(z) == pytest.approx(measure_uniformity(z[1::3]), abs=0.05)


def test_undefined_is_nan() -> None:
    z = embeddings(3, 4)
    assert math.isnan(measure_alignment(z, z, torch.full((3,), -1)))
    assert math.isnan(measure_uniformity(z[:1]))
    assert math.isnan(measure_uniformity(z[:0]))
    assert math.isnan(effective_rank(z[:0]))


def test_values_are_floats_without_a_graph_in_bf16_too() -> None:
    z = embeddings(20, 8).bfloat16().requires_grad_()
    for value in (
        measure_alignment(z, -z, torch.arange(20)),
        measure_uniformity(z),
        effective_rank(z),
    ):
        assert isinstance(value, float)
        assert math.isfinite(value)
