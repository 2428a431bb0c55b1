"""The whole way of another stack: corrupted copies on disk, its predictions on them, its score."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from calico.data.copies.corrupted import CopyWriter, Original
from calico.data.copies.export import VERSION, export_frames
from calico.data.nuscenes import NuScenesSource
from calico.data.source import FrameSource
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.engines.base import Engine
from calico_eval.engines.predictions import PredictionFiles
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.conditions import CorruptionCondition
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.submission import write_submission
from corruptions.preset import Level
from tests.calico_eval.evaluations import plan_for, run_for

SEED = 4
Stack = Callable[[list[Frame]], list[Predictions]]


@pytest.fixture
def copies(street: FrameSource, tmp_path: Path) -> Path:
    """The street as a data set, clean and under two conditions."""
    folder = tmp_path / "copies"
    export_frames({"val": street}, folder / "clean", link=False)
    records = NuScenesSource(folder / "clean", VERSION, "val", None)
    writer = CopyWriter(Original(street, records, folder / "clean", VERSION, 1), SEED)
    for name in ("beam_missing", "object_shear"):
        writer.write(Level(name, 5), folder)
    return folder


def predicted(stack: Stack, copies: Path, conditions: dict[str, str], out: Path) -> PredictionFiles:
    """What a stack leaves that sees nothing but the copies. conditions: name of the file to name of
    the copy."""
    for file, copy in conditions.items():
        source = NuScenesSource(copies / copy, VERSION, "val", None)
        frames = [source[index] for index in range(len(source))]
        write_submission(out / f"{file}.json", zip(frames, stack(frames), strict=True), ["lidar"])
    return PredictionFiles(out)


def scores(
    engines: list[Engine], street: FrameSource, corruption: str, out: Path
) -> dict[tuple[str, str], dict]:
    """Metrics by model and condition, on the frames themselves."""
    plan = plan_for(
        engines,
        street,
        ranges=class_ranges(),
        corruptions=(corruption,),
        severities=(5,),
        seed=SEED,
    )
    results = run_for(plan, engines, street, out, title="t", pictures=False)
    return {
        (cell.model, cell.condition.name): {
            name: metric.value for name, metric in cell.metrics.items()
        }
        for cell in results.cells
    }


def test_files_made_on_copies_score_as_the_model_does(
    cluster_detector_module: ModuleType, street: FrameSource, copies: Path, tmp_path: Path
) -> None:
    model = UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")
    conditions = {"clean": "clean", "beam_missing-5": "beam_missing-5"}
    files = predicted(model.predict, copies, conditions, tmp_path / "theirs")
    found = scores([model, files], street, "beam_missing", tmp_path / "run")
    for condition in ("clean", "beam_missing"):
        assert found["cluster", condition]["mAP"] > 0.01
        assert found["theirs", condition] == pytest.approx(found["cluster", condition], abs=1e-4)
    assert found["theirs", "clean"]["mAP"] != found["theirs", "beam_missing"]["mAP"]


def labels_as_predictions(frames: list[Frame]) -> list[Predictions]:
    """A stack that knows the labels of the copy that it sees."""
    return [
        Predictions(
            boxes=np.nan_to_num(frame.boxes.boxes),
            scores=np.ones(len(frame.boxes), np.float32),
            labels=frame.boxes.labels,
            attributes=frame.boxes.attributes,
        )
        for frame in frames
    ]


def test_labels_that_a_corruption_moves_are_the_truth_for_files_too(
    street: FrameSource, copies: Path, tmp_path: Path
) -> None:
    right = {"clean": "clean", "object_shear-5": "object_shear-5"}
    wrong = {"clean": "clean", "object_shear-5": "clean"}
    engines: list[Engine] = [
        predicted(labels_as_predictions, copies, conditions, tmp_path / name)
        for name, conditions in (("right", right), ("wrong", wrong))
    ]
    found = scores(engines, street, "object_shear", tmp_path / "run")
    moved = {model: found[model, "object_shear"] for model in ("right", "wrong")}
    assert moved["right"]["mASE"] == pytest.approx(found["right", "clean"]["mASE"], abs=1e-4)
    assert moved["right"]["mATE"] == pytest.approx(found["right", "clean"]["mATE"], abs=1e-4)
    assert moved["wrong"]["mASE"] > moved["right"]["mASE"] + 0.02
    assert moved["wrong"]["mATE"] > moved["right"]["mATE"] + 0.02


@pytest.mark.parametrize("value", [None, 87.0, 12.5])
def test_a_copy_is_named_as_its_file_of_predictions(value: float | None) -> None:
    spec = (
        CorruptionCondition.at_severity("fog", 3)
        if value is None
        else CorruptionCondition.at_value("fog", value)
    )
    assert Level("fog", 3, value).file_stem == spec.file_stem
