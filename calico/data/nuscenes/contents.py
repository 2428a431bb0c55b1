"""A digest of the sensor files of a split.

It covers:

* the name (token) and size of every file,
* every byte, if all files together have at most `WHOLE_BYTES`,
* otherwise the first and the last `BLOCK_BYTES` of every file, and every byte of `WHOLE_FILES`
  files, evenly spread.

So files that are exchanged, moved, cut or recorded anew are noticed in a data set of any size. A
change in the middle of single files of a large data set may not be noticed, because reading all of
it would take as long as an epoch.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

from calico.errors import CalicoError

WHOLE_BYTES = 1 << 30
BLOCK_BYTES = 4096
WHOLE_FILES = 100
MAX_FILE_BYTES = 1 << 30
"""Of a point cloud or an image."""
_CHUNK_BYTES = 1 << 20


def hash_contents(paths: Mapping[str, Path]) -> str:
    """Digest the contents of files. The module says what is covered.

    Args:
        paths: Token to file.

    Returns:
        64 hexadecimal digits.

    Raises:
        CalicoError: A file is missing, no regular file, or cannot be read. The message names
            file and token.
    """
    tokens = sorted(paths)
    sizes = {token: _size(paths[token], token) for token in tokens}
    whole = set(tokens)
    if sum(sizes.values()) > WHOLE_BYTES:
        whole = {tokens[k * len(tokens) // WHOLE_FILES] for k in range(WHOLE_FILES)}
    digest = hashlib.sha256()
    for token in tokens:
        digest.update(f"{token!r} {sizes[token]}\n".encode())
        _add(digest, paths[token], token, sizes[token], whole=token in whole)
    return digest.hexdigest()


def _size(path: Path, token: str) -> int:
    try:
        status = path.stat()
    except (OSError, ValueError) as error:
        raise _missing(path, token) from error
    if not stat.S_ISREG(status.st_mode):
        raise CalicoError(
            f"{path} (sample_data {token}): is no regular file; see `calico data check`"
        )
    if status.st_size > MAX_FILE_BYTES:
        raise CalicoError(
            f"{path} (sample_data {token}): has {status.st_size} bytes, expected at most "
            f"{MAX_FILE_BYTES}; see "
            "`calico data check`"
        )
    return status.st_size


def _add(digest: hashlib._Hash, path: Path, token: str, size: int, *, whole: bool) -> None:
    try:
        with path.open("rb", buffering=0) as file:
            if whole:
                while chunk := file.read(_CHUNK_BYTES):
                    digest.update(chunk)
                return
            digest.update(file.read(BLOCK_BYTES))
            if size > BLOCK_BYTES:
                file.seek(-min(BLOCK_BYTES, size - BLOCK_BYTES), os.SEEK_END)
                digest.update(file.read(BLOCK_BYTES))
    except OSError as error:
        raise _missing(path, token) from error


def _missing(path: Path, token: str) -> CalicoError:
    return CalicoError(
        f"{path} (sample_data {token}): missing; fetch it again, or see `calico data check`"
    )
