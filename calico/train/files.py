"""Run folders: made once, never half-written."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from calico.errors import CalicoError


def prepare_folder(path: Path, *, resume: bool, overwrite: bool) -> None:
    """Makes an output folder, or stops before anything is lost.

    Raises:
        CalicoError: the folder holds files and neither --resume nor --overwrite was given, or both were.
    """
    if resume and overwrite:
        raise CalicoError("--resume and --overwrite exclude each other")
    if path.exists() and not path.is_dir():
        raise CalicoError(f"output folder {path}: is a file; expected a folder or nothing")
    if path.exists() and any(path.iterdir()):
        if overwrite:
            shutil.rmtree(path)
        elif not resume:
            raise CalicoError(
                f"output folder {path} is not empty; --resume goes on with it, --overwrite deletes it, "
                "or choose another --out"
            )
    path.mkdir(parents=True, exist_ok=True)


def write_atomic(path: Path, content: bytes | str) -> None:
    """Writes a file in full or not at all."""
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(path)
