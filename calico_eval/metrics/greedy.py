"""Greedy matching of predictions to objects, for any number of frames at once.

The rule is that of the nuScenes devkit: the predictions of a frame and class, one by one by falling
score, each take the nearest free object that is near enough. One by one is slow in Python. The same
matches come out of rounds in which all predictions act at once (deferred acceptance): every
prediction without an object asks for the nearest one that has not refused it, and every object
keeps the best prediction that has asked, and refuses the others. Since all objects rank the
predictions alike, the only stable matching is that of the greedy rule.

Source: Gale and Shapley 1962, "College admissions and the stability of marriage".
"""

from __future__ import annotations

import numpy as np

from calico.frame import Float64, Int64


def match_pairs(
    rows: Int64,
    columns: Int64,
    apart: Float64,
    counts: tuple[int, int],
    thresholds: tuple[float, ...],
) -> Int64:
    """Match predictions to objects at each of several thresholds.

    Args:
        rows: (K,) predictions of pairs that may match, numbered in matching order.
        columns: (K,) objects of the pairs. The earlier of equally near pairs goes first.
        apart: (K,) distances of the pairs.
        counts: Numbers of predictions and of objects.
        thresholds: T distances. A match at a threshold is nearer than it. All objects are free at
            first at each threshold.

    Returns:
        (P, T) the object matched at each threshold, or -1.
    """
    predictions, objects = counts
    nearest_first = np.lexsort((apart, rows))
    columns, apart = columns[nearest_first], apart[nearest_first]
    rows = rows[nearest_first]
    first = np.searchsorted(rows, np.arange(predictions))
    result = np.full((predictions, len(thresholds)), -1, np.int64)
    for index, threshold in enumerate(thresholds):
        near = np.bincount(rows[apart < threshold], minlength=predictions)
        result[:, index] = _match_in_rounds(columns, first, first + near, objects)
    return result


def _match_in_rounds(columns: Int64, first: Int64, end: Int64, objects: int) -> Int64:
    """Return the object of each prediction (P,), or -1.

    Prediction p may ask for columns[first[p]:end[p]], in this order.
    """
    nobody = len(first)
    place = first.copy()
    holder = np.full(objects, nobody, np.int64)
    asking = np.flatnonzero(first < end)
    while len(asking):
        wanted = columns[place[asking]]
        before = holder[wanted]
        np.minimum.at(holder, wanted, asking)
        won = holder[wanted] == asking
        displaced = before[won]
        refused = np.concatenate([asking[~won], displaced[displaced < nobody]])
        place[refused] += 1
        asking = refused[place[refused] < end[refused]]
    result = np.full(len(first), -1, np.int64)
    held = np.flatnonzero(holder < nobody)
    result[holder[held]] = held
    return result


def pair_within_groups(of_row: Int64, of_column: Int64, groups: int) -> tuple[Int64, Int64]:
    """List all pairs of a row and a column of the same group.

    Args:
        of_row: (P,) group of every row.
        of_column: (G,) group of every column.
        groups: Number of groups.

    Returns:
        (K,) rows and (K,) columns, by row, then by column.
    """
    order = np.argsort(of_column, kind="stable")
    size = np.bincount(of_column, minlength=groups)
    start = np.cumsum(size) - size
    count = size[of_row]
    rows = np.repeat(np.arange(len(of_row)), count)
    within = np.arange(len(rows)) - np.repeat(np.cumsum(count) - count, count)
    return rows, order[start[of_row][rows] + within]
