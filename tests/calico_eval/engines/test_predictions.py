"""Prediction files: their identity, and a frame that they do not hold."""

from __future__ import annotations

import json
from pathlib import Path
from types import ModuleType

import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.open import open_engine
from calico_eval.engines.user import UserEngine
from calico_eval.submission import write_submission
from corruptions import corrupt

SEED = 3


FRAMES = (0, 1, 3)


@pytest.fixture
def model(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


@pytest.fixture
def folder(model: UserEngine, street: FrameSource, tmp_path: Path) -> Path:
    """What a user's own stack would leave: a submission for the clean frames and one for
    beam_missing at severity 5."""
    clean = [street[index] for index in FRAMES]
    copies = [corrupt(frame, "beam_missing", 5, SEED) for frame in clean]
    for name, frames in (("clean", clean), ("beam_missing-5", copies)):
        write_submission(
            tmp_path / "stack" / f"{name}.json",
            zip(frames, model.predict(frames), strict=True),
            ["lidar"],
        )
    return tmp_path / "stack"


def test_a_frame_that_is_not_in_the_file_is_named(folder: Path, street: FrameSource) -> None:
    with pytest.raises(CalicoError, match=r"clean\.json: no sample street0-2; it holds 3 others"):
        open_engine(str(folder)).predict([street[2]])


def test_other_predictions_are_another_model(folder: Path) -> None:
    before = open_engine(str(folder)).sha256
    content = json.loads((folder / "beam_missing-5.json").read_text())
    content["results"]["street0-0"] = []
    (folder / "beam_missing-5.json").write_text(json.dumps(content))
    assert open_engine(str(folder)).sha256 != before


def test_a_file_of_other_classes_is_no_file_of_empty_answers(
    folder: Path, street: FrameSource
) -> None:
    path = folder / "clean.json"
    content = json.loads(path.read_text())
    content["meta"]["classes"] = ["lorry", "walker"]
    for found in content["results"].values():
        for record in found:
            record["detection_name"] = "lorry"
    path.write_text(json.dumps(content))
    engine = open_engine(str(folder))
    with pytest.raises(CalicoError, match=r"has the classes lorry, walker; expected some of the"):
        engine.predict([street[0]])
    content["meta"]["classes"].append("car")
    path.write_text(json.dumps(content))
    assert len(open_engine(str(folder)).predict([street[0]])[0].boxes) == 0
