from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from calico.losses.rad import dense_distillation, region_aware_distillation

REGION = torch.tensor([7, -1, 2, 7, -1, 2, 2, 40, -1, 7])
TAU = 0.2


def pair(n: int = 10, width: int = 5, seed: int = 0) -> tuple[Tensor, Tensor]:
    random = torch.Generator().manual_seed(seed)
    camera, lidar = torch.randn(2, n, width, generator=random, dtype=torch.float64).unbind()
    return F.normalize(camera, dim=1).requires_grad_(), F.normalize(lidar, dim=1)


def distil(camera: Tensor, lidar: Tensor, region: Tensor = REGION, teacher: float = 0.0) -> Tensor:
    return region_aware_distillation(
        camera, lidar, region, temperature=TAU, teacher_temperature=teacher
    )


def slow(camera: Tensor, lidar: Tensor, region: Tensor, teacher: float) -> Tensor:
    """paper.md section 3, loop by loop."""
    ids, points, loss = region.tolist(), range(len(region)), camera.new_zeros(())
    names = sorted({name for name in ids if name >= 0})
    for name in names:
        members = [i for i in points if ids[i] == name]
        for i in members:
            score = [torch.exp((camera[i] * lidar[k]).sum() / TAU) for k in points]
            p = [value / sum(score) for value in score]
            if teacher == 0:
                each = -torch.log(p[i])
            else:
                soft = [math.exp(float(lidar[i] @ lidar[k]) / teacher) for k in points]
                q = [value / sum(soft) for value in soft]
                each = torch.stack(
                    [q[k] * (math.log(q[k]) - torch.log(p[k])) for k in points]
                ).sum()
            loss = loss + each / len(members) / len(names)
    return loss


def gradient(loss: Tensor, camera: Tensor) -> Tensor:
    return torch.autograd.grad(loss, camera)[0]


@pytest.mark.parametrize("teacher", [0.0, 0.1, 1.0])
@pytest.mark.parametrize(
    "region",
    [
        REGION,
        REGION[REGION >= 0],
        torch.zeros(4, dtype=torch.int64),
        torch.tensor([3, -1, -1]),
        torch.arange(6),
    ],
    ids=["mixed", "M = 0", "one region", "one rich point", "regions of one point"],
)
def test_values_and_gradients_against_loops(region: Tensor, teacher: float) -> None:
    camera, lidar = pair(len(region))
    loss, expected = distil(camera, lidar, region, teacher), slow(camera, lidar, region, teacher)
    torch.testing.assert_close(loss, expected, rtol=1e-10, atol=1e-12)
    torch.testing.assert_close(
        gradient(loss, camera), gradient(expected, camera), rtol=1e-9, atol=1e-11
    )


@pytest.mark.parametrize("teacher", [0.0, 0.1])
def test_gradcheck(teacher: float) -> None:
    camera, lidar = pair()
    assert torch.autograd.gradcheck(lambda c: distil(c, lidar, teacher=teacher), (camera,))
    assert torch.autograd.gradcheck(lambda c: dense_distillation(c, lidar), (camera,))


def test_soft_targets_become_one_hot() -> None:
    """The gap to `region_nce` falls as the teacher's temperature does, and is gone at the end."""
    camera, lidar = pair()
    nce = distil(camera, lidar)
    gaps = torch.stack(
        [
            (distil(camera, lidar, teacher=tau) - nce).abs()
            for tau in (1.0, 0.3, 0.1, 0.05, 0.02, 1e-3)
        ]
    )
    assert (gaps[:-1].diff() < 0).all()
    assert gaps[0] > 0.1
    assert gaps[-1] < 1e-12
    soft = gradient(distil(camera, lidar, teacher=1e-3), camera)
    torch.testing.assert_close(soft, gradient(distil(camera, lidar), camera))


def test_equal_lidar_embeddings_keep_the_target_from_being_one_hot() -> None:
    """Two points of one embedding share the target: half each, whatever the temperature; the KL
    form is log 2 below."""
    camera, lidar = pair(2)
    lidar = lidar[:1].expand(2, -1)
    region = torch.zeros(2, dtype=torch.int64)
    assert distil(camera, lidar, region).item() == pytest.approx(math.log(2))
    assert distil(camera, lidar, region, teacher=1e-3).item() == pytest.approx(0.0, abs=1e-12)


def test_every_region_weighs_the_same() -> None:
    camera, lidar = pair(7)
    region = torch.tensor([0, 0, 0, 0, 0, 1, -1])
    each = -(camera @ lidar.T / TAU).log_softmax(1).diagonal()
    expected = (each[:5].mean() + each[5]) / 2
    torch.testing.assert_close(distil(camera, lidar, region), expected)


def test_semantic_less_points_are_negatives_only() -> None:
    camera, lidar = pair()
    rich = REGION >= 0
    assert not gradient(distil(camera, lidar), camera)[~rich].any()
    assert distil(camera[rich], lidar[rich], REGION[rich]) < distil(camera, lidar)


def test_the_teacher_gets_no_gradient() -> None:
    camera, lidar = pair()
    lidar.requires_grad_()
    loss = (
        distil(camera, lidar)
        + distil(camera, lidar, teacher=0.1)
        + dense_distillation(camera, lidar)
    )
    torch.autograd.backward(loss)
    assert lidar.grad is None
    assert camera.grad is not None


@pytest.mark.parametrize("teacher", [0.0, 0.1])
def test_invariances(teacher: float) -> None:
    camera, lidar = pair(width=6)
    base = distil(camera, lidar, teacher=teacher)
    order = torch.randperm(len(REGION), generator=torch.Generator().manual_seed(3))
    renamed = torch.where(REGION >= 0, (REGION * 17 + 5) % 1009, -1)
    rotation = torch.linalg.qr(
        torch.randn(6, 6, generator=torch.Generator().manual_seed(4), dtype=torch.float64)
    ).Q
    torch.testing.assert_close(distil(camera[order], lidar[order], REGION[order], teacher), base)
    torch.testing.assert_close(distil(camera, lidar, renamed, teacher), base)
    torch.testing.assert_close(distil(camera @ rotation, lidar @ rotation, REGION, teacher), base)
    assert not torch.isclose(
        distil(camera, lidar, torch.where(REGION == 40, 2, REGION), teacher), base
    )


def test_loss_falls_when_the_student_follows_the_teacher() -> None:
    camera, lidar = pair()
    students = [F.normalize(camera + pull * lidar, dim=1) for pull in (0.0, 1.0, 4.0)]
    for losses in (
        torch.stack([distil(student, lidar) for student in students]),
        torch.stack([distil(student, lidar, teacher=TAU) for student in students]),
        torch.stack([dense_distillation(student, lidar) for student in students]),
    ):
        assert (losses.diff() < 0).all()
    assert distil(lidar, lidar, teacher=TAU).item() == pytest.approx(0.0, abs=1e-12)


@pytest.mark.parametrize("teacher", [0.0, 0.1])
@pytest.mark.parametrize("n", [0, 1, 5])
def test_no_rich_point_is_zero_with_a_graph(n: int, teacher: float) -> None:
    camera, lidar = pair(n)
    loss = distil(camera, lidar, torch.full((n,), -1), teacher)
    assert loss.item() == 0.0
    assert not gradient(loss, camera).any()


@pytest.mark.parametrize("teacher", [0.0, 1e-3])
def test_huge_logits_stay_finite(teacher: float) -> None:
    lidar = pair()[1].float()
    camera = (-lidar).requires_grad_()
    loss = region_aware_distillation(
        camera, lidar, REGION, temperature=1e-3, teacher_temperature=teacher
    )
    assert 100 < loss < math.inf
    assert torch.isfinite(gradient(loss, camera)).all()


@pytest.mark.parametrize("teacher", [0.0, 0.1])
def test_bf16_input_and_autocast_take_similarities_in_float32(teacher: float) -> None:
    camera, lidar = (value.detach().bfloat16() for value in pair(width=64))
    exact = slow(camera.double(), lidar.double(), REGION, teacher).float()
    torch.testing.assert_close(distil(camera, lidar, teacher=teacher), exact)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(distil(camera.float(), lidar.float(), teacher=teacher), exact)
    torch.testing.assert_close(
        dense_distillation(camera, lidar).double(),
        dense_distillation(camera.double(), lidar.double()),
        rtol=1e-5,
        atol=0.0,
    )


def test_dense_form_by_hand_and_against_loops() -> None:
    camera = torch.tensor([[3.0, 0.0], [0.0, 2.0], [1.0, 1.0]])
    lidar = torch.tensor([[1.0, 0.0], [0.0, -5.0], [1.0, 0.0]])
    expected = (0.0 + 4.0 + 2.0 - math.sqrt(2.0)) / 3
    assert dense_distillation(camera, lidar).item() == pytest.approx(expected, rel=1e-6)
    student, teacher = pair()
    slow_mean = torch.stack([(student[i] - teacher[i]).square().sum() for i in range(10)]).mean()
    loss = dense_distillation(student, teacher)
    torch.testing.assert_close(loss, slow_mean)
    assert dense_distillation(student[:0], teacher[:0]).item() == 0.0
