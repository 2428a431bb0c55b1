"""Run an engine on frames, and match its answers with the ground truth.

`calico eval`, the validation of a training and every cell of an evaluation are made of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.base import Engine, Predictor, check_cameras, check_taxonomy
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.metrics.suffstats import FrameStats, compute_stats

Progress = Callable[[int, int], None]
"""Called with the frames done and the frames in all."""


def evaluate_engine(
    engine: Engine,
    source: FrameSource,
    *,
    ranges: Mapping[str, float],
    batch_size: int = 4,
    indices: Sequence[int] | None = None,
    transform: Callable[[Frame], Frame] | None = None,
    progress: Progress | None = None,
) -> list[FrameStats]:
    """Run every frame once and keep what the metrics need.

    Files of predictions are scored by the labels alone.

    Args:
        engine: A model, see `engines.open.open_engine`.
        source: Frames with ground truth.
        ranges: Class name to range [m], see `metrics.nuscenes.class_ranges`.
        batch_size: Number of frames that the engine sees at once.
        indices: Indices of the frames, in this order. Default: all.
        transform: Changes a frame before the engine sees it (a corruption). The ground truth is
            that of the changed frame.
        progress: Called after every batch.

    Raises:
        CalicoError: There are no frames, the data have no cameras for a model that looks at them,
            or
            predictions cannot be scored (the message names model and frame).
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
    for batch in split_batches(chosen, batch_size):
        frames = [load(index) for index in batch]
        stats += score_batch(
            engine, [transform(frame) for frame in frames] if transform else frames, ranges
        )
        if progress:
            progress(len(stats), len(chosen))
    return stats


def split_batches(indices: Sequence[int], size: int) -> list[Sequence[int]]:
    """Split indices into batches, the last of which may be smaller.

    Args:
        indices: Indices of frames.
        size: Number of frames of a batch.

    Raises:
        CalicoError: The size is below 1.
    """
    if size < 1:
        raise CalicoError(f"batch size {size}: expected 1 or more")
    return [indices[start : start + size] for start in range(0, len(indices), size)]


def score_batch(
    engine: Predictor, frames: Sequence[Frame], ranges: Mapping[str, float]
) -> list[FrameStats]:
    """Predict a batch and match it with its ground truth.

    Args:
        engine: A model.
        frames: Frames with ground truth.
        ranges: Class name to range [m].
    """
    return compute_batch_stats(frames, engine.predict(frames), ranges)


def compute_batch_stats(
    frames: Sequence[Frame], predictions: Sequence[Predictions], ranges: Mapping[str, float]
) -> list[FrameStats]:
    """Match the predictions of a batch with its ground truth.

    Args:
        frames: Frames with ground truth.
        predictions: Predictions of the same frames, in order.
        ranges: Class name to range [m].
    """
    return compute_stats(frames, predictions, ranges)
