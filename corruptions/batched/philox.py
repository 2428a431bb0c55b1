"""numpy's Philox stream in torch, so that noise is drawn on the device that the images are on, with the same numbers."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

ROUNDS = 10
MULTIPLIERS = 0xD2E7470EE14C6C93, 0xCA5A826395121157
WEYL = 0x9E3779B97F4A7C15, 0xBB67AE8584CAA73B
LOW = 0xFFFFFFFF


def uint16_draws(rng: np.random.Generator, count: int, device: torch.device) -> Tensor:
    """(count,) int64 in 0..65535: what a fresh `rng` gives as `rng.integers(0, 65536, count, dtype=np.uint16)`.

    Philox4x64-10 (Salmon et al., "Parallel Random Numbers: As Easy as 1, 2, 3", SC 2011), four 64-bit words a counter, the
    counters 1, 2, 3 ..., sixteen numbers of 16 bits from each, the lowest first. `rng` keeps its state.
    """
    key = [int(word) for word in rng.bit_generator.state["state"]["key"]]
    blocks = -(-count // 16)
    words = [torch.arange(1, blocks + 1, device=device)] + [torch.zeros(blocks, dtype=torch.int64, device=device)] * 3
    for number in range(ROUNDS):
        keys = [_signed(k + number * w) for k, w in zip(key, WEYL, strict=True)]
        high0, low0 = _product(words[0], MULTIPLIERS[0])
        high1, low1 = _product(words[2], MULTIPLIERS[1])
        words = [high1 ^ words[1] ^ keys[0], low1, high0 ^ words[3] ^ keys[1], low0]
    drawn = torch.stack(words, dim=1).view(torch.int16).reshape(-1)[:count]
    return drawn.to(torch.int64) & 0xFFFF


def _product(a: Tensor, b: int) -> tuple[Tensor, Tensor]:
    """Upper and lower 64 bits of the 128-bit product of unsigned numbers, held in int64, which wraps."""
    a_low, a_high = a & LOW, (a >> 32) & LOW
    b_low, b_high = b & LOW, b >> 32
    middle = a_high * b_low + ((a_low * b_low >> 32) & LOW)
    other = a_low * b_high + (middle & LOW)
    high = a_high * b_high + ((middle >> 32) & LOW) + ((other >> 32) & LOW)
    return high, a * _signed(b)


def _signed(word: int) -> int:
    """The int64 of the same 64 bits."""
    word %= 1 << 64
    return word - (1 << 64) if word >> 63 else word
