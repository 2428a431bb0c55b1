"""Simulated records that all tests of the Waymo readers share; they are made once."""

from __future__ import annotations

import pytest

from calico.data.waymo.records import WaymoRecord
from tests.calico.data.waymo.small import segment


@pytest.fixture(scope="session")
def records() -> tuple[WaymoRecord, ...]:
    """The three frames of the first training scene."""
    return tuple(segment().records())
