"""The checksum in an ONNX file: a property of its metadata that covers every byte of the file."""

from __future__ import annotations

import onnx

from calico.errors import CalicoError
from calico.files import SEAL_PLACEHOLDER, FileError, check_seal, seal

SEAL_PROPERTY = "calico_sha256"


def seal_graph(proto: onnx.ModelProto) -> bytes:
    """Write a graph as bytes that carry their own checksum.

    It also serves for graphs of ours that were changed on purpose.

    Args:
        proto: The graph. Its seal, if it has one, is replaced.
    """
    kept = [item for item in proto.metadata_props if item.key != SEAL_PROPERTY]
    sealed = onnx.ModelProto()
    sealed.CopyFrom(proto)
    del sealed.metadata_props[:]
    sealed.metadata_props.extend(kept)
    sealed.metadata_props.add(key=SEAL_PROPERTY, value=SEAL_PLACEHOLDER)
    return seal(sealed.SerializeToString(deterministic=True))


def check_graph_seal(content: bytes, where: str) -> None:
    """Check the content of an ONNX file of ours against its checksum.

    Args:
        content: Bytes of the file.
        where: Name of the file for the message.

    Raises:
        CalicoError: It has no checksum, or was changed. The message says how to continue.
    """
    try:
        check_seal(content, where)
    except FileError as error:
        raise CalicoError(
            f"{error}; export it again, or, if it was changed on purpose, write it with "
            f"calico.export.sealing.seal_graph"
        ) from None
