from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.config.model import CameraConfig
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.models.lift import Lift

GRID = Grid(-8.0, 8.0, -8.0, 8.0, 1.0)


def make(
    view_transform: str = "lss", heights: tuple[float, ...] = (-1.0, 0.5), channels: int = 5
) -> Lift:
    torch.manual_seed(0)
    config = CameraConfig.model_validate(
        {
            "view_transform": view_transform,
            "fpn_channels": 4,
            "channels": channels,
            "depth_bins": 6,
            "depth_range_m": (1.0, 13.0),
            "heights_m": heights,
            "feature_stride": 8,
        }
    )
    return Lift(config, GRID, origin_px=0.0).eval()


def bilinear(image: np.ndarray, row: float, column: float) -> np.ndarray:
    """(C, h, w) at a place, clamped to the border."""
    row, column = np.clip(row, 0, image.shape[1] - 1), np.clip(column, 0, image.shape[2] - 1)
    r, c = min(int(row), image.shape[1] - 2), min(int(column), image.shape[2] - 2)
    fr, fc = row - r, column - c
    top = image[:, r, c] * (1 - fc) + image[:, r, c + 1] * fc
    return top * (1 - fr) + (image[:, r + 1, c] * (1 - fc) + image[:, r + 1, c + 1] * fc) * fr


def by_loop(lift: Lift, features: Tensor, matrices: Tensor) -> np.ndarray:
    """What is pulled for one frame, cell by cell, before the heights are collapsed: (C, heights, Y,
    X)."""
    views, _, h, w = features.shape
    context = lift.context(features).detach().numpy()
    depth = lift.depth(features).softmax(1).detach().numpy()
    pulled = np.zeros((lift.channels, len(lift.heights), 16, 16))
    for view in range(views):
        for level, z in enumerate(lift.heights):
            for (iy, ix), (x, y) in zip(
                np.ndindex(16, 16), GRID.cell_centers().reshape(-1, 2), strict=True
            ):
                ud, vd, d = (matrices[view].numpy() @ [x, y, z, 1.0])[:3]
                if d <= 0.1:
                    continue
                column, row = ud / d / 8, vd / d / 8
                if not (-0.5 <= column <= w - 0.5 and -0.5 <= row <= h - 0.5 and 1 <= d <= 13):
                    continue
                bins = bilinear(depth[view], row, column)
                place = np.clip((d - 1) / 2 - 0.5, 0, 5)
                low = min(int(place), 4)
                probability = bins[low] * (1 - (place - low)) + bins[low + 1] * (place - low)
                pulled[:, level, iy, ix] += probability * bilinear(context[view], row, column)
    return pulled


def matrices_of(frame: Frame) -> Tensor:
    return torch.from_numpy(frame.image_from_lidar).float()


def test_pull_equals_a_loop_over_cells(frame: Frame) -> None:
    lift = make()
    features = torch.randn(2, 4, 8, 16, generator=torch.Generator().manual_seed(1))
    expected = by_loop(lift, features, matrices_of(frame))
    assert (expected != 0).mean() > 0.1
    lift.collapse = torch.nn.Identity()
    pulled = (
        lift(features[None], matrices_of(frame)[None])[0].detach().numpy().reshape(expected.shape)
    )
    np.testing.assert_allclose(pulled, expected, atol=1e-5)


def test_a_painted_feature_lands_in_its_cell(frame: Frame) -> None:
    """The feature at the pixel of a known point, with all its depth probability at that point's
    bin, comes out in that cell."""
    lift = make(heights=(0.5,), channels=1)
    x, y, z = 4.5, 1.5, 0.5  # the centre of cell row 9, column 12
    ud, vd, d = (frame.image_from_lidar[0] @ [x, y, z, 1.0])[:3]
    column, row = round(ud / d / 8), round(vd / d / 8)
    lift.context = lift.collapse = torch.nn.Identity()
    lift.depth = torch.nn.Module()
    logits = torch.full((2, 6, 8, 16), -30.0)
    logits[:, int((d - 1) / 2)] = 0.0
    lift.depth.forward = lambda _: logits
    features = torch.zeros(1, 2, 1, 8, 16)
    features[0, 0, 0, row, column] = 1.0
    bev = lift(features, matrices_of(frame)[None])[0, 0]
    assert np.unravel_index(int(bev.argmax()), bev.shape) == (9, 12)
    assert (bev[:, :8] == 0).all()  # nothing behind: the other camera's features are zero


def test_points_behind_the_camera_are_silent_and_safe(frame: Frame) -> None:
    lift = make()
    features = torch.randn(1, 1, 4, 8, 16, requires_grad=True)
    matrix = matrices_of(frame)[None, :1].clone().requires_grad_()
    bev = lift(features, matrix)
    bev.square().sum().backward()
    assert features.grad is not None
    assert torch.isfinite(features.grad).all()
    assert features.grad.abs().sum() > 0
    assert matrix.grad is not None
    assert torch.isfinite(matrix.grad).all()
    _, _, seen = lift.project_cells(matrix[0], 8, 16)
    assert seen.reshape(2, 16, 16)[:, :, :8].sum() == 0  # x < 0 lies behind the front camera
    assert seen.sum() > 0


def test_a_cell_is_seen_up_to_the_edge_of_the_image_and_not_beyond() -> None:
    """Features are 8 pixels wide, the first is centred on pixel 0: the image is from -4 to 8 w - 4
    pixels."""
    lift = make(heights=(-1.0,))
    height, width = 8, 16
    inside = [(-3.99, 20.0), (8 * width - 4.01, 20.0), (50.0, -3.99), (50.0, 8 * height - 4.01)]
    outside = [(-4.01, 20.0), (8 * width - 3.99, 20.0), (50.0, -4.01), (50.0, 8 * height - 3.99)]
    matrices = torch.zeros(8, 4, 4)
    for matrix, (u, v) in zip(matrices, inside + outside, strict=True):
        matrix[:3, 3] = torch.tensor(
            [5.0 * u, 5.0 * v, 5.0]
        )  # every cell falls on (u, v), 5 m away
    _, depth_m, seen = lift.project_cells(matrices, height, width)
    assert (depth_m == 5.0).all()
    assert (seen[:4] == 1.0).all()
    assert (seen[4:] == 0.0).all()


def test_homography_averages_the_views_on_the_ground(frame: Frame) -> None:
    lift = make("homography", heights=(-1.0, 0.5))
    assert lift.heights == (-1.0,)
    assert lift.depth is None
    lift.collapse = lift.context = torch.nn.Identity()
    matrices = matrices_of(frame)[:1].repeat(2, 1, 1)
    features = torch.stack([torch.full((5, 8, 16), 1.0), torch.full((5, 8, 16), 3.0)])
    bev = lift(features[None], matrices[None])[0]
    seen = lift.project_cells(matrices[:1], 8, 16)[2].reshape(16, 16)
    torch.testing.assert_close(bev, (2.0 * seen).expand(5, -1, -1))
    assert 0 < seen.sum() < seen.numel() / 2


@pytest.mark.parametrize("bins", [1, 2])
def test_few_depth_bins(frame: Frame, bins: int) -> None:
    config = CameraConfig(fpn_channels=4, channels=3, depth_bins=bins, depth_range_m=(1.0, 9.0))
    lift = Lift(config, GRID, 0.0).eval()
    weight = lift.depth_weight(
        torch.zeros(1, bins, 8, 16), torch.zeros(1, 1, 3, 2), torch.tensor([[[0.5, 5.0, 9.5]]])
    )
    torch.testing.assert_close(weight, torch.tensor([[[0.0, 1.0 / bins, 0.0]]]))
