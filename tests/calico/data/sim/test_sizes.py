"""Sizes of objects have the means of the data sets that they are taken from."""

from __future__ import annotations

import numpy as np
import pytest

from calico.data.sim.sizes import MEAN, draw_size


@pytest.mark.parametrize("kind", sorted(MEAN))
def test_sizes_have_the_published_means(kind: str) -> None:
    rng = np.random.default_rng(0)
    cycle = kind in ("bicycle", "motorcycle")
    drawn = np.array(
        [draw_size(rng, kind, ridden=cycle and rng.random() < 0.25) for _ in range(600)]
    )
    np.testing.assert_allclose(drawn.mean(axis=0), MEAN[kind], rtol=0.03)
    assert drawn.min() > 0.2
