from __future__ import annotations

import pytest

from calico.errors import CalicoError
from calico_eval.metrics.robustness import Baseline, aggregate_robustness

SCORES = {"fog": {1: 0.5, 2: 0.3}, "snow": {1: 0.4, 2: 0.2}}
BASE = Baseline("scratch", {"fog": {1: 0.4, 2: 0.2}, "snow": {1: 0.4, 2: 0.4}, "rain": {1: 0.1}})


def test_by_hand() -> None:
    result = aggregate_robustness(SCORES, 0.5, BASE)
    assert result.mPC == pytest.approx(0.35)
    assert pytest.approx({"fog": 0.8, "snow": 0.6}) == result.RR
    assert result.mRR == pytest.approx(0.7)
    assert pytest.approx(0.3) == result.RCE
    assert result.baseline == "scratch"
    assert pytest.approx({"fog": 1.2 / 1.4, "snow": 1.4 / 1.2}) == result.CE
    assert result.mCE == pytest.approx((1.2 / 1.4 + 1.4 / 1.2) / 2)
    assert pytest.approx({"fog": 1 / 3, "snow": -0.25}) == result.RRA
    assert result.mRRA == pytest.approx((1 / 3 - 0.25) / 2)


def test_against_itself() -> None:
    result = aggregate_robustness(SCORES, 0.35, Baseline("itself", SCORES))
    assert (result.mCE, result.mRRA) == (1, 0)
    assert result.mRR == pytest.approx(1)


def test_without_a_baseline() -> None:
    result = aggregate_robustness(SCORES, 0.5)
    assert (result.baseline, result.mCE, result.CE, result.mRRA, result.RRA) == (None,) * 5


def test_better_than_clean_gives_a_negative_drop() -> None:
    assert pytest.approx(-0.2) == aggregate_robustness({"fog": {1: 0.6}}, 0.5).RCE


def test_zero_denominators_are_undefined() -> None:
    zero = aggregate_robustness({"fog": {1: 0.0}}, 0.0, Baseline("b", {"fog": {1: 0.0}}))
    assert (zero.mRR, zero.RCE, zero.RR, zero.mRRA) == (None, None, {"fog": None}, None)
    assert zero.mCE == 1
    assert (
        aggregate_robustness({"fog": {1: 1.0}}, 1.0, Baseline("b", {"fog": {1: 1.0}})).mCE is None
    )


def test_one_undefined_condition_makes_the_mean_undefined() -> None:
    result = aggregate_robustness(
        SCORES, 0.5, Baseline("b", {"fog": {1: 0.0, 2: 0.0}, "snow": {1: 0.4, 2: 0.4}})
    )
    assert result.RRA is not None
    assert result.RRA["fog"] is None
    assert result.mRRA is None


@pytest.mark.parametrize("row", [{1: 0.4}, {1: 0.4, 2: None}])
def test_missing_cells_are_named(row: dict[int, float | None]) -> None:
    with pytest.raises(
        CalicoError, match=r"the model has no value for snow at severity 2.*\[1, 2\]"
    ):
        aggregate_robustness({"fog": {1: 0.5, 2: 0.3}, "snow": row}, 0.5)
    with pytest.raises(CalicoError, match="baseline b has no value for snow at severity 2"):
        aggregate_robustness(SCORES, 0.5, Baseline("b", {"fog": {1: 0.5, 2: 0.3}, "snow": row}))
    with pytest.raises(CalicoError, match="baseline b has no value for snow at severity 1"):
        aggregate_robustness(SCORES, 0.5, Baseline("b", {"fog": {1: 0.5, 2: 0.3}}))


def test_other_faults() -> None:
    with pytest.raises(CalicoError, match="has no cells"):
        aggregate_robustness({}, 0.5)
    with pytest.raises(CalicoError, match="got severity 0"):
        aggregate_robustness({"fog": {0: 0.5, 1: 0.4}}, 0.5)
