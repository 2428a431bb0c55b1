import numpy as np
import pytest

from calico.frame import Frame
from corruptions.camera.pixel_noise import OUTCOMES, pick_outcomes


def test_noise_is_independent_of_place(street: Frame) -> None:
    outcomes = np.tile(np.arange(OUTCOMES) % 256, (256, 1)).astype(np.uint8)
    dealt = pick_outcomes(
        np.full((400, 400), 7, np.uint8), outcomes, np.random.default_rng(1)
    ).astype(float)
    assert dealt.mean() == pytest.approx(127.5, abs=1)
    assert abs(np.corrcoef(dealt[:, :-1].ravel(), dealt[:, 1:].ravel())[0, 1]) < 0.01
