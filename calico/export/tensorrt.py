"""TensorRT engines from a graph exported for `trt`.

Full TensorRT is used if it and a GPU are there, else TensorRT-RTX ahead of time. TensorRT-RTX
compiles for a list of GPU generations without a GPU. Such an engine was built but not run, and the
report says so. Precision is what the ONNX file says (strongly typed networks).
"""

from __future__ import annotations

import hashlib
import importlib
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from calico.errors import CalicoError
from calico.export.reading import MAX_FILE_BYTES, read_metadata
from calico.extras import MissingExtraError, find_missing, install_line, require_extra
from calico.files import read_bytes, to_sealed_json, write_atomic

Backend = Literal["tensorrt", "tensorrt-rtx"]
RTX_CAPABILITIES = ("SM80", "SM86", "SM89", "SM120")
"""Ampere, Ada, Blackwell. Not Turing (SM75): TensorRT-RTX 1.7 has no float32 matrix product for
it."""


@dataclass(frozen=True)
class EngineInfo:
    """What was built.

    Attributes:
        path: File of the engine.
        backend: Builder that made it.
        version: Version of the builder.
        compute_capabilities: GPU generations that the engine is for.
        max_batch: Largest batch of its optimisation profile.
        file_bytes: Size of the file.
        note: Says whether the engine has been run.
    """

    path: Path
    backend: Backend
    version: str
    compute_capabilities: tuple[str, ...]
    max_batch: int
    file_bytes: int
    note: str


def build_engine(
    onnx_path: Path,
    engine_path: Path,
    max_batch: int = 4,
    compute_capabilities: tuple[str, ...] = RTX_CAPABILITIES,
) -> EngineInfo:
    """Build an engine and write it, with a sealed JSON file beside it.

    The JSON file (suffix .json) holds `EngineInfo`, the engine's SHA-256 and the graph's metadata.

    Args:
        onnx_path: File of `export_onnx(..., target="trt")`.
        engine_path: File of the engine, whose suffix is kept.
        max_batch: Largest batch. The engine is tuned for one frame.
        compute_capabilities: GPU generations for TensorRT-RTX. Full TensorRT builds for the GPU
            that it finds.

    Raises:
        CalicoError: The graph has another target, neither package is installed, or the parser
            refuses nodes (each is named).
    """
    metadata = read_metadata(onnx_path)
    if metadata.target != "trt":
        raise CalicoError(
            f"graph {onnx_path}: exported for target {metadata.target!r}, expected 'trt'; export "
            f"it with --trt"
        )
    backend, library = _library()
    logger = library.Logger(library.Logger.ERROR)
    builder = library.Builder(logger)
    network = builder.create_network(_strongly_typed(library))
    content = read_bytes(onnx_path, MAX_FILE_BYTES, "graph")
    refused = list_refusals(library, content)
    if refused:
        raise CalicoError(f"{backend} does not take graph {onnx_path}:\n  " + "\n  ".join(refused))
    parser = library.OnnxParser(network, logger)
    if not parser.parse(content):
        raise CalicoError(f"{backend} cannot parse {onnx_path}:\n  " + "\n  ".join(_errors(parser)))
    settings = builder.create_builder_config()
    settings.add_optimization_profile(_profile(builder, network, max_batch))
    capabilities = _target_gpus(backend, library, settings, compute_capabilities)
    plan = builder.build_serialized_network(network, settings)
    if plan is None:
        raise CalicoError(
            f"{backend} {library.__version__} built no engine from {onnx_path}; its log above says "
            f"why"
        )
    plan_bytes = bytes(plan)
    write_atomic(engine_path, plan_bytes)
    info = EngineInfo(
        path=engine_path,
        backend=backend,
        version=str(library.__version__),
        compute_capabilities=capabilities,
        max_batch=max_batch,
        file_bytes=int(plan.nbytes),
        note="built on this GPU"
        if backend == "tensorrt"
        else "built ahead of time without a GPU; not run on this machine",
    )
    engine = {
        **asdict(info),
        "path": engine_path.name,
        "sha256": hashlib.sha256(plan_bytes).hexdigest(),
    }
    card = {"engine": engine, "metadata": metadata.to_properties()}
    write_atomic(engine_path.with_suffix(".json"), to_sealed_json(card))
    return info


def list_refusals(library: Any, content: bytes) -> list[str]:
    """List what the parser of a TensorRT library refuses, node by node.

    Args:
        library: The TensorRT module.
        content: Bytes of the ONNX file.

    Returns:
        'operator node: reason' for each node, or empty if the parser takes all.
    """
    logger = library.Logger(library.Logger.INTERNAL_ERROR)
    network = library.Builder(logger).create_network(_strongly_typed(library))
    parser = library.OnnxParser(network, logger)
    return (
        []
        if parser.supports_model_v2(content)
        else _errors(parser) or ["the parser gives no reason"]
    )


def _errors(parser: Any) -> list[str]:
    errors = [parser.get_error(index) for index in range(parser.num_errors)]
    return [f"{error.node_operator()} {error.node_name()}: {error.desc()}" for error in errors]


def check_builder() -> None:
    """Raise CalicoError if no library can build engines.

    The message says how to install one.
    """
    if torch.cuda.is_available() and not find_missing("trt"):
        return
    try:
        require_extra("building an engine", "trt-rtx")
    except MissingExtraError as error:
        raise MissingExtraError(
            f"{error}. It needs no GPU. On a machine with a GPU, TensorRT also does: "
            f"{install_line('trt')}"
        ) from None


def _library() -> tuple[Backend, Any]:
    """Full TensorRT if it is installed and torch sees a GPU, else TensorRT-RTX."""
    if torch.cuda.is_available():
        try:
            return "tensorrt", importlib.import_module("tensorrt")
        except ImportError:
            pass
    check_builder()
    return "tensorrt-rtx", importlib.import_module("tensorrt_rtx")


def _strongly_typed(library: Any) -> int:
    return 1 << int(library.NetworkDefinitionCreationFlag.STRONGLY_TYPED)


def _profile(builder: Any, network: Any, max_batch: int) -> Any:
    profile = builder.create_optimization_profile()
    for index in range(network.num_inputs):
        tensor = network.get_input(index)
        one, most = (
            [size if size >= 0 else batch for size in tensor.shape] for batch in (1, max_batch)
        )
        profile.set_shape(tensor.name, one, one, most)
    return profile


def _target_gpus(
    backend: Backend, library: Any, settings: Any, wanted: tuple[str, ...]
) -> tuple[str, ...]:
    if backend == "tensorrt":
        major, minor = torch.cuda.get_device_capability()
        return (f"SM{major}{minor}",)
    known = library.ComputeCapability.__members__
    unknown = [name for name in wanted if name not in known]
    if unknown or not wanted:
        raise CalicoError(
            f"compute capabilities {', '.join(unknown) or '(none)'}: not known to TensorRT-RTX "
            f"{library.__version__}; "
            f"expected some of {', '.join(name for name in known if name.startswith('SM'))}"
        )
    settings.num_compute_capabilities = len(wanted)
    for index, name in enumerate(wanted):
        settings.set_compute_capability(known[name], index)
    return wanted
