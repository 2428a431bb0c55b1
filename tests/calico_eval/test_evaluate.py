"""evaluate: order, batches, transform, and figures that can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from calico.data.source import FrameInfo, FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES
from calico_eval.engines.base import check_cameras
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.infer import run_inference
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.summary import compute_metrics
from tests.calico_eval.evaluations import plan_for


class Oracle:
    """An engine that answers with the ground truth of the frames it is given, and notes what it
    saw."""

    name, model_name, sensors, sha256 = "oracle", "oracle", ("lidar",), "0"

    def __init__(self) -> None:
        self.batches: list[list[str]] = []
        self.points: list[int] = []

    def predict(self, frames: Sequence[Frame]) -> list[Predictions]:
        self.batches.append([frame.token for frame in frames])
        self.points += [len(frame.points) for frame in frames]
        return [
            Predictions(
                boxes=frame.boxes.boxes,
                scores=np.full(len(frame.boxes), 0.9, np.float32),
                labels=frame.boxes.labels,
                map_probs=None if frame.map_masks is None else frame.map_masks.astype(np.float32),
            )
            for frame in frames
        ]


def test_batches_keep_the_order_and_the_progress_ends_at_all(street: FrameSource) -> None:
    engine, steps = Oracle(), []
    stats = evaluate_engine(
        engine,
        street,
        ranges=class_ranges(),
        batch_size=4,
        progress=lambda done, total: steps.append((done, total)),
    )
    tokens = [street.info(index).token for index in range(6)]
    assert engine.batches == [tokens[:4], tokens[4:]]
    assert [s.token for s in stats] == tokens
    assert steps == [(4, 6), (6, 6)]


def test_a_perfect_model_of_two_classes_scores_two_tenths(street: FrameSource) -> None:
    """Objects without points are predicted too, but are no ground truth: false positives lower
    neither recall nor AP much."""
    seen = [frame.boxes.num_points > 0 for frame in (street[i] for i in range(6))]
    assert all(mask.any() for mask in seen)

    def visible_only(frame: Frame) -> Frame:
        return frame.replace(boxes=frame.boxes.select(frame.boxes.num_points > 0))

    metrics = compute_metrics(
        evaluate_engine(Oracle(), street, ranges=class_ranges(), transform=visible_only)
    )
    assert metrics["AP/car"].value == pytest.approx(1.0)
    assert metrics["AP/pedestrian"].value == pytest.approx(1.0)
    assert metrics["mAP"].value == pytest.approx(0.2)
    assert metrics["IoU/drivable_area"].value == pytest.approx(1.0)


def test_indices_and_transform_reach_the_engine(street: FrameSource) -> None:
    engine = Oracle()

    def halved(frame: Frame) -> Frame:
        return frame.replace(
            points=frame.points[::2], ring=frame.ring[::2], sweep_index=frame.sweep_index[::2]
        )

    stats = evaluate_engine(engine, street, ranges=class_ranges(), indices=[5, 0], transform=halved)
    assert [s.token for s in stats] == [street.info(5).token, street.info(0).token]
    assert engine.points == [(len(street[5].points) + 1) // 2, (len(street[0].points) + 1) // 2]


def test_no_frames_is_an_error(street: FrameSource) -> None:
    with pytest.raises(CalicoError, match="data street: no frames to evaluate"):
        evaluate_engine(Oracle(), street, ranges=class_ranges(), indices=[])


def test_batch_size_zero_is_an_error(street: FrameSource) -> None:
    with pytest.raises(CalicoError, match="batch size 0: expected 1 or more"):
        evaluate_engine(Oracle(), street, ranges=class_ranges(), batch_size=0)


class NoCameras:
    """The street without cameras; a frame that is loaded is a fault."""

    cameras = ()
    taxonomy = NUSCENES

    def __init__(self, street: FrameSource) -> None:
        self.street, self.name, self.map_grid = street, street.name, street.map_grid

    def __len__(self) -> int:
        return len(self.street)

    def info(self, index: int) -> FrameInfo:
        return self.street.info(index)

    def __getitem__(self, index: int) -> Frame:
        raise AssertionError("a frame was loaded")


def test_a_model_with_cameras_on_data_without_is_told_before_a_frame_is_loaded(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    blind, ranges = NoCameras(street), class_ranges()
    for work in (
        lambda: evaluate_engine(small_engine, blind, ranges=ranges),  # type: ignore[arg-type]
        lambda: run_inference(small_engine, blind, tmp_path),  # type: ignore[arg-type]
        lambda: plan_for([small_engine], blind, ranges=ranges),  # type: ignore[arg-type]
    ):
        with pytest.raises(
            CalicoError,
            match=r"looks at cameras, but data street have none .* --set data\.cameras=",
        ):
            work()
    check_cameras([Oracle()], blind)  # type: ignore[arg-type, list-item]
