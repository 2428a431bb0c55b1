from __future__ import annotations

import numpy as np
import pytest
import torch

from calico.models.images import IMAGENET_MEAN, IMAGENET_STD, ImageFit, fit_views, normalise


def test_equal_sizes_are_the_identity() -> None:
    fit = ImageFit.between((96, 256), (96, 256))
    image = torch.rand(2, 3, 96, 256)
    mean, std = (
        torch.tensor(IMAGENET_MEAN)[:, None, None],
        torch.tensor(IMAGENET_STD)[:, None, None],
    )
    torch.testing.assert_close(fit.images(image) * std + mean, image)
    matrix = torch.rand(2, 4, 4)
    torch.testing.assert_close(fit.matrices(matrix), matrix)


def test_images_are_normalised_by_the_figures_of_imagenet() -> None:
    """The mean and the mean plus one deviation of each colour, as torchvision's pre-trained weights expect them."""
    image = torch.tensor([[0.485, 0.456, 0.406], [0.485 + 0.229, 0.456 + 0.224, 0.406 + 0.225]])[
        ..., None, None
    ]
    expected = torch.tensor([[0.0] * 3, [1.0] * 3])[..., None, None]
    torch.testing.assert_close(normalise(image), expected, rtol=0, atol=1e-6)


def test_nuscenes_images_keep_their_width_and_lose_sky() -> None:
    fit = ImageFit.between((900, 1600), (256, 704))
    assert (fit.resized_hw, fit.top, fit.left) == ((396, 704), 140, 0)


def test_a_tall_target_is_covered_and_cut_evenly_at_the_sides() -> None:
    fit = ImageFit.between((100, 200), (200, 100))
    assert (fit.resized_hw, fit.top, fit.left) == ((200, 400), 0, 150)


@pytest.mark.parametrize(
    ("raw", "size"), [((180, 320), (64, 160)), ((50, 100), (96, 160)), ((100, 200), (160, 128))]
)
def test_a_painted_spot_moves_where_the_matrix_says(
    raw: tuple[int, int], size: tuple[int, int]
) -> None:
    fit = ImageFit.between(raw, size)
    u, v = raw[1] // 2 + 5, raw[0] - 21
    rows, columns = torch.meshgrid(torch.arange(raw[0]), torch.arange(raw[1]), indexing="ij")
    spot = torch.exp(-((rows - v) ** 2 + (columns - u) ** 2) / 18.0).expand(1, 3, -1, -1)
    shown = (fit.images(spot) - fit.images(torch.zeros_like(spot)))[0, 0].numpy()
    weight = shown / shown.sum()
    center = (weight.sum(0) @ np.arange(size[1]), weight.sum(1) @ np.arange(size[0]))
    projection = torch.eye(4)
    projection[:3, :3] = torch.tensor(
        [[10.0, 0, u], [0, 10, v], [0, 0, 1]]
    )  # a point on the axis, at any depth
    seen = fit.matrices(projection) @ torch.tensor([0.0, 0.0, 7.0, 1.0])
    assert seen[2].item() == pytest.approx(7.0)
    assert (seen[:2] / seen[2]).numpy() == pytest.approx(center, abs=0.05)


def test_views_of_several_sizes_come_out_as_each_by_itself() -> None:
    """Padding of any content, order and company change nothing, bit for bit; the gradient stays inside each view."""
    sizes = (((40, 80), (20, 30)), ((20, 30), (10, 60)))
    images, matrices = torch.rand(2, 2, 3, 40, 80).requires_grad_(True), torch.rand(2, 2, 4, 4)
    fitted, moved = fit_views(images, matrices, (16, 32), sizes)
    assert fitted.shape == (4, 3, 16, 32)
    for row, (height, width) in enumerate(size for views in sizes for size in views):
        frame, view = divmod(row, 2)
        fit = ImageFit.between((height, width), (16, 32))
        assert torch.equal(
            fitted[row], fit.resample(images[frame, view, None, :, :height, :width])[0]
        )
        assert torch.equal(moved[frame, view], fit.matrices(matrices[frame, view]))
    (gradient,) = torch.autograd.grad(fitted.sum(), images)
    assert not gradient[0, 1, :, 20:].any()
    assert not gradient[1, 1, :, 10:].any()
    assert gradient[1, 1, :, :10].any()
