"""Streams of random numbers depend on the seed and their own name only."""

import hashlib

import numpy as np

from calico.seeds import derive_seed, make_generator


def test_the_seed_is_the_hash_of_the_names() -> None:
    digest = hashlib.sha256(b"7\x1faugment\x1f3").digest()
    expected = int.from_bytes(digest[:8], "little") // 2
    assert derive_seed(7, "augment", 3) == expected
    assert 0 <= expected < 2**63


def test_every_part_of_the_name_counts() -> None:
    names = [(7, "a", "bc"), (7, "ab", "c"), (8, "a", "bc"), (7, "abc"), (7, "a", "b", "c")]
    assert len({derive_seed(*name) for name in names}) == len(names)


def test_the_generator_is_that_of_the_seed() -> None:
    drawn = make_generator(7, "augment").random(4)
    by_hand = np.random.Generator(np.random.Philox(derive_seed(7, "augment"))).random(4)
    assert drawn.tolist() == by_hand.tolist()
    assert drawn.tolist() != make_generator(7, "other").random(4).tolist()
