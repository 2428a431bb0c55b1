from __future__ import annotations

import pytest
import torch

from calico.config.model import BevConfig
from calico.models.bev_backbone import BevTrunk


@pytest.mark.parametrize(
    ("strides", "out_stride", "expected"),
    [((2, 2, 2), 2, 32), ((2, 2, 2), 4, 16), ((1, 2, 2), 1, 32)],
)
def test_output_has_the_stride(strides: tuple[int, ...], out_stride: int, expected: int) -> None:
    config = BevConfig(
        layers=(1, 1, 1),
        strides=strides,
        channels=(4, 8, 8),
        neck_channels=4,
        out_stride=out_stride,
    )
    trunk = BevTrunk(config, 3)
    assert trunk(torch.rand(1, 3, 32, 32)).shape == (1, trunk.out_channels, expected, expected)
    assert trunk.out_channels == 12


def test_layers_count_as_in_second() -> None:
    """A strided convolution and `layers` more at each level; the first level's strided one belongs
    to the branches."""
    trunk = BevTrunk(BevConfig(layers=(3, 5, 5), channels=(4, 8, 8), neck_channels=4), 3)
    assert [len(level) for level in trunk.levels] == [3, 6, 6]
