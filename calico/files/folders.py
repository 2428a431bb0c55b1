"""Output folders of runs: they are created once and never left half-written."""

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
    OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, RuntimeError,
    SyntaxError, MemoryError, TokenError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip
"""What numpy and zipfile raise for a file with wrong bytes, in its archive, its compressed data or
the headers of its arrays."""


def prepare_folder(
    path: Path, *, resume: bool | None, overwrite: bool, kind: str | None = None
) -> bool:
    """Make an output folder and delete the half-written files of a killed run.

    The caller holds the folder's lock. See `check_folder` for the folders that are refused.

    Args:
        path: The folder.
        resume: Whether the run goes on with what is there; None for a command that cannot resume.
        overwrite: Whether what is there is deleted.
        kind: Kind of the run, for example "train".

    Returns:
        Whether the folder still holds something, which the caller then resumes.
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
    """Hold an output folder for this process, and check first that it may be written to.

    Args:
        path: The folder.
        resume: See `check_folder`.
        overwrite: See `check_folder`.
        kind: See `check_folder`.
        lock: The folder to hold, where that is not the same one (a run has a lock for all of its
            stages).

    Raises:
        CalicoError: Another process holds the folder (names that process), or `check_folder`
            refuses it.
    """
    held = lock or path
    if not has_holder(held):  # what is refused anyway gets no lock file
        check_folder(path, resume=resume, overwrite=overwrite, kind=kind)
    with lock_folder(held):
        check_folder(path, resume=resume, overwrite=overwrite, kind=kind)
        yield


def make_folder(path: Path, kind: str, command: str, *, overwrite: bool) -> None:
    """Make the output folder of a command that cannot resume.

    A `run.json` in it lets a later run with --overwrite recognise the folder as its own.

    Args:
        path: The folder.
        kind: Kind of the run, see `check_folder`, which says which folders are refused.
        command: The command as the user typed it, kept in `run.json`.
        overwrite: Whether what is there is deleted.
    """
    prepare_folder(path, resume=None, overwrite=overwrite, kind=kind)
    write_atomic(path / RUN_FILE, to_json({"kind": kind, "command": command}))


def check_file(path: Path, *, overwrite: bool) -> None:
    """Check that an output file may be written, before any work is done.

    Args:
        path: The file.
        overwrite: Whether a file that is there may be replaced.

    Raises:
        CalicoError: The file is there and `overwrite` is false, or it is a folder or a device.
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
    """Check that an output folder may be written to, before any work is done.

    Args:
        path: The folder.
        resume: Whether the run goes on with what is there; None for a command that cannot resume.
        overwrite: Whether what is there may be deleted.
        kind: Kind of the run ("train", "robust"). A folder whose `run.json` names another kind is
            neither resumed nor deleted. None accepts every kind.

    Raises:
        CalicoError: The folder holds files and neither `resume` nor `overwrite` is set, or both are
            set. Or `overwrite` is set and the folder has no `run.json` that says it is a run.
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
            f"output folder {path}: holds a run of kind {found!r}, expected {kind!r}; it is left "
            "alone, choose another --out"
        )
    known = found is not None if kind else (path / RUN_FILE).exists()
    if overwrite and not known:
        what = "that says what it is" if (path / RUN_FILE).exists() else "at all"
        raise CalicoError(
            f"output folder {path}: has no {RUN_FILE} {what}, so it is not deleted; choose another "
            "--out"
        )
    if not resume and not overwrite:
        go_on = "" if resume is None else "--resume goes on with it, "
        raise CalicoError(
            f"output folder {path} is not empty; {go_on}--overwrite deletes it, or choose another "
            "--out"
        )


def _kind(file: Path) -> str | None:
    """Return the kind that a `run.json` names; None if it cannot be read."""
    try:
        content = read_json(file)
    except FileError:
        return None
    return str(content["kind"]) if isinstance(content, dict) and "kind" in content else None


def _contents(path: Path) -> list[Path]:
    """List what lies in a folder, without its lock and without the rest of a first file.

    The rest is what a run leaves that was killed while it wrote its first file.
    """
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
