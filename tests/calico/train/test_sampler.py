from collections import Counter

import numpy as np

from calico.data.source import FrameInfo
from calico.frame import Int64
from calico.train.sampler import balanced_frames, epoch_order, label_subset


class Labelled:
    """A source that knows only its labels."""

    def __init__(self, labels: list[list[int]]) -> None:
        self.all = labels

    def __len__(self) -> int:
        return len(self.all)

    def info(self, index: int) -> FrameInfo:
        return FrameInfo(f"frame-{index}", f"scene-{index // 6}")

    def labels(self, index: int) -> Int64:
        return np.array(self.all[index], np.int64)


def test_label_subset_is_a_fixed_random_share() -> None:
    source = Labelled([[0]] * 200)
    half = label_subset(source, 0.05, seed=3)
    assert len(half) == 10
    assert half == sorted(set(half)) == label_subset(source, 0.05, seed=3)
    assert half != label_subset(source, 0.05, seed=4)
    assert set(label_subset(source, 0.01, seed=3)) < set(
        half
    )  # more labels are the same and some more
    assert label_subset(source, 1.0, seed=3) == list(range(200))
    assert len(label_subset(source, 0.001, seed=3)) == 1


def test_label_subset_of_whole_scenes() -> None:
    source = Labelled([[0]] * 60)
    scenes = [
        {index // 6 for index in label_subset(source, share, 1, "scene")} for share in (0.2, 0.5)
    ]
    assert [len(drawn) for drawn in scenes] == [2, 5]
    assert scenes[0] < scenes[1]
    assert len(label_subset(source, 0.2, 1, "scene")) == 12


def test_epoch_order_permutes_and_differs_by_epoch() -> None:
    frames = [3, 5, 8, 13, 21]
    assert sorted(epoch_order(frames, 0, 0, 5)) == frames
    assert len({tuple(epoch_order(frames, 0, epoch, 5)) for epoch in range(20)}) > 10


def test_a_longer_epoch_is_one_permutation_after_the_other() -> None:
    order = epoch_order([3, 5, 8], 0, 0, 8)
    assert sorted(order[:3]) == sorted(order[3:6]) == [3, 5, 8]
    assert len(order) == 8
    assert len(set(order[6:])) == 2


def test_balanced_frames_raise_rare_classes() -> None:
    source = Labelled([[0]] * 90 + [[0, 1]] * 10)
    drawn = balanced_frames(source, list(range(100)))
    counts = Counter(label for index in drawn for label in source.all[index])
    # 100 frames show class 0 and 10 show class 1: 55 draws each; those for class 1 show class 0 as
    # well.
    assert len(drawn) == 110
    assert 55 <= counts[1] <= 61
    assert balanced_frames(Labelled([[], []]), [0, 1]) == [0, 1]
