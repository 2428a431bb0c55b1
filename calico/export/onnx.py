"""The whole model as one ONNX file."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import torch

from calico import __version__
from calico.config.load import portable_config
from calico.config.schema import Config
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.export.graph import DeployGraph, graph_inputs
from calico.export.metadata import GraphMetadata, Target, weights_sha256
from calico.export.pillars import PillarBudget, measure_budget
from calico.export.reading import MAX_FILE_BYTES
from calico.export.sealing import seal_graph
from calico.export.shapes import input_names, output_names
from calico.files import write_atomic
from calico.models.calico import CalicoModel
from calico.models.modes import evaluation_mode

OPSET = 18
"""Below 20: GridSample's mode was renamed there, and importers of that time fell back to nearest
without an error."""
IR_VERSION = 10


@dataclass(frozen=True)
class ExportInfo:
    """What was written.

    Attributes:
        path: The ONNX file.
        metadata: Its card.
        operators: How often each operator occurs.
        file_bytes: Size of the file.
    """

    path: Path
    metadata: GraphMetadata
    operators: dict[str, int]
    file_bytes: int


def export_onnx(
    model: CalicoModel,
    config: Config,
    example: Batch,
    path: Path,
    target: Target = "ort",
    pillars: PillarBudget | None = None,
    any_size: bool = False,
) -> ExportInfo:
    """Write the model as one file of standard operators (opset 18), weights and metadata inside.

    The same model and example give the same bytes.

    Args:
        model: Network to export. Its mode is restored afterwards.
        config: Configuration for the metadata, which leaves out machine paths.
        example: At least one frame. It fixes number and size of the images and, for `trt`, the
            default of `pillars` (give some frames).
        path: File to write.
        target: `ort` (any ONNX runtime with ScatterElements(max)) or `trt` (no scatter with a
            reduction).
        pillars: Size of the grouped buffers for `trt`. By default it is measured on the example
            (`measure_budget`).
        any_size: The graph takes images of the network's size, to which `graph_inputs` fits images
            of any size. This is always so if the example's images differ in size.

    Raises:
        CalicoError: The checker refuses the file, or it is larger than ONNX allows (2 GiB).
    """
    metadata = _describe(
        model, config, example, target, pillars, any_size or bool(example.image_sizes)
    )
    twice = {
        name: torch.from_numpy(np.repeat(array[:1], 2, axis=0))
        for name, array in graph_inputs(example, metadata).items()
    }
    device = next(model.parameters()).device
    try:
        with evaluation_mode(model):
            proto = _trace(DeployGraph(model.cpu(), target), twice, metadata)
    finally:
        model.to(device)
    _clean(proto, metadata)
    if proto.ByteSize() > MAX_FILE_BYTES:
        raise CalicoError(
            f"the graph is {proto.ByteSize()} bytes; one ONNX file holds at most {MAX_FILE_BYTES}"
        )
    try:
        onnx.checker.check_model(proto, full_check=True)
    except onnx.checker.ValidationError as error:
        raise CalicoError(f"onnx.checker refuses the exported graph: {error}") from error
    content = seal_graph(proto)
    write_atomic(path, content)
    return ExportInfo(path, metadata, count_operators(proto), len(content))


def count_operators(proto: onnx.ModelProto) -> dict[str, int]:
    """Count each operator.

    A scatter is named with its reduction, e.g. 'ScatterElements(max)'.
    """
    counts: dict[str, int] = {}
    for node in proto.graph.node:
        reduction = [item.s.decode() for item in node.attribute if item.name == "reduction"]
        name = (
            f"{node.op_type}({reduction[0]})"
            if reduction and reduction[0] != "none"
            else str(node.op_type)
        )
        counts[name] = counts.get(name, 0) + 1
    return dict(sorted(counts.items()))


def _describe(
    model: CalicoModel,
    config: Config,
    example: Batch,
    target: Target,
    pillars: PillarBudget | None,
    any_size: bool,
) -> GraphMetadata:
    views, raw_hw = 0, (0, 0)
    if config.model.camera is not None:
        views, raw_hw = example.images.shape[1], (example.images.shape[3], example.images.shape[4])
        raw_hw = config.model.camera.image_size if any_size else raw_hw
    if target == "ort" or model.lidar is None:
        pillars = None
    elif pillars is None:
        frames = [
            points[mask].cpu().numpy()
            for points, mask in zip(example.points, example.point_mask, strict=True)
        ]
        pillars = measure_budget(frames, config.grid.pillars, config.grid.z_range_m)
    return GraphMetadata(
        target=target,
        config=portable_config(config),
        inputs=input_names(config, target),
        outputs=output_names(config),
        views=views,
        raw_hw=raw_hw,
        pillars=pillars,
        weights_sha256=weights_sha256(model),
        calico_version=__version__,
    )


def _trace(
    graph: DeployGraph, inputs: dict[str, torch.Tensor], metadata: GraphMetadata
) -> onnx.ModelProto:
    """The traced graph, with a dynamic batch and, for points, a dynamic number of them."""
    any_size = torch.export.Dim.DYNAMIC
    shapes: dict[str, dict[int, object]] = {name: {0: any_size} for name in inputs}
    shapes[metadata.inputs[0]][0] = "batch"
    if "points" in inputs:
        shapes["points"][1], shapes["point_mask"][1] = "points", any_size
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            graph,
            kwargs={"inputs": inputs},
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes={"inputs": shapes},
            input_names=list(metadata.inputs),
            output_names=list(metadata.outputs),
            verbose=False,
        )
    if program is None:
        raise CalicoError("torch.onnx.export returned nothing")
    return program.model_proto


def _clean(proto: onnx.ModelProto, metadata: GraphMetadata) -> None:
    """Our metadata instead of the tracer's, which holds source paths of this machine."""
    proto.ir_version = IR_VERSION
    proto.producer_name, proto.producer_version = "calico", __version__
    proto.doc_string = proto.graph.doc_string = ""
    del proto.metadata_props[:]
    for item in [
        *proto.graph.node,
        *proto.graph.value_info,
        *proto.graph.input,
        *proto.graph.output,
        proto.graph,
    ]:
        del item.metadata_props[:]
        item.doc_string = ""
    for tensor in proto.graph.initializer:
        del tensor.metadata_props[:]
    for name, value in metadata.to_properties().items():
        proto.metadata_props.add(key=name, value=value)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the tracer's chatter from the user.

    It consists of deprecations inside torch and onnxscript, and of the operator-set conversion.
    """
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
