"""Nodes of a TensorFlow.js graph: read, checked and put in order."""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from calico.errors import CalicoError
from examples.public_detector.tfjs_weights import MAX_ELEMENTS, MAX_RANK, Array

MAX_NODES = 10_000
Shape = tuple[int, ...]
Output = tuple[str, int]
"""Name of a node and index of its output."""


@dataclass(frozen=True)
class Node:
    """One operation of the graph.

    Attributes:
        name: Its name, unique in the graph.
        op: Kind of operation, e.g. Conv2D.
        inputs: (name of a node, index of its output) of each input.
        attributes: Attributes as the JSON has them.
        where: File and node, for messages.
    """

    name: str
    op: str
    inputs: tuple[Output, ...]
    attributes: Mapping[str, Any]
    where: str

    def refuse(self, found: str, expected: str) -> CalicoError:
        """Make the error for something that the interpreter does not do.

        Args:
            found: What the node has.
            expected: What it should have.
        """
        return CalicoError(f"{self.where}: {self.op} has {found}; expected {expected}")

    def read_text(self, key: str, default: str = "") -> str:
        """Read a text attribute, which the format stores in base64.

        Args:
            key: Name of the attribute.
            default: Text if the node has no such attribute.
        """
        value = self._field(key, "s")
        try:
            return default if value is None else base64.b64decode(value, validate=True).decode()
        except (binascii.Error, TypeError, ValueError):
            raise self.refuse(f"{key} {value!r:.60}", "a text in base64") from None

    def read_numbers(self, key: str, default: Shape) -> Shape:
        """Read a list of positive whole numbers, which the format stores as texts.

        Args:
            key: Name of the attribute.
            default: Numbers if the node has no such attribute.
        """
        value = self._field(key, "list")
        if value is None:
            return default
        numbers = value.get("i", []) if isinstance(value, dict) else None
        if not isinstance(numbers, list) or not all(
            str(number).isdecimal() and len(str(number)) < 6 and int(number) > 0
            for number in numbers
        ):
            raise self.refuse(f"{key} {value!r:.60}", "positive whole numbers below 100000")
        return tuple(int(number) for number in numbers)

    def read_flag(self, key: str) -> bool:
        """Read a boolean attribute; false if the node has no such attribute.

        Args:
            key: Name of the attribute.
        """
        return self._field(key, "b") is True

    def read_float(self, key: str, default: float) -> float:
        """Read a number.

        Args:
            key: Name of the attribute.
            default: Number if the node has no such attribute.
        """
        value = self._field(key, "f")
        if value is None:
            return default
        if type(value) not in (int, float):
            raise self.refuse(f"{key} {value!r:.60}", "a number")
        return float(value)

    def _field(self, key: str, kind: str) -> Any:
        attribute = self.attributes.get(key)
        return attribute.get(kind) if isinstance(attribute, dict) else None


def read_nodes(model: Mapping[str, Any], where: str) -> list[Node]:
    """Read the nodes of a model.

    Args:
        model: The object of model.json.
        where: Name of the model for the messages.

    Raises:
        CalicoError: The nodes are not of the format, or two have one name.
    """
    topology = model.get("modelTopology")
    entries = topology.get("node") if isinstance(topology, dict) else None
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_NODES:
        raise CalicoError(f"{where}: modelTopology.node: expected 1 to {MAX_NODES} nodes")
    nodes: dict[str, Node] = {}
    for number, entry in enumerate(entries):
        name, op = (entry.get(key) for key in ("name", "op")) if isinstance(entry, dict) else (0, 0)
        if not isinstance(name, str) or not isinstance(op, str):
            raise CalicoError(f"{where}: node {number} has no name or no op")
        place = f"{where}, node {name}"
        inputs, attributes = entry.get("input", []), entry.get("attr", {})
        if not isinstance(inputs, list) or not isinstance(attributes, dict):
            raise CalicoError(f"{place}: expected a list of inputs and an object of attributes")
        if name in nodes:
            raise CalicoError(f"{place}: appears twice")
        nodes[name] = Node(
            name, op, tuple(_read_output(text, place) for text in inputs), attributes, place
        )
    return list(nodes.values())


def _read_output(text: Any, where: str) -> Output:
    """Read 'name' or 'name:index'."""
    name, _, index = text.partition(":") if isinstance(text, str) else ("", "", "")
    if not name or name.startswith("^") or not (index or "0").isdecimal() or len(index) > 3:
        raise CalicoError(f"{where}: input {text!r:.60}; expected name or name:index")
    return name, int(index or 0)


def read_signature(model: Mapping[str, Any], side: str, where: str) -> dict[str, Shape]:
    """Read the names and shapes of the inputs or outputs of a model, sorted by name.

    Args:
        model: The object of model.json.
        side: "inputs" or "outputs".
        where: Name of the model for the messages.

    Returns:
        'name:index' to the shape.

    Raises:
        CalicoError: The model states no shapes, or a shape is not fixed or too large.
    """
    signature = model.get("signature")
    entries = signature.get(side) if isinstance(signature, dict) else None
    if not isinstance(entries, dict) or not entries:
        raise CalicoError(f"{where}: signature.{side}: expected an object with names and shapes")
    return {name: _read_shape(entries[name], f"{where}, {name}") for name in sorted(entries)}


def _read_shape(entry: Any, where: str) -> Shape:
    try:
        sides = [str(side["size"]) for side in entry["tensorShape"]["dim"]]
    except (KeyError, TypeError):
        raise CalicoError(f"{where}: has no tensorShape with sizes") from None
    if len(sides) > MAX_RANK or not all(side.isdecimal() and len(side) < 9 for side in sides):
        raise CalicoError(f"{where}: shape {sides!r:.80}; expected fixed whole numbers")
    shape = tuple(int(side) for side in sides)
    if not 0 < math.prod(shape) <= MAX_ELEMENTS:
        raise CalicoError(f"{where}: shape {shape}; expected 1 to {MAX_ELEMENTS} elements")
    return shape


def fold_constants(nodes: list[Node], constants: dict[str, Array]) -> None:
    """Compute the nodes that depend on whole-number constants alone, e.g. shapes.

    Args:
        nodes: All nodes, in order.
        constants: Values by name; results are added.

    Raises:
        CalicoError: A Const has no weights, or a node has no meaning that is known.
    """
    for node in nodes:
        values = [constants.get(name) for name, _ in node.inputs]
        known = [value for value in values if value is not None]
        if node.op == "Const" and node.name not in constants:
            raise CalicoError(f"{node.where}: Const without a weight of this name")
        if len(known) < len(values) or any(value.dtype != np.int32 for value in known):
            continue
        if node.op in ("Add", "AddV2") and len(known) == 2:
            try:
                constants[node.name] = np.add(known[0], known[1], dtype=np.int32)
            except ValueError as error:
                raise CalicoError(f"{node.where}: shapes do not fit ({error})") from None
        elif node.op == "SparseToDense":
            constants[node.name] = _make_dense(node, known)


def _make_dense(node: Node, inputs: list[Array]) -> Array:
    """Fill an array of a default and set single elements, as tf.raw_ops.SparseToDense."""
    if len(inputs) != 4:
        raise node.refuse(f"{len(inputs)} constant inputs", "indices, shape, values, default")
    indices, shape, values, default = inputs
    sides = tuple(int(side) for side in shape.reshape(-1))
    if any(side < 0 for side in sides) or math.prod(sides) > MAX_NODES or default.size != 1:
        raise node.refuse(f"the shape {sides}", f"at most {MAX_NODES} elements and one default")
    dense = np.full(sides, default.reshape(-1)[0], np.int32)
    if indices.size:
        places = indices.reshape(-1, len(sides))
        if (places < 0).any() or (places >= np.array(sides)).any():
            raise node.refuse("an index outside of its shape", f"indices within {sides}")
        dense[tuple(places.T)] = values
    return dense


def sort_nodes(nodes: list[Node], where: str) -> list[Node]:
    """Sort nodes so that each comes after its inputs.

    Args:
        nodes: All nodes.
        where: Name of the model for the messages.

    Raises:
        CalicoError: An input does not exist, or the graph has a cycle.
    """
    by_name = {node.name: node for node in nodes}
    waiting = {node.name: {name for name, _ in node.inputs} for node in nodes}
    users: dict[str, list[str]] = {name: [] for name in by_name}
    for name, inputs in waiting.items():
        for source in inputs:
            if source not in by_name:
                raise CalicoError(f"{by_name[name].where}: there is no input {source}")
            users[source].append(name)
    ready = [name for name, inputs in waiting.items() if not inputs]
    order = []
    while ready:
        name = ready.pop()
        order.append(by_name[name])
        for user in users[name]:
            waiting[user].discard(name)
            if not waiting[user]:
                ready.append(user)
    if len(order) < len(nodes):
        raise CalicoError(f"{where}: {len(nodes) - len(order)} nodes depend on themselves")
    return order
