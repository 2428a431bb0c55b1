"""Weights of a TensorFlow.js model: the manifest in model.json and the binary files beside it.

The bytes of all weights follow one another in the order of the manifest, through all files of a
group. A weight may be stored with fewer bits: as float16, or as uint8 or uint16 with a scale and a
minimum. Source of the format: tfjs-core, io/types.ts (`WeightsManifestConfig`).
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.files import read_bytes

Array = npt.NDArray[Any]

MAX_BYTES = 256 << 20
"""Largest weights' file."""
MAX_WEIGHTS, MAX_RANK, MAX_ELEMENTS = 10_000, 6, 1 << 26
WIDTHS = {"float32": 4, "int32": 4}
"""Types of weights, to bytes of an element that is not quantised."""
QUANTISED = {"float16": 2, "uint8": 1, "uint16": 2}


def read_weights(manifest: Any, folder: Path, where: str) -> dict[str, Array]:
    """Read all weights of a model.

    Args:
        manifest: The value of "weightsManifest" in model.json: groups of files and weights.
        folder: Folder of model.json and of the weights' files.
        where: Name of the model for the messages.

    Returns:
        Name of each weight to its values, float32 or int32. Quantised values are expanded.

    Raises:
        CalicoError: The manifest is not of the format, a type is unknown, or the files have another
            size than the manifest says.
    """
    if not isinstance(manifest, list) or not all(isinstance(group, dict) for group in manifest):
        raise CalicoError(f"{where}: weightsManifest is no list of objects")
    weights: dict[str, Array] = {}
    for group in manifest:
        entries = group.get("weights")
        if not isinstance(entries, list) or len(entries) > MAX_WEIGHTS:
            raise CalicoError(
                f"{where}: weightsManifest: expected a list of at most {MAX_WEIGHTS} weights"
            )
        sizes = [_measure(entry, where) for entry in entries]
        content = _read_files(group.get("paths"), folder, where, sum(sizes))
        start = 0
        for entry, size in zip(entries, sizes, strict=True):
            if entry["name"] in weights:
                raise CalicoError(f"{where}: weight {entry['name']} appears twice")
            weights[entry["name"]] = _expand(entry, content[start : start + size], where)
            start += size
    return weights


def _read_files(paths: Any, folder: Path, where: str, expected: int) -> bytes:
    """Read the files of a group; they must hold exactly the bytes that the manifest announces."""
    if not isinstance(paths, list) or not all(_is_plain_name(path) for path in paths):
        raise CalicoError(
            f"{where}: paths of weights are {paths!r:.100}; expected names of files in the same "
            "folder"
        )
    content = b"".join(read_bytes(folder / path, MAX_BYTES, "weights") for path in paths)
    if len(content) != expected:
        raise CalicoError(
            f"{where}: {', '.join(paths)} has {len(content)} bytes; expected {expected} by the "
            "manifest"
        )
    return content


def _is_plain_name(path: Any) -> bool:
    return isinstance(path, str) and path not in ("", ".", "..") and not set(path) & set("/\\\0:")


def _measure(entry: Any, where: str) -> int:
    """Check one entry of the manifest and compute its bytes in the file."""
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str):
        raise CalicoError(f"{where}: a weight of the manifest has no name")
    name, shape, kind = entry["name"], entry.get("shape"), entry.get("dtype")
    if (
        not isinstance(shape, list)
        or len(shape) > MAX_RANK
        or not all(type(side) is int and 0 <= side <= MAX_ELEMENTS for side in shape)
        or math.prod(shape) > MAX_ELEMENTS
    ):
        raise CalicoError(
            f"{where}: weight {name} has the shape {shape!r:.100}; expected at most {MAX_RANK} "
            f"whole numbers with a product of at most {MAX_ELEMENTS}"
        )
    if kind not in WIDTHS:
        raise CalicoError(
            f"{where}: weight {name} has the type {kind!r:.40}; expected {', '.join(WIDTHS)}"
        )
    stored = entry.get("quantization")
    if stored is None:
        return math.prod(shape) * WIDTHS[kind]
    if not isinstance(stored, dict) or stored.get("dtype") not in QUANTISED or kind != "float32":
        raise CalicoError(
            f"{where}: weight {name} of type {kind} is quantised as {stored!r:.100}; expected "
            f"float32 as {', '.join(QUANTISED)}"
        )
    return math.prod(shape) * QUANTISED[stored["dtype"]]


def _expand(entry: dict[str, Any], content: bytes, where: str) -> Array:
    """Turn the bytes of one weight into its values."""
    stored = entry.get("quantization")
    kind = stored["dtype"] if stored else entry["dtype"]
    raw = np.frombuffer(content, np.dtype(kind).newbyteorder("<")).reshape(entry["shape"])
    if stored and kind != "float16":
        scale, minimum = stored.get("scale"), stored.get("min")
        if not all(type(value) in (int, float) for value in (scale, minimum)):
            raise CalicoError(
                f"{where}: weight {entry['name']} is stored as {kind} without the numbers scale "
                "and min"
            )
        values = (raw.astype(np.float64) * scale + minimum).astype(np.float32)
    else:
        values = raw.astype(entry["dtype"])
    # A single number may be infinite: the lowest float32 becomes -inf as float16.
    if np.isnan(values).any() or (values.ndim and np.isinf(values).any()):
        raise CalicoError(f"{where}: weight {entry['name']} holds NaN or infinite values")
    return np.asarray(values)
