"""The documented output of Waymo's own tools on the two files of boxes of its repository."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo.v1.objects import Objects, read_objects
from calico.errors import CalicoError
from calico_eval.metrics.waymo.objects import evaluate_objects

SHARED = Path(os.environ.get("CALICO_SHARED_DATA", Path(__file__).parents[5] / "shared/data"))
FIXTURE = SHARED / "waymo_metrics"
pytestmark = pytest.mark.skipif(
    not FIXTURE.is_dir(), reason="needs waymo_metrics in CALICO_SHARED_DATA"
)

# LEVEL_1 AP, APH, LEVEL_2 AP, APH: the comment in compute_detection_metrics_main.cc at 99a4cb3.
DOCUMENTED = {
    "vehicle": (0.208277, 0.162823, 0.20542, 0.160523),
    "pedestrian": (0.129258, 0.0984962, 0.125136, 0.0953438),
    "sign": (0.0926278, 0.0635938, 0.067927, 0.0466355),
    "vehicle/0-30m": (0.154727, 0.129927, 0.154727, 0.129927),
    "vehicle/30-50m": (0.27302, 0.230956, 0.270492, 0.228818),
    "vehicle/50m+": (0.218596, 0.155501, 0.212188, 0.150963),
    "pedestrian/0-30m": (0.19352, 0.155428, 0.19352, 0.155428),
    "pedestrian/30-50m": (0.144201, 0.103131, 0.134931, 0.0966024),
    "pedestrian/50m+": (0.0985548, 0.0779858, 0.0960544, 0.075891),
    "sign/0-30m": (0.106175, 0.0716929, 0.0651952, 0.0439717),
    "sign/30-50m": (0.15528, 0.117763, 0.13587, 0.103042),
    "sign/50m+": (0.075276, 0.0507518, 0.0596342, 0.040206),
}
# APL, AP, APH at LEVEL_2: the comment in compute_detection_let_metrics_main.cc at 99a4cb3.
DOCUMENTED_TOLERANT = {
    "vehicle": (0.211287, 0.23023, 0.181574),
    "pedestrian": (0.213379, 0.224676, 0.170878),
    "sign": (0.0989853, 0.100288, 0.0797784),
    "vehicle/0-30m": (0.158502, 0.200029, 0.163429),
    "vehicle/30-50m": (0.231184, 0.244745, 0.205553),
    "vehicle/50m+": (0.232808, 0.241251, 0.175992),
    "pedestrian/0-30m": (0.214398, 0.228197, 0.17427),
    "pedestrian/30-50m": (0.202346, 0.21114, 0.158337),
    "pedestrian/50m+": (0.193137, 0.201656, 0.158395),
    "sign/0-30m": (0.0196413, 0.0196586, 0.018337),
    "sign/30-50m": (0.191365, 0.191489, 0.150585),
    "sign/50m+": (0.149141, 0.151854, 0.125403),
}
# The one object that the run behind the documented figures lost, see below.
LOST_X_M, LOST_Y_M = 34.404767, -0.634956


def figures(values: dict[str, float], names: tuple[str, ...], where: str) -> list[float]:
    return [values[f"{name}/{where}"] for name in names]


@pytest.fixture(scope="module")
def found() -> Objects:
    return read_objects(FIXTURE / "fake_predictions.bin")


@pytest.fixture(scope="module")
def true() -> Objects:
    return read_objects(FIXTURE / "fake_ground_truths.bin")


def without_the_lost_match(found: Objects) -> Objects:
    """Move the predictions that coincide with the lost object but for a half turn far up."""
    boxes = found.labels.boxes.copy()
    lost = np.hypot(boxes[:, 0] - LOST_X_M, boxes[:, 1] - LOST_Y_M) < 1e-5
    assert lost.any()
    boxes[lost, 2] += 10.0
    return replace(found, labels=replace(found.labels, boxes=boxes))


NAMES = ("AP_L1", "APH_L1", "AP_L2", "APH_L2")


def test_figures_equal_the_documented_ones(found: Objects, true: Objects) -> None:
    values = evaluate_objects(found, true)

    for where, expected in DOCUMENTED.items():
        if where not in ("vehicle", "vehicle/30-50m"):
            assert figures(values, NAMES, where) == pytest.approx(expected, abs=6e-7), where
    assert all(np.isnan(figures(values, NAMES, "cyclist")))


def test_vehicles_equal_the_documented_figures_without_one_match(
    found: Objects, true: Objects
) -> None:
    """The documented run lost one match: an object and predictions that coincide but for a half
    turn, so that their IoU is 1. The released program of 2025 finds it and has 0.2096817
    (test_official.py). Without this match, all eight figures are the documented ones.
    """
    values = evaluate_objects(found, true)
    assert figures(values, NAMES, "vehicle") == pytest.approx(
        (0.2096817, 0.16353965, 0.20680946, 0.16123015), abs=6e-7
    )

    values = evaluate_objects(without_the_lost_match(found), true)
    for where in ("vehicle", "vehicle/30-50m"):
        assert figures(values, NAMES, where) == pytest.approx(DOCUMENTED[where], abs=6e-7), where


def test_tolerant_figures_equal_the_documented_ones(found: Objects, true: Objects) -> None:
    values = evaluate_objects(found, true, tolerant=True)

    for where, expected in DOCUMENTED_TOLERANT.items():
        names = ("LET-APL", "LET-AP", "LET-APH")
        assert figures(values, names, where) == pytest.approx(expected, abs=6e-7), where
    assert np.isnan(values["LET-AP/cyclist"])


def test_means_are_over_the_classes(found: Objects, true: Objects) -> None:
    values = evaluate_objects(found, true)
    three = [values[f"APH_L2/{name}"] for name in ("vehicle", "pedestrian", "sign")]

    assert values["mAPH_L2_present"] == pytest.approx(np.mean(three))
    assert values["mAPH_L2"] == pytest.approx(np.sum(three) / 4)


def test_unknown_types_are_refused(found: Objects, true: Objects) -> None:
    types = found.labels.types.copy()
    types[3] = 5
    wrong = replace(found, labels=replace(found.labels, types=types))

    with pytest.raises(CalicoError, match="predictions: got type 5, expected 1 to 4"):
        evaluate_objects(wrong, true)
