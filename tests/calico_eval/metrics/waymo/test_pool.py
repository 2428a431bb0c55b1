from __future__ import annotations

import numpy as np
import pytest

from calico.errors import CalicoError
from calico_eval.metrics.waymo.counts import count_matches
from calico_eval.metrics.waymo.pool import WaymoPool, sum_over_cutoffs
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer, OverlapScorer
from tests.calico_eval.metrics.waymo.making import LEAST, random_pair


def test_pooled_counts_are_the_sum_of_the_frames() -> None:
    rng = np.random.default_rng(8)
    scorer = OverlapScorer(LEAST)
    counts = [
        count_matches(p.found, p.true, 3, scorer) for p in (random_pair(rng), random_pair(rng))
    ]
    whole = sum_over_cutoffs(WaymoPool.from_frames(counts))

    parts = [sum_over_cutoffs(WaymoPool.from_frames([one])) for one in counts]
    np.testing.assert_allclose(whole, parts[0] + parts[1], atol=1e-12)
    pool = WaymoPool.from_frames(counts)
    left = sum_over_cutoffs(pool, np.array([False, True]))
    np.testing.assert_allclose(left, parts[1], atol=1e-12)


def test_nothing_predicted_is_0() -> None:
    pair = random_pair(np.random.default_rng(8))
    nothing = random_pair(np.random.default_rng(8), 0).found
    counts = count_matches(nothing, pair.true, 3, OverlapScorer(LEAST))

    aps, n_gt = WaymoPool.from_frames([counts]).compute_aps()
    assert aps.dtype == np.float64
    assert aps.sum() == 0
    assert n_gt[:3, 1].sum() == len(pair.true.labels)


def test_frames_of_several_kinds_are_not_pooled() -> None:
    pair = random_pair(np.random.default_rng(9))
    plain = count_matches(pair.found, pair.true, 3, OverlapScorer(LEAST))
    tolerant = count_matches(pair.found, pair.true, 3, LongitudinalTolerantScorer(LEAST))

    with pytest.raises(CalicoError, match="expected one pair"):
        WaymoPool.from_frames([plain, tolerant])
    with pytest.raises(CalicoError, match="expected one pair"):
        WaymoPool.from_frames([])
