"""Streams of random numbers: one `--seed` derives all of them by name.

A stream depends on the seed and on its own name only, so that adding a stream changes no other.
"""

from __future__ import annotations

import hashlib

import numpy as np


def derive_seed(seed: int, *names: str | int) -> int:
    """Derive the seed of one stream from the seed of the run.

    Args:
        seed: Seed of the run.
        names: Name of the stream, in parts.

    Returns:
        A whole number of 63 bits.

    Example:
        >>> derive_seed(7, "augment", 0) == derive_seed(7, "augment", 1)
        False
    """
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def make_generator(seed: int, *names: str | int) -> np.random.Generator:
    """Make the counter-based numpy generator (Philox) of one stream.

    Args:
        seed: Seed of the run.
        names: Name of the stream, in parts; see `derive_seed`.
    """
    return np.random.Generator(np.random.Philox(derive_seed(seed, *names)))
