"""Run folders: made once, never half-written."""

from __future__ import annotations

import contextlib
import fnmatch
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from tokenize import TokenError

from calico.errors import CalicoError
from calico.files.atomic import is_replaceable, write_atomic
from calico.files.errors import FileError
from calico.files.lock import LOCK_FILES, has_holder, lock_folder
from calico.files.strict_json import read_json, to_json

RUN_FILE = "run.json"
"""Every run folder has one; it is written first."""
_LEFT_OVERS = f".{RUN_FILE}.*.tmp"

DAMAGED_NPZ = (
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError, SyntaxError, MemoryError,
    TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile raise for a file with wrong bytes, in its archive, its compressed data or the headers of its arrays."""


def prepare_folder(
    path: Path, *, resume: bool | None, overwrite: bool, kind: str | None = None
) -> bool:
    """Make an output folder, whose lock the caller holds, and delete what a killed run left half-written in it.

    See `check_folder` for what is refused.

    Returns:
        Whether the folder holds something, which is then to be resumed.
    """
    check_folder(path, resume=resume, overwrite=overwrite, kind=kind)
    run = (path / RUN_FILE).exists()  # a folder of something else keeps its files
    for left_over in path.rglob(".*.tmp") if run else path.glob(_LEFT_OVERS):
        left_over.unlink()
    if overwrite:
        _empty_folder(path)
    path.mkdir(parents=True, exist_ok=True)
    return bool(_contents(path))


@contextlib.contextmanager
def claim_folder(
    path: Path,
    *,
    resume: bool | None,
    overwrite: bool,
    kind: str | None = None,
    lock: Path | None = None,
) -> Iterator[None]:
    """Hold an output folder for this process and check that it may be written to, before anything slow is done.

    Args:
        path: The folder.
        resume, overwrite, kind: See `check_folder`.
        lock: The folder to hold, where that is not the same one (a run has a lock for all of its stages).

    Raises:
        CalicoError: Another process holds the folder (names that process), or `check_folder` refuses it.
    """
    held = lock or path
    if not has_holder(held):  # what is refused anyway gets no lock file
        check_folder(path, resume=resume, overwrite=overwrite, kind=kind)
    with lock_folder(held):
        check_folder(path, resume=resume, overwrite=overwrite, kind=kind)
        yield


def make_folder(path: Path, kind: str, command: str, *, overwrite: bool) -> None:
    """Makes the output folder of a command that cannot resume, with a run.json by which --overwrite knows it again.

    Args:
        kind: see `check_folder`, which says what is refused. command: what the user typed.
    """
    prepare_folder(path, resume=None, overwrite=overwrite, kind=kind)
    write_atomic(path / RUN_FILE, to_json({"kind": kind, "command": command}))


def check_file(path: Path, *, overwrite: bool) -> None:
    """Stops before a file is lost, or before work is done for nothing.

    Raises:
        CalicoError: the file is there and --overwrite was not given, or it is a folder.
    """
    if path.is_dir():
        raise CalicoError(f"output file {path}: is a folder; expected a file or nothing")
    if not is_replaceable(path):
        raise CalicoError(
            f"output file {path}: is a pipe, a device or a socket; expected a file or nothing"
        )
    if path.exists() and not overwrite:
        raise CalicoError(
            f"file {path} is there already; --overwrite replaces it, or choose another place"
        )


def check_folder(
    path: Path, *, resume: bool | None, overwrite: bool, kind: str | None = None
) -> None:
    """Stops before anything is lost, or before work is done for nothing.

    Args:
        resume: None of a command without --resume.
        kind: what the run is ("train", "robust"); a folder whose run.json names another kind is neither resumed nor deleted.

    Raises:
        CalicoError: the folder holds files and neither --resume nor --overwrite was given, or both were; or --overwrite was
            given and the folder is not a run's (it has no run.json with a kind): it is not deleted.
    """
    if resume and overwrite:
        raise CalicoError("--resume and --overwrite exclude each other")
    if path.exists() and not path.is_dir():
        raise CalicoError(f"output folder {path}: is a file; expected a folder or nothing")
    if not path.exists() or not _contents(path):
        return
    found = _kind(path / RUN_FILE)
    if (resume or overwrite) and kind is not None and found is not None and found != kind:
        raise CalicoError(
            f"output folder {path}: holds a run of kind {found!r}, expected {kind!r}; it is left alone, choose another --out"
        )
    known = found is not None if kind else (path / RUN_FILE).exists()
    if overwrite and not known:
        what = "that says what it is" if (path / RUN_FILE).exists() else "at all"
        raise CalicoError(
            f"output folder {path}: has no {RUN_FILE} {what}, so it is not deleted; choose another --out"
        )
    if not resume and not overwrite:
        go_on = "" if resume is None else "--resume goes on with it, "
        raise CalicoError(
            f"output folder {path} is not empty; {go_on}--overwrite deletes it, or choose another --out"
        )


def _kind(file: Path) -> str | None:
    """What a run.json says the run is; None where there is none to read."""
    try:
        content = read_json(file)
    except FileError:
        return None
    return str(content["kind"]) if isinstance(content, dict) and "kind" in content else None


def _contents(path: Path) -> list[Path]:
    """What lies in a folder, without its lock and what a run left that was killed before its first file was whole."""
    return [
        child
        for child in path.iterdir()
        if child.name not in LOCK_FILES and not fnmatch.fnmatch(child.name, _LEFT_OVERS)
    ]


def _empty_folder(path: Path) -> None:
    """Delete what lies in a folder. Its lock stays: this process may hold it."""
    for child in _contents(path) if path.is_dir() else ():
        if child.is_dir() and not child.is_symlink():
            shutil.rmtree(child)
        else:
            child.unlink()
