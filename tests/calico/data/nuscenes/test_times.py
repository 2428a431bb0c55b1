"""Times of one unit in all tables."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.calico.data.nuscenes.loading import complaint_of_scene

Rows = list[dict]


Edit = Callable[[str, Callable[[Rows], object]], None]


@pytest.mark.parametrize("factor", [1000, 1e-3, 1e-6])
def test_times_in_another_unit(tiny: Path, edit: Edit, factor: float) -> None:
    for table in ("sample", "sample_data"):
        edit(
            table,
            lambda rows: [row.update(timestamp=round(row["timestamp"] * factor)) for row in rows],
        )
    message = complaint_of_scene(tiny)
    assert "sample.json: " in message
    assert "expected microseconds" in message or "expected one keyframe at a time" in message


@pytest.mark.parametrize("factor", [1000, 1e-3])
def test_times_of_a_clock_of_its_own_in_another_unit(tiny: Path, edit: Edit, factor: float) -> None:
    """A simulator's clock starts at 0."""
    for table in ("sample", "sample_data"):
        edit(
            table,
            lambda rows: [
                row.update(timestamp=round((row["timestamp"] - 1.5e15 + 1e6) * factor))
                for row in rows
            ],
        )
    assert "expected microseconds" in complaint_of_scene(tiny)


@pytest.mark.parametrize("table", ["sample", "sample_data"])
def test_times_of_one_table_in_another_unit(tiny: Path, edit: Edit, table: str) -> None:
    edit(
        table, lambda rows: [row.update(timestamp=row["timestamp"] + 3_600_000_000) for row in rows]
    )
    assert "expected at most 10 s between them, in microseconds" in complaint_of_scene(tiny)
