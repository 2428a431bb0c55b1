from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from reports.plausibility import find_faults
from reports.results_file import write_results
from reports.schema import Results

Content = dict[str, Any]
CLEAN, FOG_1, CURVE_POINT, ATTACK = 0, 1, 5, 7


@pytest.fixture
def content(whole: Results, tmp_path: Path) -> Content:
    write_results(tmp_path / "whole.json", whole)
    loaded: Content = json.loads((tmp_path / "whole.json").read_text())
    del loaded["sha256"]  # of a file that is changed on purpose
    return loaded


def again(content: Content, cell: int, **parameters: float) -> Content:
    """A copy of a cell with another id and other parameters."""
    copied: Content = json.loads(json.dumps(content["cells"][cell]))
    copied["id"] = "again"
    copied["condition"]["parameters"] |= parameters
    return copied


def test_seeds_are_averaged_before_the_summary_is_compared(whole: Results) -> None:
    """Twice the same cells with another seed: every mean stays. Another value in one of them moves
    the mean.
    """
    again = tuple(c.model_copy(update={"seed": 1, "id": f"{c.id}-1"}) for c in whole.cells)
    both = whole.model_copy(update={"cells": (*whole.cells, *again)})
    assert list(find_faults(both)) == []
    fog = again[FOG_1]
    other = fog.model_copy(
        update={
            "metrics": {**fog.metrics, "mAP": fog.metrics["mAP"].model_copy(update={"value": 0.3})}
        }
    )
    moved = both.model_copy(update={"cells": (*whole.cells, again[0], other, *again[2:])})
    assert "mAP/mPC: is 0.3, but its cells give 0.2875" in next(
        find_faults(moved)
    )  # (0.35 + 0.2 + 0.5 + 0.1) / 4
