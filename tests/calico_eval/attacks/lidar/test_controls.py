"""Random returns: as many as the budget has, in the window, at the distances of the attack."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.attacks.budget.measure import measure_budget
from calico_eval.attacks.lidar.controls import inject_random, spoof_random
from calico_eval.engines.base import Engine

ENGINE: Engine = None  # type: ignore[assignment]  # a control asks no engine


def added_points(before: Frame, after: Frame) -> np.ndarray:
    """Return the rows of `after` that `before` does not have."""
    old = {row.tobytes() for row in before.points}
    return np.array([row for row in after.points if row.tobytes() not in old])


@pytest.mark.parametrize("count", [7, 40])
def test_spoofed_points_are_five_to_eight_metres_ahead(flat: Frame, count: int) -> None:
    threat = Threat(points_added=count, points_removed=count, window_deg=10.0)
    (made,) = spoof_random(ENGINE, [flat], AttackSpec("spoof_random", threat), 0)
    added = added_points(flat, made.frame)
    assert len(added) == count
    distance = np.linalg.norm(added[:, :3].astype(np.float64), axis=1)
    assert (distance > 5.0 - 1e-5).all()
    assert (distance < 8.0 + 1e-5).all()
    assert (np.abs(np.rad2deg(np.arctan2(added[:, 1], added[:, 0]))) <= 5.0 + 1e-4).all()
    assert ((added[:, 3] >= 0.0) & (added[:, 3] <= 1.0)).all()


def test_a_control_stays_within_its_window_and_budget(flat: Frame) -> None:
    threat = Threat(points_added=60, points_removed=60, window_deg=30.0)
    (made,) = inject_random(ENGINE, [flat], AttackSpec("inject_random", threat), 3)
    budget = measure_budget(flat, made.frame, structural=True)
    assert budget.points_added == 60
    assert budget.points_removed == 60, "every ray of the flat street has a return to give up"
    assert budget.window_deg <= 30.0


def test_the_seed_decides(flat: Frame) -> None:
    spec = AttackSpec("inject_random", Threat(points_added=20, points_removed=20))
    first, again, other = (
        inject_random(ENGINE, [flat], spec, seed)[0].frame.points for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_no_range_within_the_limits_changes_nothing(flat: Frame) -> None:
    threat = Threat(points_added=20, points_removed=20, window_deg=10.0, r_min_m=9.0)
    (made,) = spoof_random(ENGINE, [flat], AttackSpec("spoof_random", threat), 0)
    assert made.frame is flat
    assert made.details.note == "no range that a return could have: nothing was changed"
