"""What a vanishing or new point is worth, against pillars that were made again without or with
it."""

import numpy as np
import pytest
import torch

from calico.frame import Float32, Frame
from calico.models.pillars import PillarEncoder
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.engines.network.attack_loss import NetworkLoss
from calico_eval.engines.network.pillars import Pillars
from calico_eval.engines.torch import TorchEngine

SPEC = AttackSpec("drop", Threat(removed_share=0.1))


@pytest.fixture
def loss(fused: TorchEngine, street_frame: Frame) -> CloudLoss:
    return CloudLoss(fused, street_frame, SPEC, "hide")


def rated(loss: CloudLoss, points: Float32) -> Pillars:
    """What `rate_removals` and `rate_additions` of the loss read."""
    values = loss._rate_points(points)
    loss._count(values)
    assert isinstance(values, Pillars)
    return values


def encoder(loss: CloudLoss) -> PillarEncoder:
    assert isinstance(loss._loss, NetworkLoss)
    return loss._loss.encoder


def worth(loss: CloudLoss, pillars: Pillars, points: Float32) -> float:
    """The slow way: make all pillars again from `points`, and take the gradient's word for their
    change."""

    def canvas(cloud: Float32) -> torch.Tensor:
        cloud_t = torch.from_numpy(cloud)[None]
        with torch.no_grad():
            return (
                encoder(loss)
                .canvas(cloud_t, torch.ones(cloud_t.shape[:2], dtype=torch.bool))[0]
                .flatten(1)
                .T
            )

    before = canvas(pillars.batch.points[0].numpy())
    return float(((canvas(points) - before) * pillars.gradient).sum())


def cells(loss: CloudLoss, points: Float32) -> np.ndarray:
    cloud = torch.from_numpy(points)[None]
    return encoder(loss).cells(cloud, torch.ones(cloud.shape[:2], dtype=torch.bool))[0].numpy()


def test_removal_of_one_point_and_of_a_pillar(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    points = street_frame.points
    with fused.attack_mode():
        pillars = rated(loss, points)
    alone, together = (gain.numpy() for gain in pillars.rate_removals())
    cell = cells(loss, points)
    sizes = np.bincount(cell)[cell]
    real = cell < 32 * 32
    scale = np.abs(together * sizes).max()
    single = np.flatnonzero(real & (sizes == 1))
    assert len(single) > 20
    for row in single:
        expected = worth(loss, pillars, np.delete(points, row, axis=0))
        assert alone[row] == pytest.approx(expected, abs=1e-5 * scale)
        assert together[row] == pytest.approx(expected, abs=1e-5 * scale)
    for pillar in np.unique(cell[real & (sizes > 2)])[::10]:
        expected = worth(loss, pillars, points[cell != pillar])
        assert (together[cell == pillar] * sizes[cell == pillar]) == pytest.approx(
            expected, abs=1e-5 * scale
        )
    assert not alone[~real].any()


def test_removal_of_one_point_of_several_with_the_mean_held(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    points = street_frame.points
    with fused.attack_mode():
        pillars = rated(loss, points)
        alone = pillars.rate_removals()[0].numpy()
        features = encoder(loss).point_features(
            torch.from_numpy(points)[None], torch.ones(1, len(points)).bool()
        )[0]
    cell, gradient = cells(loss, points), pillars.gradient.numpy()
    seen = features.detach().numpy()
    for row in np.flatnonzero(cell < 32 * 32)[::15]:
        others = np.flatnonzero((cell == cell[row]) & (np.arange(len(cell)) != row))
        with_it, without_it = (
            seen[[*others, row]].max(axis=0),
            seen[others].max(axis=0, initial=0.0),
        )
        expected = ((without_it - with_it) * gradient[cell[row]]).sum()
        assert alone[row] == pytest.approx(expected, abs=1e-5 * float(np.abs(alone).max()))


def test_points_that_share_the_largest_value_are_no_loss_alone(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    twice = np.concatenate([street_frame.points, street_frame.points])
    with fused.attack_mode():
        alone, together = rated(loss, twice).rate_removals()
    assert not alone.any()
    assert together.any()


def test_addition_to_an_empty_pillar(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    points = street_frame.points
    with fused.attack_mode():
        pillars = rated(loss, points)
    empty = np.setdiff1d(np.arange(32 * 32), cells(loss, points))
    centers = fused.config.grid.pillars.cell_centers().reshape(-1, 2)[empty]
    rng = np.random.default_rng(0)
    new = np.column_stack(
        [
            centers + rng.uniform(-0.4, 0.4, centers.shape),
            rng.uniform(-1.8, 0.5, len(empty)),
            rng.random(len(empty)),
            0 * empty,
        ]
    ).astype(np.float32)
    gain = pillars.rate_additions(torch.from_numpy(new), 1).numpy()
    assert np.isfinite(gain).all()
    for row in range(0, len(new), 25):
        expected = worth(loss, pillars, np.concatenate([points, new[row : row + 1]]))
        assert gain[row] == pytest.approx(expected, abs=1e-4 * float(np.abs(gain).max()))
    outside = new[:1].copy()
    outside[0, 0] = 500.0
    assert pillars.rate_additions(torch.from_numpy(outside), 1).item() == -np.inf


def test_the_gradient_of_positions_is_that_of_finite_differences(
    fused: TorchEngine, street_frame: Frame, loss: CloudLoss
) -> None:
    exact = CloudLoss(
        fused,
        street_frame,
        AttackSpec("inject", Threat(points_added=9), straight_through=False),
        "det",
    )
    kept, added = street_frame.points[:-60], street_frame.points[-60:]
    with fused.attack_mode():
        _, gradient = exact.positions(kept, torch.from_numpy(added))
        row = int(gradient[:, 2].abs().argmax())
        step = 1e-2
        values = []
        for sign in (1, -1):
            moved = added.copy()
            moved[row, 2] += sign * step
            values.append(exact.value(np.concatenate([kept, moved])))
    assert (values[0] - values[1]) / (2 * step) == pytest.approx(float(gradient[row, 2]), rel=0.1)
