"""Verdicts: their order, and how far a stronger attack may fall behind."""

from __future__ import annotations

import math

import pytest

from calico_eval.attacks.sanity import Checklist
from calico_eval.attacks.sanity.checklist import compare_harm, worst_verdict

CHECKLIST = Checklist("mini", "torch-cpu")


@pytest.mark.parametrize(
    ("strong", "weak", "verdict"),
    [
        (1.0, 1.0, "PASS"),
        (0.9, 1.0, "PASS"),
        (0.89, 1.0, "WARN"),
        (0.5, 1.0, "WARN"),
        (0.49, 1.0, "FAIL"),
        (0.0, -1.0, "PASS"),
    ],
)
def test_one_frame_fails_only_by_a_factor_of_two(strong: float, weak: float, verdict: str) -> None:
    assert compare_harm(strong, weak) == verdict


def test_the_worst_verdict_and_numbers_that_json_can_hold() -> None:
    assert worst_verdict(["PASS", "NOT RUN"]) == "PASS"
    assert worst_verdict(["PASS", "FAIL", "WARN"]) == "FAIL"
    assert worst_verdict([]) == "NOT RUN"
    assert CHECKLIST.check("S1", "PASS", "m", a=math.nan, b=math.inf, c=2).measured == {
        "a": None,
        "b": None,
        "c": 2,
    }
