"""Files of predictions are scored by the labels: no sensor data are loaded, let alone corrupted."""

from __future__ import annotations

import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.open import open_engine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.evaluation.curve_request import parse_curve
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.summary import compute_metrics
from calico_eval.submission import write_submission
from corruptions import corrupt
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 1, 3)


class LabelsOnly:
    """A source whose sensor files are gone."""

    def __init__(self, source: FrameSource) -> None:
        self.source = source
        self.name, self.map_grid, self.cameras = source.name, source.map_grid, source.cameras
        self.taxonomy = source.taxonomy

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Frame:
        raise CalicoError("a sensor file was opened")

    def content_hash(self) -> str:
        raise CalicoError("a sensor file was looked at")

    def __getattr__(self, name: str) -> object:
        return getattr(self.source, name)


@pytest.fixture
def folder(cluster_detector_module: ModuleType, street: FrameSource, tmp_path: Path) -> Path:
    """What a stack of its own would leave."""
    model = UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")
    clean = [street[index] for index in FRAMES]
    for name in ("clean", "beam_missing-5", "point_drop-5"):
        corruption = name.partition("-")[0]
        frames = clean if name == "clean" else [corrupt(frame, corruption, 5, 0) for frame in clean]
        path = tmp_path / "stack" / f"{name}.json"
        write_submission(path, zip(frames, model.predict(frames), strict=True), ["lidar"])
    shutil.copy(
        tmp_path / "stack" / "point_drop-5.json", tmp_path / "stack" / "fog-visibility_m=40.json"
    )
    shutil.copy(
        tmp_path / "stack" / "point_drop-5.json", tmp_path / "stack" / "fog-visibility_m=20.json"
    )
    return tmp_path / "stack"


def run_small(
    source: Any, folder: Path, out: Path, corruptions: tuple[str, ...], *curves: str
) -> Results:
    engine = open_engine(f"theirs={folder}")
    plan = plan_for(
        [engine],
        source,
        ranges=class_ranges(),
        corruptions=corruptions,
        severities=(5,) if corruptions else (),
        curves=[parse_curve(text) for text in curves],
        indices=FRAMES,
    )
    return run_for(plan, [engine], source, out, title="t", pictures=False)


def test_scores_are_those_of_the_whole_frames(
    street: FrameSource, folder: Path, tmp_path: Path
) -> None:
    names, curve = ("beam_missing", "point_drop"), "fog.visibility_m=40,20"
    results = run_small(LabelsOnly(street), folder, tmp_path / "labels", names, curve)
    assert [str(cell.condition.name) for cell in results.cells] == ["clean", *names, "fog", "fog"]
    assert (results.cells[0].metrics["mAP"].value or 0) > 0.01

    class Whole(LabelsOnly):
        def annotations(self, index: int) -> Frame:
            return street[index]

    whole = run_small(Whole(street), folder, tmp_path / "whole", names, curve)
    assert whole.cells == results.cells
    assert all(cell.effect is None for cell in results.cells)


def test_eval_needs_the_labels_alone(street: FrameSource, folder: Path) -> None:
    engine = open_engine(str(folder))
    alone: Any = LabelsOnly(street)
    found = evaluate_engine(engine, alone, ranges=class_ranges(), indices=FRAMES)
    whole = evaluate_engine(
        engine, street, ranges=class_ranges(), indices=FRAMES, transform=lambda frame: frame
    )
    assert compute_metrics(found) == compute_metrics(whole)


def test_without_sensor_files_the_gallery_is_left_out_with_a_note(
    street: FrameSource, folder: Path, tmp_path: Path
) -> None:
    said: list[str] = []
    engine = open_engine(f"theirs={folder}")
    source: Any = LabelsOnly(street)
    plan = plan_for(
        [engine],
        source,
        ranges=class_ranges(),
        corruptions=("point_drop",),
        severities=(5,),
        indices=FRAMES,
    )
    results = run_for(plan, [engine], source, tmp_path / "run", title="t", warn=said.append)
    note = "The gallery was left out: the sensor files of its frames cannot be read."
    assert results.notes == (note,)
    assert said == [f"{note} a sensor file was opened"]
    assert results.pictures == ()
    assert results.provenance.data_hash == street.labels_hash()


def test_labels_that_a_corruption_moves_are_moved(
    street: FrameSource, folder: Path, tmp_path: Path
) -> None:
    """Files that hold the moved boxes themselves make no error of size: 0 for two classes, 1 for
    the eight that are not there."""
    frames = [corrupt(street[index], "object_scale", 5, 0) for index in FRAMES]
    found = [
        Predictions(frame.boxes.boxes, np.ones(len(frame.boxes), np.float32), frame.boxes.labels)
        for frame in frames
    ]
    write_submission(folder / "object_scale-5.json", zip(frames, found, strict=True), ["lidar"])
    results = run_small(street, folder, tmp_path / "whole", ("object_scale",))
    assert results.cells[1].metrics["mASE"].value == pytest.approx(0.8, abs=1e-4)
    with pytest.raises(CalicoError, match="a sensor file was"):
        run_small(LabelsOnly(street), folder, tmp_path / "labels", ("object_scale",))


def test_a_missing_file_is_named_or_explained_by_the_frames(
    street: FrameSource, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match=r"no fog-5\.json; there are"):
        run_small(street, folder, tmp_path / "a", ("fog",))
