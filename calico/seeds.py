"""One `--seed` derives every stream of random numbers, by name, so that adding a stream changes no other."""

from __future__ import annotations

import hashlib

import numpy as np


def derive(seed: int, *names: str | int) -> int:
    """A 63-bit seed for the stream that the names describe, e.g. derive(7, "augment", epoch, token)."""
    digest = hashlib.sha256("\x1f".join([str(seed), *map(str, names)]).encode()).digest()
    return int.from_bytes(digest[:8], "little") >> 1


def generator(seed: int, *names: str | int) -> np.random.Generator:
    """A counter-based numpy generator (Philox) for that stream."""
    return np.random.Generator(np.random.Philox(derive(seed, *names)))
