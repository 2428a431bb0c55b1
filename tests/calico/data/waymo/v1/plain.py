"""Records in a form that can be compared."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np


def to_plain(value: Any) -> Any:
    """Turn dataclasses and tuples into dictionaries and lists, and arrays into their bytes."""
    if dataclasses.is_dataclass(value):
        return {one.name: to_plain(getattr(value, one.name)) for one in dataclasses.fields(value)}
    if isinstance(value, dict):
        return {key: to_plain(one) for key, one in value.items()}
    if isinstance(value, tuple):
        return [to_plain(one) for one in value]
    if isinstance(value, np.ndarray):
        return str(value.dtype), value.shape, value.tobytes()
    return value
