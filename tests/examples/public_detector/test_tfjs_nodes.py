"""Nodes of TensorFlow.js graphs: order and constants."""

from __future__ import annotations

import numpy as np
import pytest

from calico.errors import CalicoError
from examples.public_detector.tfjs_nodes import Node, fold_constants, sort_nodes


def make(name: str, op: str, *inputs: str) -> Node:
    return Node(name, op, tuple((one, 0) for one in inputs), {}, f"node {name}")


def test_nodes_come_after_their_inputs() -> None:
    nodes = [make("c", "Add", "b", "a"), make("b", "Sigmoid", "a"), make("a", "Placeholder")]
    assert [node.name for node in sort_nodes(nodes, "model")] == ["a", "b", "c"]


def test_a_circle_is_an_error() -> None:
    with pytest.raises(CalicoError, match="2 nodes depend on themselves"):
        sort_nodes([make("a", "Sigmoid", "b"), make("b", "Sigmoid", "a")], "model")


def test_a_sparse_constant_is_filled_and_added() -> None:
    nodes = [
        make("dense", "SparseToDense", "places", "shape", "values", "default"),
        make("sum", "AddV2", "dense", "base"),
    ]
    constants = {
        "places": np.array([[1]], np.int32),
        "shape": np.array([3], np.int32),
        "values": np.array([7], np.int32),
        "default": np.array(0, np.int32),
        "base": np.array([1, 80, -1], np.int32),
    }
    fold_constants(nodes, constants)
    assert constants["dense"].tolist() == [0, 7, 0]
    assert constants["sum"].tolist() == [1, 87, -1]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"places": np.array([[3]], np.int32)}, "outside of its shape"),
        ({"shape": np.array([2_000_000_000], np.int32)}, "at most 10000 elements"),
        ({"default": np.zeros(2, np.int32)}, "one default"),
    ],
)
def test_a_sparse_constant_that_does_not_fit_is_refused(
    change: dict[str, np.ndarray], message: str
) -> None:
    constants = {
        "places": np.array([[1]], np.int32),
        "shape": np.array([3], np.int32),
        "values": np.array([7], np.int32),
        "default": np.array(0, np.int32),
    }
    node = make("dense", "SparseToDense", *constants)
    with pytest.raises(CalicoError, match=message):
        fold_constants([node], constants | change)


def test_a_constant_without_a_weight_is_an_error() -> None:
    with pytest.raises(CalicoError, match="Const without a weight"):
        fold_constants([make("c", "Const")], {})
