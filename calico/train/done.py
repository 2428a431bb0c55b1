"""The note that a stage of training is done: how far it went and which files it ended with."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from calico.errors import CalicoError
from calico.files import (
    FileError,
    check_seal,
    read_bytes,
    read_sealed_json,
    to_sealed_json,
    write_atomic,
)

LOG_FILE, DONE_FILE = "log.jsonl", "done"
"""In a stage's folder from its first step on, and once its last one is saved."""
MAX_BYTES = 8 << 30


@dataclass(frozen=True)
class Done:
    """What a stage ended with.

    Args:
        stage: Its name.
        steps: How many steps it took.
        files: SHA-256 of every file of weights that it left, by name.
    """

    stage: str
    steps: int
    files: dict[str, str]


def mark_done(folder: Path, stage: str, steps: int) -> None:
    """Note that a stage is done, with the hashes of its files of weights.

    Args:
        folder: Folder of the stage.
        stage: Name of the stage.
        steps: Steps that it took.

    Raises:
        FileError: A file of weights is damaged.
    """
    done = Done(stage, steps, _hashes(folder))
    write_atomic(folder / DONE_FILE, to_sealed_json(vars(done)))


def read_done(folder: Path) -> Done:
    """Read the note of a stage that is done.

    Raises:
        CalicoError: It is missing, damaged, or written by an earlier version. The message says how
            to go on.
    """
    try:
        content = read_sealed_json(folder / DONE_FILE, what="note of a finished stage")
    except FileError as error:
        raise CalicoError(f"{error}; {_way_on(folder)}") from None
    stage, steps, files = (content.get(name) for name in ("stage", "steps", "files"))
    if not isinstance(stage, str) or type(steps) is not int or not isinstance(files, dict):
        raise CalicoError(
            f"{folder / DONE_FILE}: does not name a stage, its steps and its files; "
            f"{_way_on(folder)}"
        )
    return Done(stage, steps, files)


def check_done(folder: Path, stage: str) -> None:
    """Check that a finished stage's folder holds what its training ended with.

    Args:
        folder: Folder of the stage.
        stage: Name of the stage that it must belong to.

    Raises:
        CalicoError: Its note is missing or damaged or belongs to another stage, or a file of
            weights is missing, damaged or another one. The message says how to continue.
    """
    done = read_done(folder)
    if done.stage != stage:
        raise CalicoError(
            f"{folder / DONE_FILE}: belongs to the stage {done.stage}, expected {stage}; "
            f"{_way_on(folder)}"
        )
    try:
        found = _hashes(folder)
    except FileError as error:
        raise CalicoError(f"{error}; {_way_on(folder)}") from None
    for name, sha256 in done.files.items():
        if found.get(name) != sha256:
            state = (
                "is missing"
                if name not in found
                else "is not the file that the training ended with"
            )
            raise CalicoError(f"weights {folder / name}: {state}; {_way_on(folder)}")


def _hashes(folder: Path) -> dict[str, str]:
    hashes = {}
    for path in sorted(folder.glob("*.safetensors")):
        content = read_bytes(path, MAX_BYTES, "weights")
        check_seal(content, f"weights {path}")
        hashes[path.name] = hashlib.sha256(content).hexdigest()
    return hashes


def _way_on(folder: Path) -> str:
    return (
        f"put the file back, or train this stage again (--stage {folder.name} --overwrite, or "
        f"delete {folder})"
    )
