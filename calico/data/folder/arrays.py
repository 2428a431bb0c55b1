"""Arrays of .npz files from elsewhere: their headers are checked before anything is allocated."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from calico.errors import CalicoError
from calico.files import DAMAGED_NPZ, read_bytes

MAX_FILE_BYTES = 512 << 20
MAX_ARRAY_BYTES = 1 << 30
_HEADER_BYTES = 64 << 10


def read_arrays(path: Path, known: Mapping[str, int], what: str) -> dict[str, npt.NDArray[Any]]:
    """Read the arrays of an .npz file.

    Args:
        path: The file.
        known: Name of each array that it may have, and its number of dimensions.
        what: Name of the file's role for the messages.

    Returns:
        The arrays that are there, of numbers or truth values.

    Raises:
        CalicoError: The file is damaged; or an array is unknown, too large, or of another type or
            number of dimensions.
    """
    content = read_bytes(path, MAX_FILE_BYTES, what)
    where = f"{what} {path}"
    result: dict[str, npt.NDArray[Any]] = {}
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = [info.filename for info in archive.infolist()]
            for member in members:
                name = member.removesuffix(".npy")
                if name not in known or members.count(member) > 1:
                    raise CalicoError(
                        f"{where}: has the array {ascii(name)[:80]}, expected each at most once "
                        f"out of {', '.join(known)}"
                    )
                result[name] = _read_array(archive, member, known[name], f"{where}: {name}")
    except DAMAGED_NPZ as error:
        if isinstance(error, CalicoError):
            raise
        raise CalicoError(
            f"{where}: no readable .npz file ({type(error).__name__}: {str(error)[:200]})"
        ) from None
    return result


def _read_array(
    archive: zipfile.ZipFile, member: str, dimensions: int, where: str
) -> npt.NDArray[Any]:
    with archive.open(member) as stream:
        version = np.lib.format.read_magic(stream)
        read = {
            (1, 0): np.lib.format.read_array_header_1_0,
            (2, 0): np.lib.format.read_array_header_2_0,
        }.get(version)
        if read is None:
            raise CalicoError(f"{where}: an array of numpy's format {version}, expected 1.0 or 2.0")
        shape, fortran, dtype = read(stream, max_header_size=_HEADER_BYTES)
        if dtype.kind not in "biuf":
            raise CalicoError(f"{where}: an array of {dtype}, expected numbers")
        count = 1
        for side in shape:
            count *= int(side)
        if len(shape) != dimensions or count * dtype.itemsize > MAX_ARRAY_BYTES:
            raise CalicoError(
                f"{where}: an array of shape {shape}, expected {dimensions} dimensions and at most "
                f"{MAX_ARRAY_BYTES} bytes"
            )
        data = stream.read(count * dtype.itemsize + 1)
    if len(data) != count * dtype.itemsize:
        raise CalicoError(f"{where}: holds another number of bytes than its shape {shape} needs")
    array = np.frombuffer(data, dtype)
    return array.reshape(shape, order="F" if fortran else "C").astype(dtype.newbyteorder("="))
