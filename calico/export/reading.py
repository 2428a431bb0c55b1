"""The card of a graph file, read strictly and compared with the graph that carries it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import onnx
from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from calico.config.load import validate_config
from calico.errors import CalicoError
from calico.export.metadata import FORMAT, GraphMetadata, Target
from calico.export.pillars import PillarBudget
from calico.export.sealing import check_graph_seal
from calico.export.shapes import (
    ArrayShape,
    input_names,
    input_shapes,
    output_names,
    output_shapes,
)
from calico.files import FileError, is_sealed, parse_json, read_bytes, read_json, read_sealed_json

MAX_FILE_BYTES = 2**31 - 1
"""Of one ONNX file: protobuf holds no more."""
MAX_VIEWS, MAX_SIDE_PX, MAX_ROWS, MAX_POINTS = 64, 16384, 2**20, 2**10
"""Largest sizes that a card may ask room for."""
_KINDS = {
    "real": (onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16, onnx.TensorProto.DOUBLE),
    "integer": (onnx.TensorProto.INT64, onnx.TensorProto.INT32),
    "bool": (onnx.TensorProto.BOOL,),
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Pillars(_Strict):
    rows: Annotated[int, Field(ge=1, le=MAX_ROWS)]
    points: Annotated[int, Field(ge=1, le=MAX_POINTS)]


class _Card(_Strict):
    """The JSON object in the property `calico`, see `GraphMetadata`."""

    format: Literal["calico-graph-1"]
    target: Target
    config: dict[str, Any]
    inputs: list[str]
    outputs: list[str]
    views: Annotated[int, Field(ge=0, le=MAX_VIEWS)]
    raw_hw: Annotated[
        list[Annotated[int, Field(ge=0, le=MAX_SIDE_PX)]], Field(min_length=2, max_length=2)
    ]
    pillars: _Pillars | None
    weights_sha256: Annotated[str, StringConstraints(pattern="^[0-9a-f]{64}$")]
    calico_version: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z.+-]{1,40}$")]


def read_metadata(path: Path) -> GraphMetadata:
    """Read the card of a graph, after a check of the seal.

    Args:
        path: ONNX file, or the JSON file beside an engine (`calico.export.tensorrt`).

    Raises:
        CalicoError: The file does not exist, is not ONNX or not a graph of `calico export`, or its
            card contradicts itself or, in an ONNX file, the graph's inputs and outputs.
    """
    if path.suffix == ".onnx":
        proto = read_graph(path)
        metadata = _read_card(_properties(proto, path), path)
        _check_graph(proto, metadata, path)
        return metadata
    content = read_json(path, what="graph")
    properties = content.get("metadata") if isinstance(content, dict) else None
    if not isinstance(properties, dict):
        raise CalicoError(
            f"graph {path}: not the JSON file that belongs to an engine (it has no object "
            f"'metadata')"
        )
    _check_plan(path)
    return _read_card(properties, path)


def read_graph(path: Path) -> onnx.ModelProto:
    """Read an ONNX file and check its seal.

    Weights outside of the file are not read.

    Args:
        path: ONNX file.

    Raises:
        CalicoError: The file does not exist or is not ONNX, or a graph of `calico export` is
            damaged or has no seal.
    """
    content = read_bytes(path, MAX_FILE_BYTES, "graph")
    sealed = is_sealed(content)
    if sealed:
        check_graph_seal(content, f"graph {path}")
    try:
        proto = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError and its kin share no public base
        raise CalicoError(f"graph {path}: not an ONNX file ({error})") from error
    if not sealed and any(item.key == "calico" for item in proto.metadata_props):
        check_graph_seal(content, f"graph {path}")
    return proto


def _check_plan(path: Path) -> None:
    """Check the JSON file beside an engine, and the engine, whose hash it holds."""
    try:
        card = read_sealed_json(path, what="graph")["engine"]
        plan = path.with_name(card["path"])
        found = hashlib.sha256(read_bytes(plan, MAX_FILE_BYTES, "engine")).hexdigest()
        if found != card["sha256"]:
            raise FileError(f"engine {plan}: is not the file that {path.name} describes")
    except FileError as error:
        raise CalicoError(f"{error}; build the engine again (calico export --trt)") from None
    except (KeyError, TypeError, ValueError) as error:
        raise CalicoError(
            f"graph {path}: names no engine ({type(error).__name__}: {error}); build it again"
        ) from None


def _properties(proto: onnx.ModelProto, path: Path) -> dict[str, str]:
    names = [item.key for item in proto.metadata_props]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CalicoError(
            f"graph {path}: the property {', '.join(twice)} comes twice in its metadata"
        )
    return {item.key: item.value for item in proto.metadata_props}


def _read_card(properties: Mapping[str, Any], path: Path) -> GraphMetadata:
    """The card in the properties, whose other entries must repeat it."""
    text = properties.get("calico")
    if not isinstance(text, str):
        raise CalicoError(
            f"graph {path}: carries no CALICO metadata; expected a file made by calico export"
        )
    content = parse_json(text, f"graph {path}: its card")
    found = content.get("format") if isinstance(content, dict) else None
    if found != FORMAT:
        raise CalicoError(f"graph {path}: format {found!r}, expected {FORMAT!r}; export it again")
    try:
        card = _Card.model_validate(content)
    except ValidationError as error:
        raise CalicoError(
            f"graph {path}: its card is broken: {_first_fault(error)}; export it again"
        ) from None
    try:
        config = validate_config(card.config)
    except CalicoError as error:
        raise CalicoError(f"graph {path}: its card does not fit this version: {error}") from None
    metadata = GraphMetadata(
        target=card.target,
        config=config,
        inputs=tuple(card.inputs),
        outputs=tuple(card.outputs),
        views=card.views,
        raw_hw=(card.raw_hw[0], card.raw_hw[1]),
        pillars=None
        if card.pillars is None
        else PillarBudget(card.pillars.rows, card.pillars.points),
        weights_sha256=card.weights_sha256,
        calico_version=card.calico_version,
    )
    _check_itself(metadata, path)
    for name, value in metadata.to_properties().items():
        if name != "calico" and name in properties and properties[name] != value:
            raise CalicoError(
                f"graph {path}: its property {name} does not say what its card says; the file was "
                f"edited, export it again"
            )
    return metadata


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    where = ".".join(map(str, fault["loc"]))
    if fault["type"] == "missing":
        return f"{where} is missing"
    return f"{where} is {str(fault['input'])[:60]!r} ({fault['msg']})"


def _check_itself(metadata: GraphMetadata, path: Path) -> None:
    """The card's own entries must agree with its configuration."""
    config = metadata.config
    cameras, lidar = config.model.camera is not None, config.model.lidar is not None
    pairs: list[tuple[str, object, object]] = [
        ("inputs", metadata.inputs, input_names(config, metadata.target)),
        ("outputs", metadata.outputs, output_names(config)),
        ("views above 0", metadata.views > 0, cameras),
        ("raw_hw above 0", min(metadata.raw_hw) > 0, cameras),
        ("pillars given", metadata.pillars is not None, lidar and metadata.target == "trt"),
    ]
    for name, got, expected in pairs:
        if got != expected:
            raise CalicoError(
                f"graph {path}: its card contradicts itself: {name}: {got}, but its configuration "
                f"(target "
                f"{metadata.target}) needs {expected}; export it again"
            )


def _check_graph(proto: onnx.ModelProto, metadata: GraphMetadata, path: Path) -> None:
    """The graph's inputs and outputs must be those of the card."""
    stored = {tensor.name for tensor in proto.graph.initializer}
    inputs = [value for value in proto.graph.input if value.name not in stored]
    for role, values, names, shapes in (
        ("inputs", inputs, metadata.inputs, input_shapes(metadata)),
        ("outputs", list(proto.graph.output), metadata.outputs, output_shapes(metadata)),
    ):
        found = tuple(value.name for value in values)
        if found != names:
            raise CalicoError(
                f"graph {path}: its {role} are {', '.join(found)}, its card says "
                f"{', '.join(names)}; export it again"
            )
        for value in values:
            _check_value(value, shapes[value.name], path)


def _check_value(value: onnx.ValueInfoProto, expected: ArrayShape, path: Path) -> None:
    tensor = value.type.tensor_type
    sizes = tuple(
        size.dim_value if size.HasField("dim_value") else None for size in tensor.shape.dim
    )
    known = not tensor.HasField("shape") or not expected.disagrees_with(sizes)
    if not known or tensor.elem_type not in _KINDS[expected.kind]:
        element = (
            onnx.helper.tensor_dtype_to_string(tensor.elem_type)
            if tensor.elem_type
            else "no tensor"
        )
        raise CalicoError(
            f"graph {path}: {value.name} has the shape {list(sizes)} ({element}); its card says "
            f"{list(expected.sizes)} ({expected.kind} numbers); export it again"
        )
