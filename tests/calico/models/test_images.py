from __future__ import annotations

import torch

from calico.geometry.image_fit import ImageFit
from calico.models.images import fit_views, normalise_images


def test_images_are_normalised_by_the_figures_of_imagenet() -> None:
    """The mean and the mean plus one deviation of each colour, as torchvision's pre-trained weights
    expect them."""
    image = torch.tensor([[0.485, 0.456, 0.406], [0.485 + 0.229, 0.456 + 0.224, 0.406 + 0.225]])[
        ..., None, None
    ]
    expected = torch.tensor([[0.0] * 3, [1.0] * 3])[..., None, None]
    torch.testing.assert_close(normalise_images(image), expected, rtol=0, atol=1e-6)


def test_views_of_several_sizes_come_out_as_each_by_itself() -> None:
    """Padding of any content, order and company change nothing, bit for bit; the gradient stays
    inside each view."""
    sizes = (((40, 80), (20, 30)), ((20, 30), (10, 60)))
    images, matrices = torch.rand(2, 2, 3, 40, 80).requires_grad_(True), torch.rand(2, 2, 4, 4)
    fitted, moved = fit_views(images, matrices, (16, 32), sizes)
    assert fitted.shape == (4, 3, 16, 32)
    for row, (height, width) in enumerate(size for views in sizes for size in views):
        frame, view = divmod(row, 2)
        fit = ImageFit.from_sizes((height, width), (16, 32))
        assert torch.equal(
            fitted[row], fit.resample_images(images[frame, view, None, :, :height, :width])[0]
        )
        assert torch.equal(moved[frame, view], fit.adapt_matrices(matrices[frame, view]))
    (gradient,) = torch.autograd.grad(fitted.sum(), images)
    assert not gradient[0, 1, :, 20:].any()
    assert not gradient[1, 1, :, 10:].any()
    assert gradient[1, 1, :, :10].any()
