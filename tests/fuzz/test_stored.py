"""Files that we wrote ourselves, damaged: the same content or a message; no flipped bit is
accepted."""

import os
import random
from pathlib import Path

import numpy as np
import pytest

from tests.fuzz.harness import Subject, fuzz
from tests.fuzz.mutate import damage_bytes, flip_bit
from tests.fuzz.stored import SUBJECTS, regions

ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "100"))
SEED = int(os.environ.get("FUZZ_SEED", "0"))
FLIPS = 400


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_no_flipped_bit_is_accepted(subject: Subject, tmp_path: Path) -> None:
    found = fuzz(subject, tmp_path, flip_bit, max(FLIPS, ROUNDS), SEED)
    assert found["same"] + found["other"] == 0


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_no_changed_bytes_are_accepted(subject: Subject, tmp_path: Path) -> None:
    found = fuzz(subject, tmp_path, damage_bytes, ROUNDS, SEED)
    assert found["other"] == 0


@pytest.mark.parametrize(
    "subject", [one for one in SUBJECTS if one.damage], ids=lambda subject: subject.name
)
def test_no_changed_values_are_accepted(subject: Subject, tmp_path: Path) -> None:
    assert subject.damage is not None
    found = fuzz(subject, tmp_path, subject.damage, ROUNDS, SEED)
    assert found["other"] == 0


def test_damaged_regions_are_found_again(tmp_path: Path) -> None:
    file, expected = regions(tmp_path)
    content = file.read_bytes()
    for number in range(SEED, SEED + max(FLIPS, ROUNDS)):
        file.write_bytes(flip_bit(random.Random(number), content))
        _, found = regions(tmp_path)
        assert np.array_equal(found, expected), f"seed {number}"
        assert file.read_bytes() == content, f"seed {number}"
