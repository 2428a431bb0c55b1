"""Waymo's counts as columns of the file of per-frame statistics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from calico_eval.metrics.waymo.counts import CUTOFFS, RANGES_M, WaymoCounts

Rows = Sequence[npt.NDArray[Any]]
KINDS = {
    "cells": "uint16",
    "tp": "int16",
    "tp_level_1": "int16",
    "fp": "int16",
    "weights": "float64",
    "n_gt": "int32",
}
"""Column to the type of its values, all lists."""
LAYOUT = f"{len(CUTOFFS)} cut-offs|{','.join(map(str, RANGES_M))} m"
"""What the cells mean; it goes into the file."""


def list_columns(prefix: str) -> dict[str, str]:
    """List the columns of one kind of counts, with the types of their values.

    Args:
        prefix: Start of their names.
    """
    return {f"{prefix}_{name}": kind for name, kind in KINDS.items()}


def to_rows(prefix: str, counts: Sequence[WaymoCounts]) -> dict[str, Rows]:
    """Turn counts into columns.

    Args:
        prefix: Start of the columns' names.
        counts: One per frame.
    """
    return {f"{prefix}_{name}": [getattr(one, name).ravel() for one in counts] for name in KINDS}


def from_row(prefix: str, row: Mapping[str, npt.NDArray[Any]], weights: int) -> WaymoCounts:
    """Read the counts of one frame.

    Args:
        prefix: Start of the columns' names.
        row: Column to the values of the frame.
        weights: Number of weights of each change.

    Raises:
        CalicoError: The columns do not fit each other.
        ValueError: A column is not of whole rows.
    """
    values = {name: row[f"{prefix}_{name}"] for name in KINDS}
    return WaymoCounts(
        cells=values["cells"].astype(np.int32),
        tp=values["tp"],
        tp_level_1=values["tp_level_1"],
        fp=values["fp"],
        weights=values["weights"].reshape(weights, len(values["cells"])),
        n_gt=values["n_gt"].astype(np.int64).reshape(-1, 2),
    )
