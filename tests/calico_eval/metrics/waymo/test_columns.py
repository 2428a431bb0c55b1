from __future__ import annotations

import numpy as np
import pytest

from calico_eval.metrics.waymo.columns import from_row, list_columns, to_rows
from calico_eval.metrics.waymo.counts import WaymoCounts, count_matches
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer
from tests.calico_eval.metrics.waymo.making import random_pair


@pytest.fixture
def counts() -> WaymoCounts:
    pair = random_pair(np.random.default_rng(15))
    return count_matches(pair.found, pair.true, 3, LongitudinalTolerantScorer((0.5, 0.3, 0.3)))


def test_rows_give_the_counts_back(counts: WaymoCounts) -> None:
    rows = to_rows("x", [counts])
    assert list(rows) == list(list_columns("x"))
    assert len(counts.tp) > 10

    back = from_row("x", {name: column[0] for name, column in rows.items()}, 2)
    for name in vars(counts):
        np.testing.assert_array_equal(getattr(back, name), getattr(counts, name))


def test_columns_that_do_not_fit_are_refused(counts: WaymoCounts) -> None:
    row = {name: column[0] for name, column in to_rows("x", [counts]).items()}

    with pytest.raises(ValueError, match="reshape"):
        from_row("x", row, 1)
