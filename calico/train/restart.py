"""Trainings that stopped before their first checkpoint.

Starting again loses nothing.
"""

from __future__ import annotations

from pathlib import Path

from calico.files import LOCK_FILES, RUN_FILE
from calico.train.done import DONE_FILE, LOG_FILE

_EARLY_FILES = {RUN_FILE, LOG_FILE, "config.yaml", "regions.png", *LOCK_FILES}
_EARLY_FOLDERS = {"prc", "rad", "finetune", "tensorboard"}
_BOARD_PREFIX = "events.out.tfevents."


def has_checkpoint(folder: Path) -> bool:
    """Say whether a stage's folder holds weights or a training state."""
    return any(
        path.suffix in (".safetensors", ".pt") or path.name == DONE_FILE
        for path in folder.glob("*")
    )


def stopped_early(folder: Path) -> bool:
    """Say whether a folder holds only a training that stopped before its first checkpoint.

    Args:
        folder: Folder of a run or of one of its stages.
    """
    return (folder / RUN_FILE).is_file() and all(map(_is_early, folder.rglob("*")))


def _is_early(path: Path) -> bool:
    if path.is_symlink():
        return False
    if path.is_dir():
        return path.name in _EARLY_FOLDERS
    cut_off = path.name.startswith(".") and path.name.endswith(".tmp")
    return cut_off or path.name in _EARLY_FILES or path.name.startswith(_BOARD_PREFIX)
