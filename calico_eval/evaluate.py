"""Frames through an engine to per-frame statistics: `calico eval`, the validation of a training, every cell of an evaluation."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.base import Engine, Predictor, check_cameras, check_taxonomy
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.metrics.suffstats import FrameStats, frame_stats

Progress = Callable[[int, int], None]
"""Is told (frames done, frames in all)."""


def evaluate(
    engine: Engine,
    source: FrameSource,
    *,
    ranges: Mapping[str, float],
    batch_size: int = 4,
    indices: Sequence[int] | None = None,
    transform: Callable[[Frame], Frame] | None = None,
    progress: Progress | None = None,
) -> list[FrameStats]:
    """Runs every frame once and keeps what the metrics need. Files of predictions are scored by the labels alone.

    Args:
        engine: see `engines.open.open_engine`.
        source: frames with ground truth.
        ranges: class name to range [m], see `metrics.nuscenes.class_ranges`.
        batch_size: frames given to the engine at a time.
        indices: which frames of the source, in this order; default: all.
        transform: changes a frame before the engine sees it (a corruption). The ground truth is that of the changed frame.
        progress: is told how far it is.

    Raises:
        CalicoError: no frames, no cameras for a model that looks at them, or predictions that cannot be scored (model and
            frame are named).
    """
    check_cameras([engine], source)
    check_taxonomy([engine], source)
    chosen = range(len(source)) if indices is None else indices
    if len(chosen) == 0:
        raise CalicoError(f"data {source.name}: no frames to evaluate")
    stats: list[FrameStats] = []
    load = (
        source.annotations
        if transform is None and isinstance(engine, PredictionFiles)
        else source.__getitem__
    )
    for batch in batches(chosen, batch_size):
        frames = [load(index) for index in batch]
        stats += score(
            engine, [transform(frame) for frame in frames] if transform else frames, ranges
        )
        if progress:
            progress(len(stats), len(chosen))
    return stats


def batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    """The indices in groups of `size`; the last may be smaller."""
    if size < 1:
        raise CalicoError(f"batch size {size}: expected 1 or more")
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def score(
    engine: Predictor, frames: Sequence[Frame], ranges: Mapping[str, float]
) -> list[FrameStats]:
    """Predicts a batch and matches it with its ground truth."""
    return stats_of(frames, engine.predict(frames), ranges)


def stats_of(
    frames: Sequence[Frame], predictions: Sequence[Predictions], ranges: Mapping[str, float]
) -> list[FrameStats]:
    """Matches the predictions of a batch with its ground truth."""
    return [
        frame_stats(frame, found, ranges) for frame, found in zip(frames, predictions, strict=True)
    ]
