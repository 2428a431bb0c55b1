"""What an ONNX file answers is believed no more than what a user's model answers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import onnx
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.engines.open import open_engine


def test_a_sound_answer_is_taken(graphs: ModuleType, street: FrameSource, tmp_path: Path) -> None:
    engine = OnnxEngine(graphs.write_graph(tmp_path / "m.onnx"), "cpu")
    found = engine.predict([street[0], street[1]])
    assert [one.scores.tolist() for one in found] == [[pytest.approx(0.9), 0.5]] * 2
    assert found[1].boxes[0].tolist() == pytest.approx([5, 2, -1, 4, 2, 1.5, 0.1, 1, 0])


def put(
    name: str, place: tuple[int, ...], value: float
) -> Callable[[ModuleType], dict[str, np.ndarray]]:
    def changes(graphs: ModuleType) -> dict[str, np.ndarray]:
        array = graphs.answers()[name]
        array[place] = value
        return {name: array}

    return changes


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (put("boxes", (1, 7), np.nan), r"boxes: got nan at \[1, 7\], expected finite numbers"),
        (put("boxes", (0, 8), np.inf), r"boxes: got inf at \[0, 8\]"),
        (put("boxes", (0, 4), -2), r"sizes of boxes: got -2 at \[0, 1\]"),
        (put("scores", (0,), np.nan), r"scores: got nan at \[0\], expected numbers in 0\.\.1"),
        (put("scores", (3,), np.nan), r"scores: got nan at \[2\]"),
        (put("scores", (1,), 90), r"scores: got 90 at \[1\]"),
        (put("scores", (1,), -0.5), r"scores: got -0\.5 at \[1\]"),
        (put("labels", (0,), 10), r"labels: got 10 at \[0\], expected 0\.\.9 \(car"),
        (put("labels", (1,), -1), r"labels: got -1 at \[1\]"),
        (
            put("map_probs", (0, 3, 4), 7),
            r"map_probs: got 7 at \[0, 3, 4\], expected numbers in 0\.\.1",
        ),
        (put("map_probs", (5, 0, 0), np.nan), r"map_probs: got nan at \[5, 0, 0\]"),
        (
            lambda graphs: {"boxes": graphs.answers()["boxes"].astype(np.float64) * 1e300},
            r"boxes: got inf at \[0, 0\]",
        ),
    ],
)
def test_a_senseless_answer_names_the_frame(
    changes: Callable[[ModuleType], dict[str, np.ndarray]],
    message: str,
    graphs: ModuleType,
    street: FrameSource,
    tmp_path: Path,
) -> None:
    engine = OnnxEngine(graphs.write_graph(tmp_path / "m.onnx", changes(graphs)), "cpu")
    with pytest.raises(
        CalicoError, match=rf"model constant \(onnxruntime-cpu\), frame street0-2: {message}"
    ):
        engine.predict([street[2]])


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("boxes", np.zeros((4, 7), np.float32), r"boxes has the shape \[None, 4, 7\]"),
        ("boxes", np.zeros((5, 9), np.float32), r"boxes has the shape \[None, 5, 9\]"),
        ("scores", np.zeros(4, np.int64), r"scores has the shape .*INT64"),
        ("scores", np.zeros(4, np.complex64), r"scores has the shape .*COMPLEX64"),
        ("labels", np.full(4, 0.9, np.float32), r"labels has the shape .*FLOAT"),
        ("labels", np.array(["car"] * 4, object), r"labels has the shape .*STRING"),
        (
            "map_probs",
            np.zeros((6, 32, 16), np.float32),
            r"map_probs has the shape \[None, 6, 32, 16\]",
        ),
        (
            "map_probs",
            np.zeros((5, 32, 32), np.float32),
            r"map_probs has the shape \[None, 5, 32, 32\]",
        ),
    ],
)
def test_outputs_that_differ_from_the_card(
    name: str, value: np.ndarray, message: str, graphs: ModuleType, tmp_path: Path
) -> None:
    path = graphs.write_graph(tmp_path / "m.onnx", {name: value})
    with pytest.raises(CalicoError, match=rf"graph .*m\.onnx: {message}.*export it again"):
        open_engine(str(path), "cpu")


def forget_shapes(proto: onnx.ModelProto) -> None:
    for value in proto.graph.output:
        value.type.tensor_type.ClearField("shape")


def test_outputs_whose_shapes_are_not_declared_are_checked_when_they_come(
    graphs: ModuleType, street: FrameSource, tmp_path: Path
) -> None:
    changes = {"boxes": np.ones((3, 9), np.float32)}
    engine = OnnxEngine(graphs.write_graph(tmp_path / "m.onnx", changes, forget_shapes), "cpu")
    with pytest.raises(
        CalicoError, match=r"frame street0-0: output boxes has the shape \[1, 3, 9\] .*\[1, 4, 9\]"
    ):
        engine.predict([street[0]])


def ask_for_36_terabytes(proto: onnx.ModelProto) -> None:
    nodes = proto.graph.node
    next(node for node in nodes if "scores" in node.output).output[0] = "raw"
    proto.graph.initializer.append(
        onnx.helper.make_tensor("size", onnx.TensorProto.INT64, [1], [9 * 10**12])
    )
    nodes.append(onnx.helper.make_node("ConstantOfShape", ["size"], ["huge"]))
    nodes.append(onnx.helper.make_node("ReduceSum", ["huge"], ["sum"], keepdims=0))
    nodes.append(onnx.helper.make_node("Add", ["raw", "sum"], ["scores"]))


def test_a_graph_that_asks_for_too_much_memory_is_an_error(
    graphs: ModuleType, street: FrameSource, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = OnnxEngine(graphs.write_graph(tmp_path / "m.onnx", edit=ask_for_36_terabytes), "cpu")
    with pytest.raises(
        CalicoError,
        match=r"model constant: ONNX Runtime failed on frames street0-0: .*36000000000000",
    ) as e:
        engine.predict([street[0]])
    assert "\n" not in str(e.value)
    assert capfd.readouterr().err == ""


def external(location: str) -> Callable[[onnx.ModelProto], None]:
    def edit(proto: onnx.ModelProto) -> None:
        tensor = next(
            tensor for tensor in proto.graph.initializer if tensor.name == "map_probs_one"
        )
        tensor.ClearField("raw_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=location)

    return edit


def test_weights_beside_the_file_are_part_of_its_identity(
    graphs: ModuleType, street: FrameSource, tmp_path: Path
) -> None:
    path = graphs.write_graph(tmp_path / "m.onnx", edit=external("weights.bin"))
    found = []
    for value in (0.25, 0.75, 0.25):
        (tmp_path / "weights.bin").write_bytes(np.full((1, 6, 32, 32), value, np.float32).tobytes())
        engine = OnnxEngine(path, "cpu")
        maps = engine.predict([street[0]])[0].map_probs
        assert maps is not None
        assert maps.max() == value
        found.append(engine.sha256)
    assert found[0] == found[2] != found[1]


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("", "keeps weights in ''; expected a file in the graph's own folder"),
        ("../weights.bin", "keeps weights in '../weights.bin'; expected"),
        ("/dev/zero", "keeps weights in '/dev/zero'; expected"),
        ("gone.bin", r"keeps weights in gone\.bin, which is not there"),
    ],
)
def test_weights_elsewhere_are_refused(
    location: str, message: str, graphs: ModuleType, tmp_path: Path
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(np.zeros((1, 6, 32, 32), np.float32).tobytes())
    path = graphs.write_graph(folder / "m.onnx", edit=external(location))
    with pytest.raises(CalicoError, match=message):
        OnnxEngine(path, "cpu")


def test_weights_inside_a_branch_of_the_graph_count(graphs: ModuleType, tmp_path: Path) -> None:
    def edit(proto: onnx.ModelProto) -> None:
        tensor = onnx.numpy_helper.from_array(np.zeros(1, np.float32), "hidden")
        inner = onnx.helper.make_graph(
            [onnx.helper.make_node("Constant", [], ["x"], value=tensor)], "inner", [], []
        )
        proto.graph.node.append(
            onnx.helper.make_node("If", ["c"], ["y"], then_branch=inner, else_branch=inner)
        )
        hidden = proto.graph.node[-1].attribute[0].g.node[0].attribute[0].t
        hidden.data_location = onnx.TensorProto.EXTERNAL
        hidden.external_data.add(key="location", value="gone.bin")

    with pytest.raises(CalicoError, match=r"gone\.bin, which is not there"):
        OnnxEngine(graphs.write_graph(tmp_path / "m.onnx", edit=edit), "cpu")
