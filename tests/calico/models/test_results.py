import numpy as np

from calico.models.results import to_predictions


def test_slots_without_a_score_are_dropped_and_nan_is_kept() -> None:
    boxes = np.arange(27, dtype=np.float32).reshape(1, 3, 9)
    scores = np.array([[0.5, 0.0, np.nan]], np.float32)
    labels = np.array([[4, 0, 2]])
    (found,) = to_predictions(boxes, scores, labels, None, 1)
    assert found.boxes.tolist() == boxes[0, [0, 2]].tolist()
    assert found.labels.tolist() == [4, 2]
    assert found.scores[0] == 0.5
    assert np.isnan(found.scores[1])
    assert found.map_probs is None


def test_a_map_alone_gives_no_boxes() -> None:
    probs = np.random.default_rng(0).random((2, 3, 4, 5), np.float32)
    found = to_predictions(None, None, None, probs, 2)
    assert [len(one.boxes) for one in found] == [0, 0]
    for one, expected in zip(found, probs, strict=True):
        assert one.map_probs is not None
        assert np.array_equal(one.map_probs, expected)
