"""The users' own models: what they see, and what is said when they go wrong."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.open import open_engine
from calico_eval.engines.user import UserEngine, load_user_engine

ONE_BOX = [[1.0, 2.0, 0.0, 4.0, 2.0, 1.5, 0.1, 0.0, 0.0]]


def write_module(folder: Path, monkeypatch: pytest.MonkeyPatch, name: str, body: str) -> str:
    """A module of the user's in the working folder."""
    (folder / f"{name}.py").write_text(body)
    monkeypatch.chdir(folder)
    return name


class Returns:
    def __init__(self, output: Any) -> None:
        self.output = output

    def predict(self, frames: list[Any]) -> Any:
        return self.output


def engine_of(model: Any) -> UserEngine:
    return UserEngine(model, "mine", ("camera", "lidar"), "0")


def good(**changes: Any) -> dict[str, Any]:
    return {"boxes": ONE_BOX, "scores": [0.5], "labels": [0], **changes}


def test_example_finds_the_near_cars(cluster_detector_module: ModuleType, street: FrameSource) -> None:
    engine = engine_of(cluster_detector_module.build())
    frame = street[1]
    found = engine.predict([frame])[0]
    cars = frame.boxes.select((frame.boxes.labels == 0) & (frame.boxes.num_points > 50))
    assert len(cars) >= 4
    for car in cars.boxes:
        distance = np.linalg.norm(found.boxes[found.labels == 0, :2] - car[:2], axis=1)
        assert distance.min() < 0.5


def test_example_imports_nothing_of_ours(cluster_detector_module: ModuleType) -> None:
    tree = ast.parse(Path(str(cluster_detector_module.__file__)).read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {"__future__", "collections", "typing", "numpy", "scipy"}


def test_example_takes_an_empty_frame(cluster_detector_module: ModuleType, street: FrameSource) -> None:
    none = np.zeros(0, np.int16)
    empty = street[0].replace(points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none)
    assert len(engine_of(cluster_detector_module.build()).predict([empty])[0].boxes) == 0


def test_loads_by_name_from_the_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "class M:\n  sensors = ('lidar',)\n  def predict(self, frames): return []\ndef build(): return M()\n"
    write_module(tmp_path, monkeypatch, "model_by_name", body)
    engine = load_user_engine("model_by_name:build")
    assert (engine.name, engine.model_name, engine.sensors) == ("user", "model_by_name", ("lidar",))
    assert len(engine.sha256) == 64
    assert open_engine("fast=model_by_name:build").model_name == "fast"


def test_source_change_changes_the_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "class M:\n  def predict(self, frames): return []\ndef build(): return M()\n"
    write_module(tmp_path, monkeypatch, "model_one", body)
    write_module(tmp_path, monkeypatch, "model_two", body + "# more\n")
    assert load_user_engine("model_one:build").sha256 != load_user_engine("model_two:build").sha256


def test_model_sees_neither_labels_nor_the_past_and_cannot_harm_the_frame(street: FrameSource) -> None:
    seen: list[Any] = []

    class Vandal:
        def predict(self, frames: list[Any]) -> list[dict[str, Any]]:
            for frame in frames:
                seen.append(frame)
                frame.points[:] = 0
                frame.images[0][:] = 0
                frame.camera_K[:] = 0
            return [good() for _ in frames]

    frame = street[1]
    points, image, matrix = frame.points.copy(), frame.images[0].copy(), frame.camera_K.copy()
    engine_of(Vandal()).predict([frame])
    assert np.array_equal(frame.points, points)
    assert np.array_equal(frame.images[0], image)
    assert np.array_equal(frame.camera_K, matrix)
    assert len(seen[0].boxes) == 0
    assert seen[0].map_masks is None
    assert seen[0].previous is None


@pytest.mark.parametrize(
    ("output", "message"),
    [
        (None, "returned NoneType on frame street0-0; expected a list"),
        (good(), "returned dict on frame street0-0; expected a list"),
        ([good(), good()], r"returned 2 results for 1 frames \(street0-0\)"),
        ([[1]], "model mine, frame street0-0: got list, expected a mapping"),
        ([{"boxes": ONE_BOX, "scores": [1]}], "frame street0-0: missing labels"),
        ([good(scores=[0.5, 0.5])], r"frame street0-0: predictions: boxes \(1, 9\), scores \(2,\)"),
        ([good(boxes=[[1.0, 2.0, 0.0]])], r"frame street0-0: predictions: boxes \(1, 3\)"),
        ([good(boxes=[[np.nan] * 9])], "frame street0-0: boxes or scores are not finite"),
        ([good(boxes="no")], "frame street0-0: boxes, scores and labels do not make arrays"),
        ([good(scores=[1.5])], r"frame street0-0: scores from 1.5 to 1.5; expected 0\.\.1"),
        ([good(labels=[10])], r"frame street0-0: labels up to 10; expected 0\.\.9 \(car, truck"),
        ([good(boxes=[[1.0, 2.0, 0.0, 4.0, 0.0, 1.5, 0.1]])], "frame street0-0: a box has a size of 0 or less"),
        ([good(attributes=[8])], r"frame street0-0: attributes \(1,\) must be"),
        ([good(map_probs=[[[1.5]]])], r"frame street0-0: map_probs outside 0\.\.1"),
    ],
)
def test_wrong_outputs(output: Any, message: str, street: FrameSource) -> None:
    with pytest.raises(CalicoError, match=message):
        engine_of(Returns(output)).predict([street[0]])


def test_accepts_seven_columns_and_generators(street: FrameSource) -> None:
    output = (good(boxes=[row[:7] for row in ONE_BOX]) for _ in range(1))
    result = engine_of(Returns(output)).predict([street[0]])[0]
    assert result.boxes.shape == (1, 9)
    assert (result.boxes[0, 7:] == 0).all()


def test_exception_inside_the_model_keeps_its_traceback(street: FrameSource) -> None:
    class Broken:
        def predict(self, frames: list[Any]) -> Any:
            raise KeyError("weights")

    message = (
        r"model mine: predict raised KeyError: 'weights' at .*test_user_engine\.py:\d+ in predict \(frame street0-2\)"
    )
    with pytest.raises(CalicoError, match=message) as caught:
        engine_of(Broken()).predict([street[2]])
    cause = caught.value.__cause__
    assert isinstance(cause, KeyError)
    assert cause.__traceback__ is not None


@pytest.mark.parametrize(
    ("body", "spec", "message"),
    [
        ("", "u0:", "expected package.module:factory"),
        ("", "not_there_at_all:build", "there is no module not_there_at_all; it is looked up in the working folder"),
        ("", "examples.not_there:build", r"there is no module examples\.not_there; "),
        (
            "import not_there_either",
            "u6:build",
            r"u6 raised ModuleNotFoundError: .*'not_there_either' at .*u6\.py:1 in",
        ),
        ("def build(:", "u7:build", r"u7 raised SyntaxError: .*\(u7\.py, line 1\)$"),
        ("1/0", "u1:build", "importing u1 raised ZeroDivisionError"),
        ("def make(): pass", "u2:build", "u2 has no callable 'build'; it has make"),
        ("def build(): raise OSError('no weights')", "u3:build", "the factory raised OSError: no weights"),
        ("def build(): return 3", "u4:build", r"the factory returned int, which has no method predict\(frames\)"),
        (
            "class M:\n  sensors=('radar',)\n  def predict(self, f): ...\ndef build(): return M()",
            "u5:build",
            "sensors is",
        ),
    ],
)
def test_wrong_factories(body: str, spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if body:
        write_module(tmp_path, monkeypatch, spec.split(":")[0], body)
    with pytest.raises(CalicoError, match=message):
        load_user_engine(spec)


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("missing.pt", "'missing.pt' does not exist; expected a .onnx file"),
        ("file.txt", "'file.txt' is a file of another kind"),
    ],
)
def test_open_engine_says_what_it_expects(
    spec: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("file.txt").write_text("")
    with pytest.raises(CalicoError, match=message):
        open_engine(spec)
