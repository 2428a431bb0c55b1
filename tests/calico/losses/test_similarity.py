import pytest
import torch

from calico.losses.similarity import average_regions, measure_similarity


def test_similarities_are_inner_products_over_the_temperature() -> None:
    first, second = torch.randn(3, 4), torch.randn(5, 4)
    found = measure_similarity(first, second, 0.5)
    expected = [[2.0 * float((a * b).sum()) for b in second] for a in first]
    torch.testing.assert_close(found, torch.tensor(expected))


def test_similarities_are_exact_under_autocast() -> None:
    """bfloat16 keeps three digits: 1 + 1/256 would become 1."""
    rows = torch.tensor([[1.0 + 1 / 256, 0.0]])
    with torch.autocast("cpu", torch.bfloat16):
        found = measure_similarity(rows, torch.tensor([[1.0, 0.0]]), 1.0)
    assert found.dtype == torch.float32
    assert found.item() == 1.0 + 1 / 256


def test_regions_are_averaged_one_by_one() -> None:
    vectors = torch.tensor([[1.0, 0.0], [3.0, 2.0], [5.0, 6.0], [0.0, 4.0]])
    found = average_regions(vectors, torch.tensor([1, 1, 0, 1]), 2)
    assert found.tolist() == [[5.0, 6.0], [pytest.approx(4 / 3), 2.0]]


def test_half_precision_is_averaged_in_float32() -> None:
    vectors = torch.full((300, 1), 1.0, dtype=torch.bfloat16)
    found = average_regions(vectors, torch.zeros(300, dtype=torch.int64), 1)
    assert found.dtype == torch.float32
    assert found.item() == 1.0  # a sum in bfloat16 stops at 256
