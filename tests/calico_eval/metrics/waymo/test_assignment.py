from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment

from calico.frame import Int64
from calico_eval.metrics.waymo.assignment import Changes, Edges, match_at_levels


def edges_of(table: Int64) -> Edges:
    rows, columns = np.nonzero(table)
    return Edges(rows, columns, table[rows, columns])


def matched_at(edges: Edges, changes: Changes, level: int) -> set[tuple[int, int]]:
    """The pairs that are matched at a level."""
    count = np.zeros(len(edges.rows), int)
    upper = changes.levels >= level
    np.add.at(count, changes.edges[upper], changes.signs[upper])
    assert set(count.tolist()) <= {0, 1}
    pairs = zip(edges.rows.tolist(), edges.columns.tolist(), count.tolist(), strict=True)
    return {(row, column) for row, column, one in pairs if one}


def test_the_largest_sum_is_not_the_best_pair_first() -> None:
    edges = edges_of(np.array([[900, 800], [850, 0]]))
    changes = match_at_levels(edges, np.array([50, 40]))

    assert matched_at(edges, changes, 45) == {(0, 0)}
    assert matched_at(edges, changes, 40) == {(0, 1), (1, 0)}
    assert matched_at(edges, changes, 51) == set()


def test_a_prediction_below_every_cutoff_takes_no_part() -> None:
    edges = edges_of(np.array([[900], [950]]))

    assert matched_at(edges, match_at_levels(edges, np.array([3, -1])), 0) == {(0, 0)}


def test_of_equal_weights_the_earlier_prediction_takes_the_object() -> None:
    edges = edges_of(np.array([[700], [900], [900]]))
    changes = match_at_levels(edges, np.array([60, 20, 40]))

    assert [matched_at(edges, changes, level) for level in (50, 30, 10)] == [
        {(0, 0)},
        {(2, 0)},
        {(1, 0)},
    ]


def test_no_pairs_give_no_changes() -> None:
    none = np.zeros(0, np.int64)

    assert len(match_at_levels(Edges(none, none, none), np.array([1, 2])).edges) == 0


def test_components_and_levels_equal_one_assignment_per_level() -> None:
    rng = np.random.default_rng(3)
    for _ in range(60):
        table = rng.integers(500_000, 1_000_000, (12, 9)) * (rng.random((12, 9)) < 0.18)
        levels = rng.integers(-1, 6, 12)
        edges = edges_of(table)
        changes = match_at_levels(edges, levels)
        for level in range(6):
            active = np.flatnonzero(levels >= level)
            rows, columns = linear_sum_assignment(table[active], maximize=True)
            expected = {
                (int(active[i]), int(j))
                for i, j in zip(rows, columns, strict=True)
                if table[active[i], j]
            }
            assert matched_at(edges, changes, level) == expected
