"""Success rates over frames."""

from __future__ import annotations

import numpy as np
import pytest

from calico_eval.attacks.success.rates import ALL, HIDDEN, MAP_WRONG, SUCCESS_OF, success_rate
from calico_eval.engines.base import MODEL_LOSS
from calico_eval.engines.network.objectives import OBJECTIVES

SCENES = ["a", "a", "b", "c"]


def test_the_rate_is_a_ratio_of_sums_with_a_jackknife_over_scenes() -> None:
    found = success_rate(HIDDEN, [[(1, 4)], [(0, 0)], [(3, 4)], [(2, 2)]], SCENES)
    assert found.value == pytest.approx(6 / 10)
    left_out = np.array([5 / 6, 3 / 6, 4 / 8])
    error = np.sqrt(2 / 3 * ((left_out - left_out.mean()) ** 2).sum())
    half = 4.302652729911275 * error  # Student's t, 2 degrees of freedom, 97.5 %
    assert found.lo == pytest.approx(max(0.6 - half, 0.0))
    assert found.hi == pytest.approx(min(0.6 + half, 1.0))
    assert (found.n_frames, found.n_scenes, found.n_objects) == (4, 3, 10)
    assert (found.unit, found.higher_is_better) == ("fraction", False)
    assert found.method == "scene jackknife, t, 95%"


def test_parts_are_averaged_and_those_without_trials_left_out() -> None:
    assert success_rate(
        MAP_WRONG, [[(1, 2), (1, 10)], [(0, 2), (1, 10)]], ["a", "b"]
    ).value == pytest.approx((1 / 4 + 1 / 10) / 2)
    assert success_rate(
        ALL, [[(0, 0), (1, 2), (1, 10)], [(0, 0), (0, 2), (1, 10)]], ["a", "b"]
    ).value == pytest.approx((1 / 4 + 1 / 10) / 2)


def test_without_trials_the_rate_is_null_and_says_why() -> None:
    found = success_rate(HIDDEN, [[(0, 0)], [(0, 0)]], ["a", "b"])
    assert (found.value, found.lo, found.hi, found.n_objects) == (None, None, None, 0)
    assert found.reason == "no objects found before the attack"


def test_trials_in_one_scene_give_no_interval() -> None:
    found = success_rate(HIDDEN, [[(1, 2)], [(0, 0)]], ["a", "b"])
    assert (found.value, found.lo, found.method) == (
        0.5,
        None,
        "no interval: the same in all scenes",
    )


def test_of_many_scenes_the_interval_is_that_of_a_mean() -> None:
    rng = np.random.default_rng(0)
    counts = [[(int(rng.integers(0, 4)), 3)] for _ in range(25)]
    scenes = [str(index) for index in range(25)]
    found = success_rate(HIDDEN, counts, scenes)
    assert found.method == "scene jackknife, t, 95%"
    means = np.array([hits / 3 for [(hits, _)] in counts])
    half = 2.0639 * means.std(ddof=1) / 5  # t with 24 degrees of freedom
    assert (found.lo, found.hi) == pytest.approx(
        (means.mean() - half, means.mean() + half), abs=1e-4
    )


def test_every_objective_says_what_counts() -> None:
    assert {*OBJECTIVES, MODEL_LOSS} == set(SUCCESS_OF)
    for success in SUCCESS_OF.values():
        assert success.text
        assert success.trials
        assert 1 <= len(success.parts) <= 3
