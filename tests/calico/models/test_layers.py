import pytest
import torch

from calico.models.layers import (
    at_least_float32,
    conv_block,
    full_precision,
    scale_to_unit,
    up_block,
)


@pytest.mark.parametrize(("stride", "size"), [(1, (7, 9)), (2, (4, 5))])
def test_a_block_keeps_its_size_at_stride_one(stride: int, size: tuple[int, int]) -> None:
    assert conv_block(2, 3, stride=stride)(torch.randn(1, 2, 7, 9)).shape == (1, 3, *size)


def test_an_up_block_enlarges_by_its_factor_and_is_not_negative() -> None:
    found = up_block(2, 3, 4)(torch.randn(1, 2, 5, 6))
    assert found.shape == (1, 3, 20, 24)
    assert found.min() >= 0


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (torch.bfloat16, torch.float32),
        (torch.float16, torch.float32),
        (torch.float32, torch.float32),
        (torch.float64, torch.float64),
    ],
)
def test_precision_is_at_least_float32(given: torch.dtype, expected: torch.dtype) -> None:
    assert at_least_float32(torch.ones(2, dtype=given)).dtype == expected


def test_autocast_is_off_inside_and_on_again_after() -> None:
    one = torch.ones(2, 2)
    with torch.autocast("cpu", torch.bfloat16):
        with full_precision(one):
            assert (one @ one).dtype == torch.float32
        assert (one @ one).dtype == torch.bfloat16


def test_rows_become_unit_vectors_and_zero_stays_zero() -> None:
    rows = torch.tensor([[3.0, 4.0], [0.0, 0.0], [0.0, -2.0]], dtype=torch.bfloat16)
    found = scale_to_unit(rows)
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, torch.tensor([[0.6, 0.8], [0.0, 0.0], [0.0, -1.0]]))
