from __future__ import annotations

import numpy as np
import pytest
import torch

from calico.data.source import FrameSource
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.patch.placement import place_board
from calico_eval.attacks.patch.render import (
    TEXELS,
    PatchDomain,
    apply_light,
    bend_places,
    draw_transformations,
    sample_textures,
)

CPU = torch.device("cpu")


def test_sampling_is_that_of_grid_sample() -> None:
    stream = torch.Generator().manual_seed(3)
    textures = torch.rand(2, 3, TEXELS, TEXELS, generator=stream)
    places = torch.rand(50, 4, 2, generator=stream)
    texture = torch.arange(50) % 2
    found = sample_textures(textures, texture, places)
    for pixel in range(50):
        grid = (2 * places[pixel] - 1)[None, None]
        expected = torch.nn.functional.grid_sample(
            textures[texture[pixel]][None], grid, align_corners=False, padding_mode="border"
        )
        assert torch.allclose(found[pixel], expected[0, :, 0].mean(dim=1), atol=1e-5)


def test_two_views_show_the_same_place_in_the_same_colour(street: FrameSource) -> None:
    """A texture whose red is s and whose green is t: the colour of a pixel tells the place in the
    world that it shows."""
    frame = street[0]
    placed = place_board(frame, frame, PatchShape(ahead_m=6.0, left_m=3.0))
    ramp = (torch.arange(TEXELS) + 0.5) / TEXELS
    texture = torch.stack(
        [ramp.expand(TEXELS, -1), ramp[:, None].expand(-1, TEXELS), torch.zeros(TEXELS, TEXELS)]
    )
    (patched,) = PatchDomain([frame], [[placed]], 1, CPU).deliver_frames(texture[None])
    views = [view for view, part in enumerate(placed.views) if len(part) > 10]
    assert len(views) == 2
    for view in views:
        changed = np.argwhere((patched.images[view] != frame.images[view]).any(axis=2))
        assert len(changed) > 10
        for row, column in changed:
            s, t = patched.images[view][row, column, :2] / 255.0
            point = (
                placed.corners[0]
                + s * (placed.corners[1] - placed.corners[0])
                + t * (placed.corners[3] - placed.corners[0])
            )
            u, v, d = (frame.image_from_lidar[view] @ [*point, 1.0])[:3]
            assert abs(u / d - column) < 0.5
            assert abs(v / d - row) < 0.5


def test_transformations_are_a_function_of_the_seed_and_stay_small() -> None:
    def draw(seed: int) -> tuple[torch.Tensor, torch.Tensor]:
        return draw_transformations([torch.Generator().manual_seed(seed)], 2, CPU)

    (light, bend), (again, bend_again), (other, _) = draw(1), draw(1), draw(2)
    assert torch.equal(light, again)
    assert torch.equal(bend, bend_again)
    assert not torch.equal(light, other)
    textures = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(apply_light(textures, torch.zeros(2, 3)), textures, atol=1e-6)
    brighter = apply_light(textures, torch.tensor([[1.0, 0, 0]]).expand(2, 3))
    assert torch.allclose(brighter, (textures + 0.1).clamp(0, 1), atol=1e-6)
    grey = apply_light(textures, torch.tensor([[0.0, 0, -1.0 / 0.3]]).expand(2, 3))
    assert float((grey - grey.mean(dim=1, keepdim=True)).abs().max()) < 1e-6
    places = torch.rand(5, 4, 2, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(bend_places(places, torch.eye(3).expand(5, 3, 3)), places, atol=1e-6)
    moved = bend_places(places, bend[:1].expand(5, 3, 3))
    assert 0 < float((moved - places).abs().max()) < 0.15


@pytest.mark.parametrize("transformed", [False, True])
def test_gradients_of_a_texture_are_those_of_finite_differences(
    street: FrameSource, transformed: bool
) -> None:
    frame = street[0]
    domain = PatchDomain(
        [frame], [[place_board(frame, frame, PatchShape(ahead_m=6.0, left_m=3.0))]], 1, CPU
    )
    weight = torch.rand(domain.base.images.shape, generator=torch.Generator().manual_seed(1))
    x = (
        0.4 + 0.2 * torch.rand(domain.clean.shape, generator=torch.Generator().manual_seed(2))
    ).requires_grad_(True)

    def value(x: torch.Tensor) -> torch.Tensor:
        streams = [torch.Generator().manual_seed(7)] if transformed else []
        return (domain.make_batch(x, streams).images.double() * weight).sum()

    (gradient,) = torch.autograd.grad(value(x), x)
    for index in ((0, 0, 3, 4), (0, 1, 16, 16), (0, 2, 30, 8)):
        step = torch.zeros_like(x)
        step[index] = 0.05
        slope = (value(x.detach() + step) - value(x.detach() - step)) / 0.1
        assert abs(float(gradient[index]) - float(slope)) < 1e-3 * max(1.0, abs(float(slope)))
