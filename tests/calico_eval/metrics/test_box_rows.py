"""Frames that are joined and matched at once, against frames one by one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico.predictions import Predictions
from calico.taxonomy import KITTI
from calico_eval.metrics import matching
from calico_eval.metrics.box_rows import join_frames
from calico_eval.metrics.matching import DetectionStats, detection_stats, match_frames
from calico_eval.metrics.nuscenes import class_ranges

Pair = tuple[Frame, Predictions]
FIELDS = ("labels", "scores", "tp", "errors", "n_gt")


def bytes_of(stats: DetectionStats) -> list[tuple[object, bytes]]:
    return [(getattr(stats, name).dtype, getattr(stats, name).tobytes()) for name in FIELDS]


@pytest.mark.parametrize("at_once", [1, 3, 250])
def test_many_frames_are_matched_as_each_alone(
    at_once: int, random_pair: Callable[..., Pair], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(matching, "FRAMES_AT_ONCE", at_once)
    rng = np.random.default_rng(0)
    pairs = [random_pair(rng, f"t{i}", tilted=i % 2 == 0, classes=4) for i in range(7)]
    pairs[2] = (pairs[2][0].replace(boxes=Boxes.empty()), pairs[2][1])
    pairs[3] = (pairs[3][0], random_pair(rng, "none", objects=0)[1])
    pairs[5] = (pairs[5][0], replace(pairs[5][1], attributes=None))
    alone = [detection_stats(*pair, class_ranges()) for pair in pairs]
    assert sum(int(one.tp.sum()) for one in alone) > 20
    frames, found = zip(*pairs, strict=True)
    together = match_frames(frames, found, class_ranges())
    assert [bytes_of(one) for one in together] == [bytes_of(one) for one in alone]


def test_frames_of_several_taxonomies(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(1)
    frame, found = random_pair(rng, "a", classes=2)
    other = frame.replace(taxonomy=KITTI)
    ranges = class_ranges() | KITTI.ranges()
    stats = match_frames([frame, other, frame], [found] * 3, ranges)
    assert [one.taxonomy.name for one in stats] == ["nuscenes", "kitti", "nuscenes"]
    assert bytes_of(stats[0]) == bytes_of(stats[2])
    assert len(stats[1].n_gt) == len(KITTI.classes)


def test_no_frames() -> None:
    assert match_frames([], [], class_ranges()) == []


def test_the_first_wrong_frame_is_named(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(2)
    pairs = [random_pair(rng, f"t{i}") for i in range(4)]
    for place in (1, 3):
        frame, found = pairs[place]
        labels = found.labels.copy()
        labels[0] = 10
        pairs[place] = (frame, replace(found, labels=labels))
    with pytest.raises(CalicoError, match=r"frame t1: got label 10, expected 0\.\.9"):
        join_frames(pairs)


def test_rows_keep_their_frame(random_pair: Callable[..., Pair]) -> None:
    rng = np.random.default_rng(3)
    pairs = [random_pair(rng, f"t{i}", objects=3 + i) for i in range(3)]
    true, found = join_frames(pairs)
    assert np.bincount(true.frame).tolist() == [len(frame.boxes) for frame, _ in pairs]
    assert np.bincount(found.frame).tolist() == [len(one.boxes) for _, one in pairs]
    some = true.select(np.flatnonzero(true.frame == 1))
    assert np.array_equal(some.boxes, pairs[1][0].boxes.boxes, equal_nan=True)
    assert some.labels.tolist() == pairs[1][0].boxes.labels.tolist()
