from __future__ import annotations

import numpy as np
import pytest
import torch

from calico.geometry.image_fit import ImageFit


def test_equal_sizes_are_the_identity() -> None:
    fit = ImageFit.from_sizes((96, 256), (96, 256))
    image = torch.rand(2, 3, 96, 256)
    torch.testing.assert_close(fit.resample_images(image), image)
    matrix = torch.rand(2, 4, 4)
    torch.testing.assert_close(fit.adapt_matrices(matrix), matrix)


def test_nuscenes_images_keep_their_width_and_lose_sky() -> None:
    fit = ImageFit.from_sizes((900, 1600), (256, 704))
    assert (fit.resized_hw, fit.top, fit.left) == ((396, 704), 140, 0)


def test_a_tall_target_is_covered_and_cut_evenly_at_the_sides() -> None:
    fit = ImageFit.from_sizes((100, 200), (200, 100))
    assert (fit.resized_hw, fit.top, fit.left) == ((200, 400), 0, 150)


@pytest.mark.parametrize(
    ("raw", "size"), [((180, 320), (64, 160)), ((50, 100), (96, 160)), ((100, 200), (160, 128))]
)
def test_a_painted_spot_moves_where_the_matrix_says(
    raw: tuple[int, int], size: tuple[int, int]
) -> None:
    fit = ImageFit.from_sizes(raw, size)
    u, v = raw[1] // 2 + 5, raw[0] - 21
    rows, columns = torch.meshgrid(torch.arange(raw[0]), torch.arange(raw[1]), indexing="ij")
    spot = torch.exp(-((rows - v) ** 2 + (columns - u) ** 2) / 18.0).expand(1, 3, -1, -1)
    shown = fit.resample_images(spot)[0, 0].numpy()
    weight = shown / shown.sum()
    center = (weight.sum(0) @ np.arange(size[1]), weight.sum(1) @ np.arange(size[0]))
    projection = torch.eye(4)
    projection[:3, :3] = torch.tensor(
        [[10.0, 0, u], [0, 10, v], [0, 0, 1]]
    )  # a point on the axis, at any depth
    seen = fit.adapt_matrices(projection) @ torch.tensor([0.0, 0.0, 7.0, 1.0])
    assert seen[2].item() == pytest.approx(7.0)
    assert (seen[:2] / seen[2]).numpy() == pytest.approx(center, abs=0.05)
