"""What is no regular file in the place of one: a message at once, for every reader."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fuzz import dataset, stored, texts
from tests.fuzz.harness import Subject, judge

SUBJECTS = (*texts.SUBJECTS, *stored.SUBJECTS, *dataset.SUBJECTS)
TERABYTE = 1 << 40


def _huge(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(TERABYTE)


def _loop(file: Path) -> None:
    file.symlink_to(file.name)


REPLACEMENTS: dict[str, Callable[[Path], object]] = {
    "pipe": os.mkfifo,
    "endless": lambda file: file.symlink_to("/dev/zero"),
    "null": lambda file: file.symlink_to("/dev/null"),
    "folder": Path.mkdir,
    "nothing": lambda file: None,
    "empty": lambda file: file.write_bytes(b""),
    "terabyte": _huge,
    "dangling": lambda file: file.symlink_to("nowhere"),
    "loop": _loop,
}


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_no_reader_takes_it(subject: Subject, tmp_path: Path) -> None:
    for name, replace in REPLACEMENTS.items():
        folder = tmp_path / name
        folder.mkdir()
        file = subject.make(folder)
        original = subject.read(file)
        file.unlink()
        replace(file)
        verdict = judge(subject, file, original, name)
        optional = name in ("nothing", "dangling", "loop") or (
            name in ("empty", "null") and not subject.stored
        )
        assert verdict == "refused" or optional, f"{name} was taken"
        shutil.rmtree(folder)
