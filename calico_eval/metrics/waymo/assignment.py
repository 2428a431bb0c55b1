"""Hungarian matching at every score cut-off, solved only where it can change.

Predictions and objects that may match are the edges of a graph. The best assignment of the whole
graph is that of its connected components, and it changes only at cut-offs that a prediction's score
reaches. Most components are one prediction and one object. With a single object in a component, the
prediction of the largest weight takes it, of equal ones the earlier. All others are solved by
`scipy.optimize.linear_sum_assignment`.

Weights are whole numbers, as in the official tool: the IoU in millionths. Assignments may have
equal sums where boxes coincide. The official tool's choice among these depends on boxes elsewhere
in the frame, through the order of its search. The choice here is another one. The number of matched
pairs is the same, but not which of several coinciding objects, or headings, is matched.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from calico.frame import Float64, Int64


@dataclass(frozen=True)
class Edges:
    """The pairs of a prediction and an object that may match.

    Attributes:
        rows: (E,) predictions.
        columns: (E,) objects.
        weights: (E,) whole numbers above 0; the sum over the matched pairs is maximised.
    """

    rows: Int64
    columns: Int64
    weights: Int64


@dataclass(frozen=True)
class Changes:
    """How the matched pairs change as the level falls.

    Attributes:
        edges: (N,) index of the pair.
        levels: (N,) the level at which the pair is matched or parted.
        signs: (N,) 1 where the pair is matched from this level downwards, -1 where it is parted.
    """

    edges: Int64
    levels: Int64
    signs: Int64


def match_at_levels(edges: Edges, levels: Int64) -> Changes:
    """Match predictions and objects at every level.

    At level k, the predictions of level k or higher take part. A prediction below level 0 never
    does.

    Args:
        edges: The pairs that may match.
        levels: (P,) level of each prediction.

    Returns:
        The pairs of the best assignments, as changes from the highest level down to 0.
    """
    taking_part = np.flatnonzero(levels[edges.rows] >= 0)
    row_of, row_degree = _number(edges.rows[taking_part])
    column_of, column_degree = _number(edges.columns[taking_part])
    alone = (row_degree[row_of] == 1) & (column_degree[column_of] == 1)
    single = taking_part[alone]
    changes = [np.stack([single, levels[edges.rows[single]], np.ones_like(single)], axis=1)]
    components = _split_components(row_of[~alone], column_of[~alone])
    for part in (taking_part[~alone][component] for component in components):
        changes.append(_match_component(edges, part, levels))
    return Changes(*np.concatenate(changes).T)


def _number(values: Int64) -> tuple[Int64, Int64]:
    """Number the distinct values; return the number of each value, and how often each occurs."""
    _, number, count = np.unique(values, return_inverse=True, return_counts=True)
    return number.astype(np.int64), count.astype(np.int64)


def _split_components(rows: Int64, columns: Int64) -> list[Int64]:
    """Split edges (E,) by connected component; return the positions of the edges of each."""
    if not len(rows):
        return []
    first_column = int(rows.max()) + 1
    size = first_column + int(columns.max()) + 1
    graph = coo_matrix((np.ones(len(rows)), (rows, columns + first_column)), shape=(size, size))
    component = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(component, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(component[order])) + 1)


def _match_component(edges: Edges, part: Int64, levels: Int64) -> Int64:
    """Match one component at every level; return (N, 3) edge, level and sign of the changes."""
    if (edges.columns[part] == edges.columns[part[0]]).all():
        return _match_one_object(edges, part, levels)
    predictions, row = np.unique(edges.rows[part], return_inverse=True)
    _, column = np.unique(edges.columns[part], return_inverse=True)
    shape = len(predictions), int(column.max()) + 1
    table, edge_at = np.zeros(shape), np.zeros(shape, np.int64)
    table[row, column], edge_at[row, column] = edges.weights[part], part
    level_of = levels[predictions]
    before: set[int] = set()
    changes: list[tuple[int, int, int]] = []
    for level in np.unique(level_of)[::-1].tolist():
        active = np.flatnonzero(level_of >= level)
        rows, columns = _assign(table[active])
        now = set(edge_at[active[rows], columns].tolist())
        changes += [(edge, level, -1) for edge in sorted(before - now)]
        changes += [(edge, level, 1) for edge in sorted(now - before)]
        before = now
    return np.array(changes, np.int64).reshape(-1, 3)


def _match_one_object(edges: Edges, part: Int64, levels: Int64) -> Int64:
    """Match the predictions of one object: at every level, that of the largest weight takes it."""
    rows = edges.rows[part]
    members = zip(
        (-levels[rows]).tolist(),
        (-edges.weights[part]).tolist(),
        rows.tolist(),
        part.tolist(),
        strict=True,
    )
    taken: tuple[int, int, int] | None = None
    changes: list[tuple[int, int, int]] = []
    for level, weight, row, edge in sorted(members):
        if taken is None or (weight, row) < taken[:2]:
            if taken is not None:
                changes.append((taken[2], -level, -1))
            changes.append((edge, -level, 1))
            taken = weight, row, edge
    return np.array(changes, np.int64).reshape(-1, 3)


def _assign(table: Float64) -> tuple[Int64, Int64]:
    """Find the assignment of the largest sum of weights (P, G); return rows and columns."""
    if table.shape[0] == 1:
        return np.zeros(1, np.int64), np.array([table[0].argmax()])
    rows, columns = linear_sum_assignment(table, maximize=True)
    matched = table[rows, columns] > 0
    return rows[matched], columns[matched]
