from __future__ import annotations

import numpy as np
import pytest

from calico_eval.metrics.waymo.counts import WaymoCounts
from calico_eval.metrics.waymo.figures import (
    compute_figures,
    count_figure_objects,
    explain_undefined,
    find_support,
    list_figures,
)
from calico_eval.metrics.waymo.pool import WaymoPool

CLASSES = ("car", "dog")


def counts(hits: int) -> WaymoCounts:
    """Four near cars, two of LEVEL_1, of which `hits` are found at the cut-off 0.5."""
    n_gt = np.zeros((8, 2), np.int64)
    n_gt[[0, 2]] = 2, 4
    cells = np.array([0 * 101 + 50, 2 * 101 + 50])
    many = np.full(2, hits, np.int64)
    return WaymoCounts(cells, many, many // 2, many * 0, np.stack([many * 0.5]), n_gt)


def test_figures_by_hand() -> None:
    found = compute_figures(WaymoPool.from_frames([counts(2), counts(4)]), CLASSES)

    assert found["AP_L2/car"] == pytest.approx(6 / 8)
    assert found["APH_L2/car"] == pytest.approx(6 / 8 / 2)
    assert found["AP_L1/car/0-30m"] == pytest.approx(6 / (6 + 4 - 3))
    assert np.isnan(found["AP_L1/car/30-50m"])
    assert np.isnan(found["AP_L2/dog"])
    assert found["mAP_L2"] == pytest.approx(6 / 8 / 2)
    assert found["mAP_L2_present"] == pytest.approx(6 / 8)


def test_frames_can_be_left_out() -> None:
    pool = WaymoPool.from_frames([counts(2), counts(4)])

    for number, expected in enumerate((2 / 4, 4 / 4)):
        kept = np.arange(2) == number
        assert compute_figures(pool, CLASSES, kept)["AP_L2/car"] == pytest.approx(expected)


def test_names() -> None:
    names = [one.name for one in list_figures(CLASSES)]

    assert len(names) == len(set(names)) == 8 + 4 * 2 * 4
    assert names[:2] == ["mAP_L1", "mAP_L1_present"]
    assert "APH_L2/dog/50m+" in names
    tolerant = {one.name for one in list_figures(CLASSES, tolerant=True)}
    assert {"LET-mAPL", "LET-mAPH_present", "LET-APL/car/30-50m"} < tolerant


def test_support_and_objects() -> None:
    none = WaymoCounts(*(np.zeros(0, np.int64),) * 4, np.zeros((1, 0)), np.zeros((8, 2), np.int64))
    figures = list_figures(CLASSES)
    support = find_support(WaymoPool.from_frames([counts(1), none]), figures)

    assert support["AP_L1/car"].tolist() == [True, False]
    assert support["mAP_L1_present"].tolist() == [True, False]
    assert support["APH_L2/dog"].tolist() == [False, False]
    assert "mAP_L1" not in support
    objects = count_figure_objects([counts(1), none], figures)
    assert (objects["AP_L1/car"], objects["mAPH_L2"], objects["AP_L1/dog"]) == (2, 4, 0)


def test_reasons() -> None:
    assert explain_undefined("APH_L1/dog/50m+") == (
        "no ground truth objects of class dog in 50m+ at LEVEL_1"
    )
    assert explain_undefined("LET-mAPL_present") == "no ground truth objects at LEVEL_2"
    assert explain_undefined("AP/dog") is None
    assert explain_undefined("mIoU_present") is None
