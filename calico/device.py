"""The device that computes, its precision, and deterministic algorithms on it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from calico.errors import CalicoError

FILL = "fill_uninitialized_memory"


def pick_device(name: str) -> torch.device:
    """Return the device that a name means.

    Args:
        name: 'cpu', 'cuda', 'cuda:N', or 'auto' for the first GPU, or the CPU without one.

    Raises:
        CalicoError: The name is no device, or names a GPU that torch does not see.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise CalicoError(
            f"device {name!r}: not known; expected auto, cpu, cuda or cuda:N"
        ) from error
    if device.type not in ("cpu", "cuda"):
        raise CalicoError(f"device {name!r}: not supported; expected auto, cpu, cuda or cuda:N")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise CalicoError(
            f"device {name!r}: torch sees {torch.cuda.device_count()} GPUs; use --device cpu or "
            "auto"
        )
    return device


def training_precision(precision: str, device: torch.device) -> torch.autocast:
    """Return the autocast context that a precision means on a device.

    Args:
        precision: 'float32', 'bfloat16', or 'auto' for bfloat16 on GPUs and float32 elsewhere.
        device: The device of the model.
    """
    enabled = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


@contextmanager
def use_deterministic_algorithms(device: torch.device) -> Iterator[None]:
    """Use deterministic algorithms inside the block, if the device is a CPU.

    On a CPU the same command gives the same bytes, for which this is needed: a gather's backward
    pass is not repeatable otherwise. On GPUs several operators have no deterministic form, so runs
    are repeatable up to rounding only.

    Args:
        device: The device of the model.
    """
    # The switch is a property that mypy does not see.
    debugging = importlib.import_module("torch.utils.deterministic")
    before, filled = (
        torch.are_deterministic_algorithms_enabled(),
        debugging.fill_uninitialized_memory,
    )
    torch.use_deterministic_algorithms(before or device.type == "cpu")
    setattr(debugging, FILL, False)  # a fifth of a training step here
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before)
        setattr(debugging, FILL, filled)
