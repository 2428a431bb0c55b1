"""Models with deliberate faults for tests of the sanity checks."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

from calico_eval.engines.torch import TorchEngine

Faulty = Callable[[TorchEngine, str], TorchEngine]


@pytest.fixture(scope="session")
def faulty() -> Faulty:
    """Return `planted_faults.faulty`, which builds a model with a deliberate fault."""
    spec = importlib.util.spec_from_file_location(
        "planted_faults", Path(__file__).parent / "planted_faults.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    result: Faulty = module.faulty
    return result
