"""Figures by name: floats, intervals and reasons."""

from __future__ import annotations

import math

import pytest

from calico.errors import CalicoError
from calico_eval.metrics.scores import Scores
from reports.schema import Metric


@pytest.fixture
def scores() -> Scores:
    return Scores(
        {
            "mAP": Metric(value=0.25, lo=0.125, hi=0.5, method="by hand", n_frames=4, n_scenes=2),
            "NDS": Metric(value=0.5, n_frames=4, n_scenes=2),
            "AP/bus": Metric(value=None, reason="no buses", n_frames=4, n_scenes=2),
        }
    )


def test_figures_are_floats_and_undefined_ones_nan(scores: Scores) -> None:
    assert scores["mAP"] == 0.25
    assert math.isnan(scores["AP/bus"])
    assert dict(scores).keys() == {"mAP", "NDS", "AP/bus"}
    assert len(scores) == 3


def test_intervals_and_reasons(scores: Scores) -> None:
    assert scores.interval("mAP") == (0.125, 0.5)
    assert scores.interval("NDS") is None
    assert scores.metric("AP/bus").reason == "no buses"


def test_unknown_names(scores: Scores) -> None:
    with pytest.raises(KeyError):
        scores["map"]
    assert "map" not in scores
    with pytest.raises(CalicoError, match="metric 'AP/buss': did you mean 'AP/bus'"):
        scores.metric("AP/buss")
    with pytest.raises(CalicoError, match="metric 'speed': expected one of mAP, NDS, AP/bus"):
        scores.interval("speed")


def test_the_table(scores: Scores) -> None:
    lines = repr(scores).splitlines()
    assert [line.split() for line in lines] == [
        ["mAP", "0.2500", "[0.1250,", "0.5000]"],
        ["NDS", "0.5000"],
        ["AP/bus", "undefined", "(no", "buses)"],
    ]
