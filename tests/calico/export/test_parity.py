from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from calico.config.schema import Config
from calico.data.batch import Batch
from calico.export.parity import check_parity, match_predictions
from calico.models.calico import CalicoModel, build_model
from calico.predictions import Predictions


def predictions(
    boxes: list[list[float]], scores: list[float], labels: list[int] | None = None
) -> Predictions:
    array = np.zeros((len(boxes), 9), np.float32)
    array[:, 3:6] = [4.0, 2.0, 1.5]
    array[:, [0, 1, 6]] = np.array(boxes, np.float32).reshape(-1, 3)
    return Predictions(
        array, np.array(scores, np.float32), np.array(labels or [0] * len(boxes), np.int64)
    )


def test_matching_ignores_the_order_and_turns() -> None:
    a = predictions([[0, 0, 3.1415], [10, 0, 0]], [0.5, 0.5])
    b = predictions([[10.004, 0, 0.001], [0, 0.003, -3.1415]], [0.5005, 0.5])
    errors, left_a, left_b = match_predictions(a, b)
    assert (left_a, left_b) == ([], [])
    assert errors[:, 0] == pytest.approx([0.003, 0.004], abs=1e-5)
    assert errors[:, 1].max() == pytest.approx(np.rad2deg(0.001), abs=2e-3)


@pytest.mark.parametrize(
    "other",
    [
        predictions([[0.02, 0, 0]], [0.5]),
        predictions([[0, 0, 0.003]], [0.5]),
        predictions([[0, 0, 0]], [0.502]),
        predictions([[0, 0, 0]], [0.5], [1]),
        predictions([], []),
    ],
)
def test_what_is_out_of_tolerance_is_no_match(other: Predictions) -> None:
    errors, left_a, _ = match_predictions(predictions([[0, 0, 0]], [0.5]), other)
    assert len(errors) == 0
    assert left_a == [0]


def test_one_box_is_matched_once() -> None:
    errors, left_a, left_b = match_predictions(
        predictions([[0, 0, 0]] * 2, [0.5] * 2), predictions([[0, 0, 0]], [0.5])
    )
    assert (len(errors), left_a, left_b) == (1, [1], [])


@pytest.fixture
def model(small: Config) -> CalicoModel:
    return build_model(small, 0)


def test_a_model_agrees_with_itself(model: CalicoModel, batch: Batch) -> None:
    report = check_parity(model, model.predict, [batch, batch])
    assert report.passed
    assert report.matched == report.boxes > 20
    assert report.map_max_difference == 0.0
    assert json.loads(report.to_json())["passed"] is True


def test_a_graph_that_loses_boxes_and_bends_the_map_fails(model: CalicoModel, batch: Batch) -> None:
    def broken(given: Batch) -> list[Predictions]:
        (whole,) = model.predict(given)
        assert whole.map_probs is not None
        return [
            replace(
                whole,
                boxes=whole.boxes[5:],
                scores=whole.scores[5:],
                labels=whole.labels[5:],
                map_probs=whole.map_probs + 0.01,
            )
        ]

    report = check_parity(model, broken, [batch])
    assert not report.passed
    assert [item.side for item in report.unmatched] == ["torch"] * 5
    assert report.map_max_difference == pytest.approx(0.01, abs=1e-5)
    assert "FAILED" in report.summary()


def test_reasons_name_the_near_tie(
    model: CalicoModel, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A box just above the threshold; one whose overlapping rival has its score; one that nothing
    explains."""
    ours = predictions([[0, 0, 0], [8, 0, 0], [0, 8, 0]], [0.9, 0.5, 0.0504])
    theirs = predictions([[8, 0.5, 0]], [0.5004])
    monkeypatch.setattr(model, "predict", lambda _: [ours])
    report = check_parity(model, lambda _: [theirs], [batch])
    reasons = {(item.side, round(item.score, 2)): item.reason for item in report.unmatched}
    assert reasons == {
        ("torch", 0.9): "unexplained",
        ("torch", 0.5): "suppression",
        ("torch", 0.05): "threshold",
        ("graph", 0.5): "suppression",
    }
