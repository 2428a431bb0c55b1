"""The interpreter of TensorFlow.js graphs against torch and against values by hand."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from calico.errors import CalicoError
from examples.public_detector.tfjs_graph import TfjsGraph
from tests.examples.public_detector.graph_writer import (
    BINS,
    CLASSES,
    SIZE,
    GraphWriter,
    convolution,
    numbers,
    text,
    write_tiny_nanodet,
)


def compute(
    folder: Path,
    values: Any,
    op: str,
    constants: dict[str, Any],
    shape: tuple[int, ...],
    **attr: Any,
) -> list[Any]:
    """Write a graph of one operation, read it, and run it."""
    graph = GraphWriter()
    array = np.asarray(values, np.float32)
    image = graph.add_input("image", array.shape)
    inputs = [image, *(graph.add_constant(name, value) for name, value in constants.items())]
    graph.add(op, "one", inputs, **attr)
    graph.add_output("one", "result", shape)
    found = TfjsGraph(graph.write(folder))(torch.from_numpy(array))
    assert list(found) == ["result:0"]
    listed: list[Any] = found["result:0"].tolist()
    return listed


def test_a_convolution_is_the_sum_by_hand(tmp_path: Path) -> None:
    # 2 x 2 filter of 1, 2, 3, 4 on the rows 1 2 3 / 4 5 6; the filter is not mirrored
    image = np.array([[1, 2, 3], [4, 5, 6]]).reshape(1, 2, 3, 1)
    kernel = np.array([[1.0, 2.0], [3.0, 4.0]]).reshape(2, 2, 1, 1)
    found = compute(tmp_path, image, "Conv2D", {"k": kernel}, (1, 1, 2, 1), **convolution(1))
    assert np.ravel(found).tolist() == [1 + 4 + 12 + 20, 2 + 6 + 15 + 24]


def test_maximum_pooling_takes_each_window(tmp_path: Path) -> None:
    image = np.arange(16).reshape(1, 4, 4, 1)
    found = compute(
        tmp_path, image, "MaxPool", {}, (1, 2, 2, 1), ksize=numbers(1, 2, 2, 1),
        strides=numbers(1, 2, 2, 1), padding=text("VALID"), data_format=text("NHWC"),
    )  # fmt: skip
    assert np.ravel(found).tolist() == [5, 7, 13, 15]


def test_resizing_uses_the_centres_of_pixels(tmp_path: Path) -> None:
    found = compute(
        tmp_path, np.array([1.0, 3.0]).reshape(1, 1, 2, 1), "ResizeBilinear",
        {"size": np.array([1, 4])}, (1, 1, 4, 1),
        half_pixel_centers={"b": True}, align_corners={"b": False},
    )  # fmt: skip
    assert np.ravel(found).tolist() == [1.0, 1.5, 2.5, 3.0]


def test_padding_transposition_leaky_and_sigmoid_by_hand(tmp_path: Path) -> None:
    rows = [[1.0, -2.0]]
    padded = compute(tmp_path / "a", rows, "Pad", {"p": np.array([[1, 0], [0, 2]])}, (2, 4))
    assert padded == [[0, 0, 0, 0], [1, -2, 0, 0]]
    filled = compute(
        tmp_path / "b", rows, "PadV2", {"p": np.array([[0, 1], [0, 0]]), "v": np.float32(9)}, (2, 2)
    )
    assert filled == [[1, -2], [9, 9]]
    turned = compute(tmp_path / "c", rows, "Transpose", {"o": np.array([1, 0])}, (2, 1))
    assert turned == [[1], [-2]]
    leaky = compute(tmp_path / "d", rows, "LeakyRelu", {}, (1, 2), alpha={"f": 0.25})
    assert leaky == [[1, -0.5]]
    sigmoid = compute(tmp_path / "e", [[0.0]], "Sigmoid", {}, (1, 1))
    assert sigmoid == [[0.5]]


def test_a_small_network_equals_the_same_one_written_in_torch(tmp_path: Path) -> None:
    weights = write_tiny_nanodet(tmp_path)
    graph = TfjsGraph(tmp_path / "nanodet.json")
    images = torch.from_numpy(
        np.random.default_rng(1).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    )

    def layer(name: str, stride: int = 1) -> Callable[[Tensor], Tensor]:
        kernel = torch.from_numpy(weights[name].astype(np.float32)).permute(3, 2, 0, 1)
        bias = torch.from_numpy(weights[f"{name}/bias"].astype(np.float32))
        return lambda x: F.conv2d(x, kernel, bias, stride, padding=kernel.shape[-1] // 2)

    half = F.leaky_relu(layer("stem", 2)(images), 0.1)
    eighth = F.leaky_relu(layer("deep_8", 2)(F.max_pool2d(half, 3, 2, padding=1)), 0.1)
    sixteenth = F.leaky_relu(layer("deep_16", 2)(eighth), 0.1)
    last = F.leaky_relu(layer("deep_32", 2)(sixteenth), 0.1)
    both = torch.cat([sixteenth, F.interpolate(last, scale_factor=2, mode="bilinear")], dim=1)
    expected = {}
    for index, (stride, source) in enumerate(((8, eighth), (16, both), (32, last))):
        head = layer(f"head_{stride}")(source).flatten(2).transpose(1, 2)
        expected[index], expected[index + 3] = head[..., :CLASSES].sigmoid(), head[..., CLASSES:]
    found = graph(images)
    assert list(found) == ["Identity:0", *(f"Identity_{i}:0" for i in range(1, 6))]
    for index, value in enumerate(found.values()):
        assert value.shape == (
            1,
            (SIZE // (8, 16, 32)[index % 3]) ** 2,
            (CLASSES, 4 * BINS)[index // 3],
        )
        torch.testing.assert_close(value, expected[index], rtol=1e-4, atol=1e-5)


def test_gradients_reach_the_image(tmp_path: Path) -> None:
    write_tiny_nanodet(tmp_path)
    images = torch.zeros(1, 3, SIZE, SIZE, requires_grad=True)
    TfjsGraph(tmp_path / "nanodet.json")(images)["Identity:0"].sum().backward()
    assert images.grad is not None
    assert images.grad.abs().sum() > 0


def change(model: dict[str, Any], kind: str, **fields: Any) -> None:
    node = next(node for node in model["modelTopology"]["node"] if node["op"] == kind)
    for key, value in fields.items():
        node[key] = node["attr"] | value if key == "attr" else value


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda m: m.update(format="layers-model"), "graph-model"),
        (lambda m: change(m, "Sigmoid", op="Exec"), "Exec has no interpretation"),
        (lambda m: change(m, "Conv2D", attr={"padding": text("SAME")}), "padding SAME"),
        (lambda m: change(m, "Conv2D", attr={"strides": numbers(1, 0, 1, 1)}), "positive whole"),
        (lambda m: change(m, "Conv2D", attr={"data_format": {"s": "%%"}}), "text in base64"),
        (lambda m: change(m, "Sigmoid", input=["nowhere"]), "there is no input nowhere"),
        (lambda m: change(m, "Sigmoid", input=["split_8:2"]), "output 2 of an operation with 2"),
        (lambda m: change(m, "Sigmoid", input=["^split_8"]), "expected name or name:index"),
        (lambda m: change(m, "Pad", input=["head_8/out", "border"]), "depend on themselves"),
        (lambda m: change(m, "Pad", input=["input_1", "input_1"]), "input 1 that is computed"),
        (lambda m: change(m, "LeakyRelu", input=["border", "border"]), "has 2 inputs; expected 1"),
        (lambda m: change(m, "ResizeBilinear", attr={"half_pixel_centers": {}}), "half_pixel"),
        (lambda m: change(m, "Transpose", input=["input_1", "swap"]), "shapes do not fit"),
        (lambda m: m["modelTopology"]["node"].append({"name": "stem/pad", "op": "Pad"}), "twice"),
        (lambda m: m["signature"]["outputs"].update(none={}), "has no tensorShape"),
        (lambda m: m["signature"]["inputs"].clear(), "signature.inputs"),
        (lambda m: m["signature"]["outputs"].update(
            {"other:0": {"tensorShape": {"dim": [{"size": "1"}]}}}), "there is no output other:0"),
        (lambda m: m["signature"]["outputs"]["Identity:0"]["tensorShape"]["dim"].pop(),
         "output Identity:0 has the shape"),
        (lambda m: m["signature"]["inputs"]["input_1:0"]["tensorShape"]["dim"].__setitem__(
            2, {"size": "99999999"}), "expected 1 to"),
        (lambda m: m["modelTopology"].update(node=[]), "expected 1 to 10000 nodes"),
    ],
)  # fmt: skip
def test_a_wrong_model_is_refused(
    tmp_path: Path, fault: Callable[[dict[str, Any]], None], message: str
) -> None:
    write_tiny_nanodet(tmp_path)
    path = tmp_path / "nanodet.json"
    model = json.loads(path.read_text())
    fault(model)
    path.write_text(json.dumps(model))
    with pytest.raises(CalicoError, match=r"nanodet\.json") as caught:
        TfjsGraph(path)
    assert message in str(caught.value)


def test_a_result_too_large_is_refused_before_it_is_allocated(tmp_path: Path) -> None:
    graph = GraphWriter()
    image = graph.add_input("image", (1, 2, 2, 1))
    amounts = graph.add_constant("amounts", np.full((4, 2), 8000))
    graph.add("Pad", "huge", [image, amounts])
    graph.add_output("huge", "result", (1,))
    with pytest.raises(CalicoError, match="node huge: a result of the shape"):
        TfjsGraph(graph.write(tmp_path))
