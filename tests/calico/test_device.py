"""Devices by name, precision, and deterministic algorithms for a while."""

import pytest
import torch

from calico.device import pick_device, training_precision, use_deterministic_algorithms
from calico.errors import CalicoError

CPU = torch.device("cpu")


def test_auto_is_a_gpu_if_torch_sees_one() -> None:
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert pick_device("auto").type == expected
    assert pick_device("cpu") == CPU


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpu", "device 'gpu': not known; expected auto, cpu, cuda"),
        ("meta", "device 'meta': not supported"),
        ("cuda:99", "device 'cuda:99': torch sees"),
    ],
)
def test_other_names_are_refused(name: str, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        pick_device(name)


@pytest.mark.parametrize(
    ("precision", "expected"),
    [("float32", torch.float32), ("auto", torch.float32), ("bfloat16", torch.bfloat16)],
)
def test_precision_decides_what_a_matrix_product_is_computed_in(
    precision: str, expected: torch.dtype
) -> None:
    with training_precision(precision, CPU):
        assert (torch.ones(2, 2) @ torch.ones(2, 2)).dtype == expected


def test_the_setting_is_restored_also_after_an_error() -> None:
    before = torch.are_deterministic_algorithms_enabled()
    inside = []

    def fail() -> None:
        with use_deterministic_algorithms(CPU):
            inside.append(torch.are_deterministic_algorithms_enabled())
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert inside == [True]
    assert torch.are_deterministic_algorithms_enabled() == before
