"""Test whether an engine repeats itself, as otherwise its figures cannot be reproduced."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from calico.frame import Frame
from calico.predictions import FIELDS
from calico_eval.engines.base import Predictor


def compare_two_answers(engine: Predictor, frame: Frame) -> str:
    """Ask an engine twice about one frame and compare the answers.

    Args:
        engine: Any engine. Each answer is asked for in a call of its own.
        frame: Frame of both calls.

    Returns:
        How the answers differ, in words, empty where they are equal to the last bit.
    """
    first, second = (engine.predict([frame])[0] for _ in range(2))
    differences = [
        f"{name} {said}"
        for name in FIELDS
        if (said := _difference(getattr(first, name), getattr(second, name)))
    ]
    return ", ".join(differences)


def _difference(a: npt.NDArray[np.number] | None, b: npt.NDArray[np.number] | None) -> str:
    if a is None or b is None:
        return "" if a is b else "once given and once missing"
    if a.shape != b.shape:
        return f"of shapes {a.shape} and {b.shape}"
    return "" if np.array_equal(a, b) else f"by up to {np.abs(a.astype(np.float64) - b).max():.3g}"
