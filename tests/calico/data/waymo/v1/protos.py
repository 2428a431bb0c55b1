"""The official protos of the Waymo Open Dataset, the oracle of the tests of version 1."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest


def official(name: str) -> ModuleType:
    """Import a module of waymo-open-dataset-tf-2-12-0, or skip where it is not installed."""
    try:
        return importlib.import_module(f"waymo_open_dataset.{name}")
    except ImportError as error:
        pytest.skip(f"needs waymo-open-dataset-tf-2-12-0 and protobuf ({error})")
