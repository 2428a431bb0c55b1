"""The users' own models: what they see, and what is said when they go wrong."""

from __future__ import annotations

import ast
import asyncio
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.user import UserEngine

ONE_BOX = [[1.0, 2.0, 0.0, 4.0, 2.0, 1.5, 0.1, 0.0, 0.0]]


class Returns:
    def __init__(self, output: Any) -> None:
        self.output = output

    def predict(self, frames: list[Any]) -> Any:
        return self.output


def engine_of(model: Any) -> UserEngine:
    return UserEngine(model, "mine", ("camera", "lidar"), "0")


def good(**changes: Any) -> dict[str, Any]:
    return {"boxes": ONE_BOX, "scores": [0.5], "labels": [0], **changes}


def test_example_finds_the_near_cars(
    cluster_detector_module: ModuleType, street: FrameSource
) -> None:
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
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    imported |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.split(".")[0] for name in imported} <= {
        "__future__",
        "collections",
        "typing",
        "numpy",
        "scipy",
    }


def test_example_takes_an_empty_frame(
    cluster_detector_module: ModuleType, street: FrameSource
) -> None:
    none = np.zeros(0, np.int16)
    empty = street[0].replace(points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none)
    assert len(engine_of(cluster_detector_module.build()).predict([empty])[0].boxes) == 0


def test_model_sees_neither_labels_nor_the_past_and_cannot_harm_the_frame(
    street: FrameSource,
) -> None:
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
        (None, "frame street0-0: predict returned NoneType; expected a list"),
        (good(), "frame street0-0: predict returned dict; expected a list"),
        ([good(), good()], r"frame street0-0: predict returned more results than frames \(1\)"),
        ([], "frame street0-0: predict returned 0 results for 1 frames"),
        ([[1]], "model mine, frame street0-0: got list, expected a mapping"),
        ([{"boxes": ONE_BOX, "scores": [1]}], "frame street0-0: missing labels"),
        ([good(scores=[0.5, 0.5])], r"frame street0-0: predictions: boxes \(1, 9\), scores \(2,\)"),
        ([good(boxes=[[1.0, 2.0, 0.0]])], r"frame street0-0: predictions: boxes \(1, 3\)"),
        ([good(boxes=[[np.nan] * 9])], r"frame street0-0: boxes: got nan at \[0, 0\]"),
        ([good(boxes="no")], "frame street0-0: boxes: got values of type <U2"),
        (
            [good(boxes=[[1.0], [2.0, 3.0]])],
            "frame street0-0: predict raised ValueError: setting an array element",
        ),
        (
            [good(scores=[1.5])],
            r"frame street0-0: scores: got 1.5 at \[0\], expected numbers in 0\.\.1",
        ),
        (
            [good(labels=[10])],
            r"frame street0-0: labels: got 10 at \[0\], expected 0\.\.9 \(car, truck",
        ),
        (
            [good(boxes=[[1.0, 2.0, 0.0, 4.0, 0.0, 1.5, 0.1]])],
            "frame street0-0: sizes of boxes: got 0 at",
        ),
        ([good(attributes=[8])], r"frame street0-0: attributes: got 8 at \[0\], expected -1\.\.7"),
        ([good(map_probs=[[[1.5]]] * 6)], r"frame street0-0: map_probs: got 1.5 at \[0, 0, 0\]"),
    ],
)
def test_wrong_outputs(output: Any, message: str, street: FrameSource) -> None:
    with pytest.raises(CalicoError, match=message):
        engine_of(Returns(output)).predict([street[0]])


class Raises:
    """Raises in predict, or while its answers are read."""

    def __init__(self, error: BaseException, *, late: bool) -> None:
        self.error, self.late = error, late

    def predict(self, frames: list[Any]) -> Any:
        if self.late:
            return self.answers()
        raise self.error

    def answers(self) -> Iterator[Any]:
        yield good()
        raise self.error


class Fatal(BaseException):
    def __str__(self) -> str:
        raise SystemExit(0)


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize(
    ("error", "said"),
    [
        (SystemExit(0), "SystemExit: 0"),
        (KeyboardInterrupt(), "KeyboardInterrupt: "),
        (GeneratorExit("x"), "GeneratorExit: x"),
        (asyncio.CancelledError("x"), "CancelledError: x"),
        (Fatal(), r"Fatal: \(its text cannot be had: SystemExit\)"),
        (ValueError("two\nlines\x1b[2J"), r"ValueError: two lines \[2J at"),
        (CalicoError("theirs"), "CalicoError: theirs"),
        (RecursionError("deep"), "RecursionError: deep"),
    ],
)
def test_whatever_the_model_raises_is_an_error_of_the_model(
    error: BaseException, said: str, late: bool, street: FrameSource
) -> None:
    frames = [street[0], street[1]]
    message = (
        f"model mine, frame street0-0, street0-1: predict raised {said}.* in (predict|answers)"
    )
    with pytest.raises(CalicoError, match=message) as caught:
        engine_of(Raises(error, late=late)).predict(frames)
    assert caught.value.__cause__ is error
    assert "\n" not in str(caught.value)


def test_a_generator_without_an_end_is_read_one_answer_too_far(street: FrameSource) -> None:
    read = 0

    class Endless:
        def predict(self, frames: list[Any]) -> Iterator[Any]:
            nonlocal read
            while True:
                read += 1
                yield good()

    with pytest.raises(CalicoError, match=r"more results than frames \(2\)"):
        engine_of(Endless()).predict([street[0], street[1]])
    assert read == 3


def test_a_model_that_fills_one_mapping_again_and_again_is_read_in_time(
    street: FrameSource,
) -> None:
    class Reuses:
        def predict(self, frames: list[Any]) -> Iterator[Any]:
            buffer = np.array(ONE_BOX)
            for number in range(len(frames)):
                buffer[0, 0] = number
                yield {"boxes": buffer, "scores": [0.5], "labels": [0]}

    found = engine_of(Reuses()).predict([street[0], street[1]])
    assert [one.boxes[0, 0] for one in found] == [0, 1]


def test_a_map_in_some_frames_only_is_an_error(street: FrameSource) -> None:
    some = good(map_probs=np.full((6, 2, 2), 0.5))
    with pytest.raises(
        CalicoError, match="frame street0-1: map_probs are missing, and frame street0-0 had some"
    ):
        engine_of(Returns([some, good()])).predict([street[0], street[1]])
    model = Returns([good()])
    engine = engine_of(model)
    engine.predict([street[0]])
    model.output = [some]
    with pytest.raises(
        CalicoError, match="frame street0-2: map_probs are given, and frame street0-0 had none"
    ):
        engine.predict([street[2]])


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
        r"model mine, frame street0-2: predict raised KeyError: 'weights' at "
        r".*test_user\.py:\d+ in predict"
    )
    with pytest.raises(CalicoError, match=message) as caught:
        engine_of(Broken()).predict([street[2]])
    cause = caught.value.__cause__
    assert isinstance(cause, KeyError)
    assert cause.__traceback__ is not None
