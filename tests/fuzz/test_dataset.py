"""Files of a data set, damaged one at a time: frames or a message, never a traceback and never a
hang."""

import os
from pathlib import Path

import pytest

from tests.fuzz.dataset import SUBJECTS
from tests.fuzz.harness import Subject, fuzz
from tests.fuzz.mutate import damage_bytes

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))


@pytest.mark.parametrize(
    "subject", [one for one in SUBJECTS if one.damage], ids=lambda subject: subject.name
)
def test_changed_values_and_texts(subject: Subject, tmp_path: Path) -> None:
    assert subject.damage is not None
    found = fuzz(subject, tmp_path, subject.damage, ROUNDS, SEED)
    assert found["refused"] > ROUNDS // 10


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_changed_bytes(subject: Subject, tmp_path: Path) -> None:
    fuzz(subject, tmp_path, damage_bytes, ROUNDS // 2, SEED)
