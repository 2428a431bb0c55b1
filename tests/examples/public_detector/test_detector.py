"""NanoDet's boxes: letterbox, decoding and crops with numbers by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from examples.public_detector.detector import (
    MEAN_BGR,
    STD_BGR,
    Detector,
    decode_outputs,
    fit_letterbox,
    list_parts,
    prepare_image,
)
from examples.public_detector.tfjs_graph import TfjsGraph
from tests.examples.public_detector.graph_writer import SIZE, write_tiny_nanodet

BINS = 11


def peaked(*distances: int) -> list[float]:
    """Logits whose softmax is one at each of the distances."""
    return [50.0 if bin_ == distance else -50.0 for distance in distances for bin_ in range(BINS)]


class OneObject:
    """Answers with one object, in the cell (1, 2) of stride 8, for every input."""

    def __init__(self, score: float = 0.9, label: int = 2) -> None:
        self.score, self.label = score, label
        self.inputs: list[Tensor] = []

    def __call__(self, images: Tensor) -> dict[str, Tensor]:
        self.inputs.append(images)
        size = images.shape[-1]
        found: dict[str, Tensor] = {}
        for stride in (8, 16, 32):
            cells = (size // stride) ** 2
            found[f"scores_{stride}"] = torch.zeros(1, cells, 80)
            found[f"distances_{stride}"] = torch.full((1, cells, 4 * BINS), -1.0)
        found["scores_8"][0, 1 * (size // 8) + 2, self.label] = self.score
        found["distances_8"][0, 1 * (size // 8) + 2] = torch.tensor(peaked(1, 1, 2, 3))
        return found


def test_a_wide_image_lies_in_the_middle_of_the_square() -> None:
    box = fit_letterbox(900, 1600, 416)
    assert (box.scale, box.left, box.top) == (0.26, 0, 91)
    box = fit_letterbox(32, 16, 64)
    assert (box.scale, box.left, box.top) == (2.0, 16, 0)


def test_the_input_is_normalised_bgr_with_a_grey_border() -> None:
    image = np.full((32, 64, 3), (10, 20, 30), np.uint8)
    values, _ = prepare_image(image, 64)
    assert values.shape == (1, 3, 64, 64)
    inner = [(v - m) / s for v, m, s in zip((30, 20, 10), MEAN_BGR, STD_BGR, strict=True)]
    border = [(114 - m) / s for m, s in zip(MEAN_BGR, STD_BGR, strict=True)]
    np.testing.assert_allclose(values[0, :, 32, 5], inner, rtol=1e-5)
    np.testing.assert_allclose(values[0, :, 15, 5], border, rtol=1e-5)
    np.testing.assert_allclose(values[0, :, 16, 5], inner, rtol=1e-5)


def test_a_distance_is_the_mean_of_its_bins_in_strides() -> None:
    scores = [torch.zeros(1, cells, 80) for cells in (4, 1, 1)]
    logits = torch.zeros(1, 4, 4 * BINS)  # equal bins: the mean is 5
    logits[0, 3] = torch.tensor(peaked(0, 1, 2, 10))
    rest = [torch.zeros(1, 1, 4 * BINS)] * 2
    boxes, flat = decode_outputs(scores, [logits, *rest])
    assert flat.shape == (6, 80)
    # cell 3 of stride 8 is row 1, column 1: its centre is (12, 12)
    assert boxes[3].tolist() == pytest.approx([12, 4, 28, 92])
    assert boxes[1].tolist() == pytest.approx([12 - 40, 4 - 40, 12 + 40, 4 + 40])
    assert boxes[4].tolist() == pytest.approx([8 - 80, 8 - 80, 8 + 80, 8 + 80])


def test_a_box_returns_to_the_pixels_of_the_image() -> None:
    network = OneObject()
    detector = Detector(network, 64, (0, 2))
    found = detector.detect(np.zeros((128, 128, 3), np.uint8))  # half of its size
    # the centre is (20, 12); distances 8, 8, 16, 24 of the input are 16, 16, 32, 48 of the image
    assert found.boxes.tolist() == [[24, 8, 72, 72]]
    assert found.scores == pytest.approx([0.9])
    assert found.labels.tolist() == [2]
    assert len(network.inputs) == 2  # one asks for the shapes


def test_scores_and_classes_that_are_not_asked_for_are_left_out() -> None:
    image = np.zeros((64, 64, 3), np.uint8)
    assert len(Detector(OneObject(0.19), 64, (0, 2)).detect(image).boxes) == 0
    assert len(Detector(OneObject(label=9), 64, (0, 2)).detect(image).boxes) == 0


def test_a_wide_image_is_also_seen_in_two_crops() -> None:
    assert list_parts(900, 1600) == [(0, 1600), (0, 900), (700, 1600)]
    assert list_parts(900, 1000) == [(0, 1000)]
    found = Detector(OneObject(), 64, [2]).detect(np.zeros((64, 128, 3), np.uint8))
    # whole: scale 0.5 and 16 rows of border; crops: scale 1, the second one begins at 64
    expected = [[24, 0, 72, 40], [12, 4, 36, 36], [76, 4, 100, 36]]
    assert sorted(found.boxes.tolist()) == sorted(expected)


def test_a_box_at_the_inner_edge_of_a_crop_is_left_out() -> None:
    class AtTheRight(OneObject):
        def __call__(self, images: Tensor) -> dict[str, Tensor]:
            found = super().__call__(images)
            found["distances_8"][0, 10] = torch.tensor(peaked(1, 1, 8, 3))  # to 20 + 64 px
            return found

    found = Detector(AtTheRight(), 64, [2]).detect(np.zeros((64, 128, 3), np.uint8))
    # the first crop's box ends at its inner edge 64; the second one's at the image's edge
    assert sorted(found.boxes.tolist()) == [[24, 0, 128, 40], [76, 4, 128, 36]]


def test_of_two_boxes_at_one_place_the_better_stays() -> None:
    class Twice(OneObject):
        def __call__(self, images: Tensor) -> dict[str, Tensor]:
            found = super().__call__(images)
            found["scores_8"][0, 11, 2] = 0.5  # the next cell, 8 px to the right
            found["distances_8"][0, 11] = torch.tensor(peaked(2, 1, 1, 3))
            return found

    found = Detector(Twice(), 64, [2]).detect(np.zeros((64, 64, 3), np.uint8))
    assert found.scores.tolist() == pytest.approx([0.9])


def test_a_network_with_other_outputs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\(1, 64, classes\)"):
        Detector(lambda images: {"out": images}, 64, [2])
    write_tiny_nanodet(tmp_path)
    graph = TfjsGraph(tmp_path / "nanodet.json")
    Detector(graph, SIZE, [79])
    with pytest.raises(ValueError, match="more than 80 classes"):
        Detector(graph, SIZE, [80])
