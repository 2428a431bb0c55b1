"""Which frames a run draws, and in which order.

All functions are pure functions of the seed, so that a resumed run draws what the killed one would
have drawn.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from calico.data.source import FrameSource
from calico.seeds import make_generator


def label_subset(
    source: FrameSource, fraction: float, seed: int, unit: Literal["frame", "scene"] = "frame"
) -> list[int]:
    """Draw the frames whose labels a run may use, in the source's order.

    A larger share holds every frame of a smaller one.

    Args:
        source: Training frames.
        fraction: Share that is drawn, at least one frame or scene.
        seed: Seed of the run.
        unit: What is drawn. Scenes are what people label in practice. Their frames are alike, so
            that a share of scenes is worth less than the same share of frames.
    """
    rng = make_generator(seed, "label subset")
    if unit == "frame":
        return sorted(
            rng.permutation(len(source))[: max(1, round(len(source) * fraction))].tolist()
        )
    scenes: dict[str, list[int]] = {}
    for index in range(len(source)):
        scenes.setdefault(source.info(index).scene, []).append(index)
    drawn = [
        list(scenes.values())[i]
        for i in rng.permutation(len(scenes))[: max(1, round(len(scenes) * fraction))]
    ]
    return sorted(index for scene in drawn for index in scene)


def epoch_order(frames: list[int], seed: int, epoch: int, length: int) -> list[int]:
    """Join permutations of the frames, cut to the length of an epoch.

    Args:
        frames: Indices to draw from.
        seed: Seed of the run.
        epoch: Number of the epoch. Each epoch has an order of its own.
        length: Frames in the epoch.
    """
    rng = make_generator(seed, "order", epoch)
    rounds = -(-length // len(frames))
    return [frames[i] for _ in range(rounds) for i in rng.permutation(len(frames))][:length]


def balanced_frames(source: FrameSource, frames: list[int]) -> list[int]:
    """Repeat frames so that every class comes up equally often.

    Every class that occurs gets the same number of frames, drawn evenly from those that show it. A
    frame may come up more than once. The length stays about that of the input times the mean number
    of classes per frame.

    Args:
        source: Training frames.
        frames: Indices to draw from.

    Source:
        The sampling of CBGS, class-balanced grouping and sampling (Zhu et al. 2019, arXiv
        1908.09492), section 3.1: every class gets the mean number of frames of a class. Deviation:
        frames are drawn evenly spread instead of at random, so that the list depends on nothing
        else. The grouping of classes into heads is `model.detection.tasks`.
    """
    shown = [np.unique(source.labels(index)) for index in frames]
    by_class = {
        int(c): [f for f, s in zip(frames, shown, strict=True) if c in s] for s in shown for c in s
    }
    if not by_class:
        return list(frames)
    per_class = max(1, round(sum(len(members) for members in by_class.values()) / len(by_class)))
    result = []
    for label in sorted(by_class):
        members = by_class[label]
        result += [members[int(i)] for i in np.linspace(0, len(members), per_class, endpoint=False)]
    return result
