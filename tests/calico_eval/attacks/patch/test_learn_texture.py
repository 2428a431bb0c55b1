"""Learning of textures: Adam by hand, whole grey levels, the best of what was tried."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import torch
from torch import Tensor

from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.patch.learn_texture import (
    ascend_with_adam,
    learn_textures,
    make_grey,
    patch_streams,
)
from calico_eval.engines.torch import TorchEngine

SPEC = AttackSpec("patch_object", Threat(patch_share=0.1), steps=3)


class Interval:
    """A search space [0, 1] of radius 0.5."""

    eps = 0.5

    def project(self, x: Tensor) -> Tensor:
        return x.clamp(0.0, 1.0)


@dataclass
class Slopes:
    """A problem whose gradients are given, one per step."""

    gradients: list[Tensor]
    domain: Interval = field(default_factory=Interval)
    asked: list[Tensor] = field(default_factory=list)

    def gradient(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.asked.append(x)
        return torch.zeros(1), self.gradients[len(self.asked) - 1]


def test_adam_follows_its_equations() -> None:
    """Kingma and Ba, algorithm 1, in plain floats: rate spec.step x 0.5, betas 0.9 and 0.99."""
    gradients = [2.0, -1.0, 0.5]
    problem = Slopes([torch.tensor([[g]], dtype=torch.float64) for g in gradients])
    x, m, v = 0.5, 0.0, 0.0
    path = [x]
    for t, g in enumerate(gradients, start=1):
        m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
        x += SPEC.step * 0.5 * (m / (1 - 0.9**t)) / ((v / (1 - 0.99**t)) ** 0.5 + 1e-12)
        x = min(max(x, 0.0), 1.0)
        path.append(x)
    start = torch.tensor([[0.5]], dtype=torch.float64)
    end = ascend_with_adam(problem, SPEC, start)  # type: ignore[arg-type]
    assert [float(one) for one in (*problem.asked, end)] == pytest.approx(path, abs=1e-12)


def test_grey_is_level_128() -> None:
    grey = make_grey(2)
    assert grey.shape[0] == 6
    assert torch.equal((grey * 255).round(), torch.full_like(grey, 128.0))


def test_a_frame_has_its_own_stream_in_any_company(street_frame: Frame) -> None:
    other = street_frame.replace(token="other")
    alone = torch.rand(4, generator=patch_streams([street_frame], SPEC, 0)[0])
    together = [torch.rand(4, generator=g) for g in patch_streams([other, street_frame], SPEC, 0)]
    assert torch.equal(alone, together[1])
    assert not torch.equal(alone, together[0])


def test_a_frame_that_shows_no_patch_keeps_grey(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    empty = street_frame.replace(boxes=Boxes.empty())
    (learnt,) = learn_textures(camera_only, [empty], [()], 3, SPEC, 0)
    assert torch.equal(learnt.textures, make_grey(3))
    assert learnt.note == "no patch is seen where its texture would be learnt"
    assert (learnt.forwards, learnt.backwards) == (0, 0)
