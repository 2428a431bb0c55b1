from __future__ import annotations

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from calico.config.model import MapConfig
from calico.geometry.grid import Grid
from calico.models.heads.segmentation import Resample, SegmentationHead


def test_a_grid_onto_itself_is_the_identity() -> None:
    grid = Grid(-4.0, 4.0, -3.0, 3.0, 1.0)
    features = torch.rand(2, 3, 6, 8)
    torch.testing.assert_close(Resample(grid, grid)(features), features)


def test_a_linear_field_is_sampled_exactly_and_outside_is_zero() -> None:
    source, target = Grid(-8.0, 8.0, -6.0, 6.0, 1.0), Grid(-10.0, 5.0, -4.0, 4.5, 0.5)
    field = torch.from_numpy(source.cell_centers() @ [2.0, -3.0]).float()
    resampled = Resample(source, target)(field[None, None])[0, 0].numpy()
    x, y = target.cell_centers()[..., 0], target.cell_centers()[..., 1]
    inside = (abs(x) <= 7.5) & (abs(y) <= 5.5)
    np.testing.assert_allclose(resampled[inside], (2 * x - 3 * y)[inside], atol=1e-4)
    assert (resampled[x < -8.5] == 0).all()


def test_resampling_equals_grid_sample() -> None:
    source, target = Grid(-8.0, 8.0, -6.0, 6.0, 1.0), Grid(-7.0, 9.0, -8.0, 4.0, 0.4)
    features = torch.rand(1, 2, 12, 16)
    where = torch.from_numpy(target.cell_centers() / [8.0, 6.0]).float()[None]
    expected = F.grid_sample(
        features, where, mode="bilinear", padding_mode="zeros", align_corners=False
    )
    torch.testing.assert_close(Resample(source, target)(features), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("head", ["unet", "conv"])
def test_head_answers_on_the_map_grid_of_any_size(head: str) -> None:
    config = MapConfig.model_validate({"head": head, "channels": 4})
    trunk, target = Grid(-8.0, 8.0, -8.0, 8.0, 1.0), Grid(-7.0, 6.0, -5.5, 4.0, 0.5)
    assert SegmentationHead(config, 3, trunk, target)(torch.rand(2, 3, 16, 16)).shape == (
        2,
        6,
        19,
        26,
    )
