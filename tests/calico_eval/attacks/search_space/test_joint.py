"""Every search space: exact budgets of what is delivered, noise that is a frame's own, in batches
of unlike frames."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import Threat, check_budget, measure_budget
from calico_eval.attacks.search_space.joint import Domain, make_domain

CPU = torch.device("cpu")
THREATS = [
    *(Threat(camera_levels=levels) for levels in (1, 4, 16, 255)),
    *(Threat(camera_rms=rms) for rms in (0.5, 1.0, 4.0, 20.0)),
    *(Threat(range_m=metres) for metres in (1e-7, 0.01, 0.1, 0.5, 30.0)),
    *(Threat(axis_m=metres) for metres in (1e-7, 0.01, 0.1, 0.5)),
    *(Threat(intensity=share) for share in (0.001, 0.05, 0.2, 1.0)),
    Threat(camera_levels=2, range_m=0.1),
    Threat(camera_levels=8, axis_m=0.03, intensity=0.1),
    Threat(range_m=0.2, intensity=0.05),
]

NO_ROOM = (Threat(range_m=1e-7), Threat(axis_m=1e-7))
"""Less than float32 tells apart."""


@pytest.fixture(scope="module")
def unlike(street: FrameSource) -> list[Frame]:
    """Three frames of one camera count and nothing else in common: view sizes within and between
    frames, point counts, places of sweeps, points at the sensor, black and white pixels,
    intensities outside 0..1."""
    rng = np.random.default_rng(0)
    first, second, third = street[1], street[4], street[2]
    cut = (
        first.images[0][:24, :50].copy(),
        np.zeros_like(first.images[1]),
        np.full_like(first.images[2], 255),
    )
    sweeps = np.tile(np.eye(4), (2, 1, 1))
    sweeps[1, :2, 3] = (-4.0, 1.0)
    near = first.points.copy()
    near[:5, :3] = [[1.02, 0, 0], [0, 1.3, 0], [0.5, 0.5, 0], [0, 0, 0], [70.0, -3.0, 0.1]]
    near[:2, 3] = [1.25, -0.5]
    keep = np.sort(rng.choice(len(second.points), 700, replace=False))
    return [
        first.replace(
            images=(*cut, *first.images[3:]),
            points=near,
            sweep_T=sweeps,
            sweep_index=(np.arange(len(near)) % 2).astype(np.int16),
        ),
        second.replace(
            points=second.points[keep], ring=second.ring[keep], sweep_index=second.sweep_index[keep]
        ),
        third.replace(
            images=tuple(image[:20, : 40 + view].copy() for view, image in enumerate(third.images))
        ),
    ]


def streams(count: int = 3, first: int = 0) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(first + row) for row in range(count)]


def climbed(domain: Domain, seed: int = 0) -> Tensor:
    """Where steps of more than the radius along random directions end, as an attack's would."""
    generator = torch.Generator().manual_seed(seed)
    x = domain.random(streams(len(domain.clean)))
    for _ in range(4):
        x = domain.ascend(x, torch.randn(x.shape, generator=generator), 1.5)
    return x


WAYS = {
    "random": lambda domain: domain.random(streams(len(domain.clean))),
    "corner": lambda domain: domain.corner(streams(len(domain.clean))),
    "ascend": climbed,
    "clean": lambda domain: domain.clean,
}


def same(one: Frame, other: Frame) -> bool:
    return one.points.tobytes() == other.points.tobytes() and all(
        a.shape == b.shape and a.tobytes() == b.tobytes()
        for a, b in zip(one.images, other.images, strict=True)
    )


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_delivered_frames_are_within_budget_in_a_batch_of_unlike_frames(
    threat: Threat, way: str, unlike: list[Frame]
) -> None:
    domain = make_domain(unlike, threat, CPU)
    x = WAYS[way](domain)
    assert float(x.min()) >= 0.0
    assert float(x.max()) <= 1.0
    changed = []
    for before, after in zip(unlike, domain.deliver_frames(x), strict=True):
        budget = measure_budget(before, after)
        passed, message = check_budget(threat, budget)
        assert passed, message
        changed.append(not same(before, after))
    assert changed == [way != "clean" and threat not in NO_ROOM] * 3


@pytest.mark.parametrize("threat", [threat for threat in THREATS if threat not in NO_ROOM], ids=str)
def test_the_control_uses_the_whole_budget(threat: Threat, unlike: list[Frame]) -> None:
    """A corner of the ball, less what float32 and the edges of [0, 1] take: nobody beats an attack
    with a weak control."""
    domain = make_domain(unlike, threat, CPU)
    for before, after in zip(unlike, domain.deliver_frames(domain.corner(streams())), strict=True):
        budget = measure_budget(before, after)
        if threat.camera_levels and threat.camera_levels < 255:
            assert budget.camera_levels == (threat.camera_levels,) * len(before.images)
        if threat.camera_rms:
            assert 0.999 * threat.camera_rms < budget.camera_rms <= threat.camera_rms
        if threat.range_m:
            assert 0.999 * threat.range_m < budget.range_m <= threat.range_m
        if threat.axis_m:
            assert min(budget.axis_m) > 0.999 * threat.axis_m
        if threat.intensity:
            assert budget.intensity > 0.95 * min(
                threat.intensity, 0.8
            )  # the street's brightest and darkest are 0.8 from an end


@pytest.mark.parametrize("way", ["random", "corner"])
@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_noise_is_the_same_bytes_alone_and_in_a_batch(
    threat: Threat, way: str, unlike: list[Frame]
) -> None:
    """Twice from one stream, as restarts draw: neither the first nor the second draw knows how
    large the others are."""
    together, own = make_domain(unlike, threat, CPU), streams()
    drawn = [together.deliver_frames(getattr(together, way)(own)) for _ in range(2)]
    for row, frame in enumerate(unlike):
        alone, stream = make_domain([frame], threat, CPU), streams(1, first=row)
        for draw in drawn:
            assert same(alone.deliver_frames(getattr(alone, way)(stream))[0], draw[row])


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_batch_and_the_frames_of_a_place_agree(threat: Threat, unlike: list[Frame]) -> None:
    """What the model is shown in the search and what is delivered differ by rounding alone; clean
    is clean, to the bit."""
    domain = make_domain(unlike, threat, CPU)
    clean = domain.make_batch(domain.clean)
    assert torch.equal(clean.points, domain.base.points)  # type: ignore[attr-defined]
    assert torch.equal(clean.images, domain.base.images)  # type: ignore[attr-defined]
    x = climbed(domain)
    batch, delivered = domain.make_batch(x), domain.deliver_frames(x)
    assert not batch.points[~batch.point_mask].any()
    for row, frame in enumerate(delivered):
        points = batch.points[row, : len(frame.points)].numpy()
        np.testing.assert_allclose(points, frame.points, rtol=0, atol=2e-5)
        for view, image in enumerate(frame.images):
            height, width = image.shape[:2]
            shown = batch.images[row, view].permute(1, 2, 0).numpy() * 255
            assert (
                np.abs(shown[:height, :width] - image).max()
                <= (1.5 if threat.camera_rms else 0.5) + 1e-3
            )
            assert not shown[height:].any()
            assert not shown[:, width:].any()


@pytest.mark.parametrize(
    "threat",
    [Threat(camera_levels=4), Threat(camera_rms=4.0), Threat(camera_levels=4, range_m=0.1)],
    ids=str,
)
def test_shares_of_a_gradient_count_a_frames_own_pixels_and_points(
    threat: Threat, unlike: list[Frame]
) -> None:
    domain = make_domain(unlike, threat, CPU)
    x = domain.clean.clone().requires_grad_(True)
    batch = domain.make_batch(x)
    seen = batch.images[:, :, :, ::2].sum() + (batch.points[:, ::4, :3] ** 2).sum()
    (gradient,) = torch.autograd.grad(seen, x)
    for row, frame in enumerate(unlike):
        shares = domain.measure_shares(gradient, row)
        assert shares[:6] == pytest.approx([0.5] * 6)
        if threat.range_m:
            free = np.linalg.norm(frame.points[::4, :3], axis=1) > 1.1
            assert shares[6] == pytest.approx(free.sum() / len(frame.points), abs=2e-3)


def test_a_joint_latent_holds_the_pixels_before_the_points(unlike: list[Frame]) -> None:
    threat = Threat(camera_levels=4, range_m=0.1)
    domain = make_domain(unlike, threat, CPU)
    pixels, points = (
        make_domain(unlike, Threat(camera_levels=4), CPU),
        make_domain(unlike, Threat(range_m=0.1), CPU),
    )
    split = pixels.clean[0].numel()
    x = domain.clean.clone()
    x[..., :split] = 1.0
    brighter, nearer = domain.deliver_frames(x), domain.deliver_frames(1.0 - x + 0.5 * (x == 0.5))
    for row, frame in enumerate(unlike):
        assert same(
            brighter[row].replace(points=frame.points),
            pixels.deliver_frames(pixels.clean + pixels.eps)[row],
        )
        assert brighter[row].points.tobytes() == frame.points.tobytes()
        assert same(
            nearer[row].replace(points=frame.points),
            pixels.deliver_frames(pixels.clean - pixels.eps)[row],
        )
    assert same(
        domain.deliver_frames(
            torch.where(torch.arange(x.shape[-1]) < split, 0.5, 1.0).expand(x.shape)
        )[1],
        points.deliver_frames(torch.ones_like(points.clean))[1],
    )


@pytest.mark.parametrize(
    ("threat", "message"),
    [
        (Threat(), "nothing to search in"),
        (Threat(points_added=5), "nothing to search in"),
        (Threat(patch_share=0.1), "nothing to search in"),
        (
            Threat(camera_rms=2.0, range_m=0.1),
            "a joint budget is L-infinity; expected camera_levels in place of",
        ),
    ],
)
def test_threats_without_a_ball_are_refused(
    threat: Threat, message: str, unlike: list[Frame]
) -> None:
    with pytest.raises(CalicoError, match=message):
        make_domain(unlike, threat, CPU)
