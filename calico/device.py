"""Which device, and deterministic algorithms on it."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from calico.errors import CalicoError

FILL = "fill_uninitialized_memory"


def pick_device(name: str) -> torch.device:
    """The device a name means: 'auto' is the first GPU, or the CPU where there is none.

    Raises:
        CalicoError: not a device, or a GPU that is not there.
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
            f"device {name!r}: torch sees {torch.cuda.device_count()} GPUs; use --device cpu or auto"
        )
    return device


def training_precision(precision: str, device: torch.device) -> torch.autocast:
    """The autocast that `Config.precision` means on a device; a no-op for float32."""
    enabled = precision == "bfloat16" or (precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)


@contextmanager
def deterministic(device: torch.device) -> Iterator[None]:
    """Deterministic algorithms on the CPU, where same command means same bytes; restored on leaving.

    A gather's backward pass is not repeatable otherwise. On GPUs several operators have no deterministic form; there runs are
    repeatable up to rounding only.
    """
    debugging = importlib.import_module(
        "torch.utils.deterministic"
    )  # its switch is a property that mypy does not see
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
