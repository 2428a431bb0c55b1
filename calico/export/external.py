"""Weights of an ONNX file that lie in files beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

import onnx

from calico.errors import CalicoError

CHUNK_BYTES = 1 << 20


def hash_graph(path: Path, proto: onnx.ModelProto) -> str:
    """Return the SHA-256 of an ONNX file and of all weights that lie outside of it.

    Args:
        path: The file.
        proto: Its content.

    Raises:
        CalicoError: Weights lie outside of the file's folder, or are missing.
    """
    digest = hashlib.sha256()
    _add_file(digest, path)
    for name in sorted(set(_locations(proto))):
        digest.update(f"\n{name}\n".encode())
        _add_file(digest, _inside(path, name))
    return digest.hexdigest()


def _add_file(digest: hashlib._Hash, path: Path) -> None:
    with path.open("rb") as stream:
        while chunk := stream.read(CHUNK_BYTES):
            digest.update(chunk)


def _inside(path: Path, name: str) -> Path:
    """The file of a location, which stands in the graph's own folder."""
    parts = PurePosixPath(name).parts
    if (
        not parts
        or PurePosixPath(name).is_absolute()
        or ".." in parts
        or "\\" in name
        or not name.isprintable()
    ):
        raise CalicoError(
            f"graph {path}: keeps weights in {name!r}; expected a file in the graph's own folder"
        )
    file = path.parent / name
    if not file.is_file():
        raise CalicoError(
            f"graph {path}: keeps weights in {name}, which is not there; copy it beside the graph"
        )
    return file


def _locations(proto: onnx.ModelProto) -> Iterator[str]:
    """The location of every tensor that lies outside, or '' where a tensor does not say."""
    graphs = [proto.graph]
    nodes = [node for function in proto.functions for node in function.node]
    while graphs or nodes:
        tensors: list[onnx.TensorProto] = []
        if graphs:
            graph = graphs.pop()
            tensors += [*graph.initializer, *_parts(graph.sparse_initializer)]
            nodes += graph.node
        for node in nodes:
            for item in node.attribute:
                graphs += [item.g, *item.graphs]
                tensors += [
                    item.t,
                    *item.tensors,
                    *_parts([item.sparse_tensor, *item.sparse_tensors]),
                ]
        nodes = []
        for tensor in tensors:
            if tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data:
                entries = {entry.key: entry.value for entry in tensor.external_data}
                yield entries.get("location", "")


def _parts(sparse: Iterable[onnx.SparseTensorProto]) -> list[onnx.TensorProto]:
    return [part for tensor in sparse for part in (tensor.values, tensor.indices)]
