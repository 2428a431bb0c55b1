"""Matching in rounds against the rule, one prediction at a time."""

from __future__ import annotations

import numpy as np
import pytest

from calico_eval.metrics.greedy import match_pairs, pair_within_groups


def match_one_by_one(distance: np.ndarray, threshold: float) -> list[int]:
    """The devkit's rule: in order, the nearest free object; a match if it is near enough."""
    taken: set[int] = set()
    result = []
    for row in distance:
        free = [column for column in range(len(row)) if column not in taken]
        best = min(free, key=lambda column: row[column], default=-1)
        if best >= 0 and row[best] < threshold:
            taken.add(best)
            result.append(best)
        else:
            result.append(-1)
    return result


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("coarse", [False, True])
def test_rounds_give_the_matches_of_the_rule(seed: int, coarse: bool) -> None:
    rng = np.random.default_rng(seed)
    shape = (int(rng.integers(0, 60)), int(rng.integers(0, 20)))
    distance = rng.uniform(0, 6, shape)
    if coarse:
        distance = np.round(distance * 2) / 2  # equal distances, some equal to a threshold
    thresholds = (0.5, 1.0, 2.0, 4.0)
    rows, columns = np.nonzero(distance < 5)
    found = match_pairs(rows, columns, distance[rows, columns], shape, thresholds)
    assert found.shape == (shape[0], 4)
    for index, threshold in enumerate(thresholds):
        assert found[:, index].tolist() == match_one_by_one(distance, threshold)


def test_a_chain_of_refusals() -> None:
    """Each prediction is displaced from the nearest object by the one before it."""
    n = 30
    distance = np.add.outer(np.zeros(n), np.arange(n) / n)
    rows, columns = np.nonzero(distance < 2)
    order = np.random.default_rng(0).permutation(len(rows))  # ties keep the earlier pair first
    distance = distance[rows, columns][order]
    found = match_pairs(rows[order], columns[order], distance, (n, n), (2.0,))
    assert found[:, 0].tolist() == list(range(n))


def test_pairs_within_groups_by_hand() -> None:
    rows, columns = pair_within_groups(np.array([2, 0, 1, 0]), np.array([0, 2, 0, 3]), 4)
    assert list(zip(rows.tolist(), columns.tolist(), strict=True)) == [
        (0, 1), (1, 0), (1, 2), (3, 0), (3, 2),
    ]  # fmt: skip
    rows, columns = pair_within_groups(np.zeros(0, np.int64), np.array([0]), 1)
    assert len(rows) == len(columns) == 0
