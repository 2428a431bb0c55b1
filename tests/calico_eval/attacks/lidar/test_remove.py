"""Removal of a sector: exactly its points, at the stated probability."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.frame import Boxes, Float32, Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frame
from calico_eval.attacks.lidar.aim import choose_object
from calico_eval.engines.torch import TorchEngine

SECTOR = Threat(removed_share=1.0, window_deg=20.0)


def kept_rows(clean: Frame, after: Frame) -> np.ndarray:
    """(N,) whether each of the clean frame's rows is still there; all rows of `flat` differ."""
    left = {row.tobytes() for row in after.points}
    return np.array([row.tobytes() in left for row in clean.points])


def test_the_sector_about_the_object_vanishes(
    fused: TorchEngine, make_flat: Callable[..., Frame]
) -> None:
    frame = make_flat(car_xy=(8.0, 8.0))
    result = attack_frame(fused, frame, AttackSpec("remove", SECTOR), 0)
    azimuth = np.degrees(np.arctan2(frame.points[:, 1], frame.points[:, 0]))
    assert np.array_equal(kept_rows(frame, result.frame), np.abs(azimuth - 45.0) >= 10.0)
    assert result.budget.points_removed == 20 * 8
    assert result.details.note == ""


def test_every_sweep_loses_the_sector_of_its_own_sensor(
    fused: TorchEngine, flat: Frame, second_sweep: Callable[[Frame], Frame]
) -> None:
    frame = second_sweep(flat)
    result = attack_frame(fused, frame, AttackSpec("remove", SECTOR), 0)
    start = np.where(frame.sweep_index == 1, -4.0, 0.0)
    azimuth = np.degrees(np.arctan2(frame.points[:, 1], frame.points[:, 0] - start))
    assert np.array_equal(kept_rows(frame, result.frame), np.abs(azimuth) >= 10.0)


@pytest.mark.parametrize(("name", "probability"), [("remove_90", 0.9), ("remove_50", 0.5)])
def test_points_vanish_with_the_probability(
    fused: TorchEngine, flat: Frame, name: str, probability: float
) -> None:
    wide = replace(SECTOR, window_deg=180.0)
    removed = [
        attack_frame(fused, flat, AttackSpec(name, wide), seed).budget.points_removed
        for seed in range(4)
    ]
    n = 8 * 180
    assert len(set(removed)) > 1
    error = 4 * np.sqrt(probability * (1 - probability) / (4 * n))
    assert np.mean(removed) / n == pytest.approx(probability, abs=error)


def test_a_short_budget_takes_the_middle(fused: TorchEngine, flat: Frame) -> None:
    result = attack_frame(
        fused, flat, AttackSpec("remove", Threat(points_removed=32, window_deg=20.0)), 0
    )
    azimuth = np.degrees(np.arctan2(flat.points[:, 1], flat.points[:, 0]))
    assert np.array_equal(kept_rows(flat, result.frame), np.abs(azimuth) >= 2.0)


def test_high_frequency_removal_puts_the_points_at_random_ranges(
    fused: TorchEngine, flat: Frame, second_sweep: Callable[[Frame], Frame]
) -> None:
    frame = second_sweep(flat)
    threat = replace(SECTOR, points_added=2000, window_deg=60.0, r_min_m=2.0)
    result = attack_frame(fused, frame, AttackSpec("remove_scatter", threat), 0)
    assert len(result.frame.points) == len(frame.points)
    start = np.where(frame.sweep_index == 1, -4.0, 0.0)[:, None] * [1.0, 0.0, 0.0]
    before, after = (f.points[:, :3].astype(np.float64) - start for f in (frame, result.frame))
    hit = np.abs(np.degrees(np.arctan2(before[:, 1], before[:, 0]))) < 30.0
    assert result.frame.points[~hit].tobytes() == frame.points[~hit].tobytes()
    ranges = np.linalg.norm(after[hit], axis=1)
    unit = before[hit] / np.linalg.norm(before[hit], axis=1, keepdims=True)
    assert np.linalg.norm(after[hit] - unit * ranges[:, None], axis=1).max() < 1e-5
    most = np.linalg.norm(before, axis=1).max()
    assert ranges.min() >= 2.0
    assert ranges.max() <= most
    quarters = np.histogram(ranges, bins=4, range=(2.0, most))[0] / hit.sum()
    assert quarters == pytest.approx(0.25, abs=0.1)
    assert np.array_equal(result.frame.points[:, 3:], frame.points[:, 3:])
    assert np.array_equal(result.frame.ring, frame.ring)
    few = attack_frame(
        fused, frame, AttackSpec("remove_scatter", replace(threat, points_added=10)), 0
    )
    assert few.budget.points_added == 10
    assert len(few.frame.points) == len(frame.points) - hit.sum() + 10


def test_the_control_is_anywhere_and_the_seed_decides(fused: TorchEngine, flat: Frame) -> None:
    spec = AttackSpec("remove_elsewhere", SECTOR)
    azimuth = np.degrees(np.arctan2(flat.points[:, 1], flat.points[:, 0]))
    middles = []
    for seed in range(6):
        result = attack_frame(fused, flat, spec, seed)
        again = attack_frame(fused, flat, spec, seed)
        assert again.frame.points.tobytes() == result.frame.points.tobytes()
        assert 19 * 8 <= result.budget.points_removed <= 21 * 8
        gone = azimuth[~kept_rows(flat, result.frame)]
        middles.append(round(np.degrees(np.angle(np.exp(1j * np.radians(gone)).mean()))))
    assert len(set(middles)) == 6


def test_without_objects_the_sector_ahead_vanishes(fused: TorchEngine, flat: Frame) -> None:
    result = attack_frame(fused, flat.replace(boxes=Boxes.empty()), AttackSpec("remove", SECTOR), 0)
    assert result.budget.points_removed == 160


def test_removal_hides_its_object_better_than_the_control(
    fused: TorchEngine, street: FrameSource
) -> None:
    """On the frames that the network was trained on: the score of a box at the object that is aimed
    at."""
    sector = replace(SECTOR, window_deg=40.0)
    clean, attacked, controls = [], [], []
    for index in (1, 4):
        frame = street[index]
        row, _ = choose_object(frame)

        def score(
            of: Frame,
            at: Float32 = frame.boxes.boxes[row],
            label: int = int(frame.boxes.labels[row]),
        ) -> float:
            found = fused.predict([of])[0]
            near = np.linalg.norm(found.boxes[:, :2] - at[:2], axis=1) < 2.0
            return float(found.scores[near & (found.labels == label)].max(initial=0.0))

        clean.append(score(frame))
        attacked.append(score(attack_frame(fused, frame, AttackSpec("remove", sector), 0).frame))
        elsewhere = AttackSpec("remove_elsewhere", sector)
        controls += [score(attack_frame(fused, frame, elsewhere, seed).frame) for seed in range(6)]
    assert np.mean(attacked) < np.mean(controls) < np.mean(clean) + 1e-6
