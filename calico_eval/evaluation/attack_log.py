"""What the attacks of one condition did to the frames: budgets, losses and success."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from calico.errors import CalicoError
from calico_eval.attacks import AttackDetails, AttackedFrame, Budget, check_budget
from calico_eval.attacks.budget.measure import describe_used_budget, worst_budget
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.evaluation.conditions import AttackCondition
from corruptions import Effect
from reports.schema import Check, LossTrace

TRACED_FRAMES = 3
"""Number of frames of a cell whose losses are kept."""

Values = dict[str, float | int | str | None]


@dataclass
class AttackLog:
    """What the attacks of one condition did to the frames.

    Attributes:
        condition: The attack.
        learned: What a universal attack has learnt on other scenes; None for other attacks.
        tokens: Tokens of the frames, in order.
        budgets: Budget that each frame used, as `attack_frames` measured it.
        details: How the attack on each frame went.
    """

    condition: AttackCondition
    learned: Fitted | None = None
    tokens: list[str] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    details: list[AttackDetails] = field(default_factory=list)

    def add_frames(self, attacked: Sequence[AttackedFrame]) -> None:
        """Add frames that were attacked, in order.

        Raises:
            CalicoError: A frame is over the budget of the condition.
        """
        for one in attacked:
            passed, message = check_budget(self.condition.attack.threat, one.budget)
            if not passed:
                raise CalicoError(
                    f"attack {self.condition} went over budget on frame {one.frame.token}: "
                    f"{message}; not scored"
                )
        self.tokens += [one.frame.token for one in attacked]
        self.budgets += [one.budget for one in attacked]
        self.details += [one.details for one in attacked]

    def explain_effect(self, effects: Sequence[Effect]) -> tuple[bool, str]:
        """Explain whether the attack changed the frames as it should.

        Some frame must have changed. There are two exceptions: a corruption before the attack left
        nothing to attack in any frame, or an attack by queries found nothing better than the clean
        frame, which is its result.

        Args:
            effects: Effect on each frame, in order.

        Returns:
            Whether the condition may be scored, and what was found.
        """
        attack, frames = self.condition.attack, len(effects)
        sensors = attack.threat.sensors
        changed = sum(any(sensor in found.changed for sensor in sensors) for found in effects)
        empty = sum(details.nothing_to_attack for details in self.details)
        if not self.condition.on.is_clean and empty == frames:
            text = f"{self.condition.on} left nothing to attack in {frames} of {frames} frames"
            return True, text
        if sensors and changed == 0:
            what = f"changed the {' and '.join(sensors)} data of none of {frames} frames"
            if all(details.queries for details in self.details):
                return True, f"{what}: no try of {attack.steps} raised the objective in any of them"
            why = next((f" ({details.note})" for details in self.details if details.note), "")
            return False, f"{what}{why}; expected a change within {attack.threat}"
        return True, f"{changed} of {frames} frames changed"

    def check_budgets(self) -> Check:
        """Describe the largest budget that any frame used; `add_frames` has checked each."""
        worst, threat = worst_budget(self.budgets), self.condition.attack.threat
        changed = sum(budget.points_changed for budget in self.budgets)
        measured: Values = {
            "camera_levels": max(worst.camera_levels, default=0),
            "camera_rms": worst.camera_rms,
            "pixel_share": max(worst.pixel_share, default=0.0),
            "axis_m": max(worst.axis_m),
            "range_m": worst.range_m,
            "ray_angle_deg": worst.ray_angle_deg,
            "min_range_m": worst.min_range_m,
            "points_changed_per_frame": changed / len(self.budgets),
            "points_added": worst.points_added,
            "points_removed": worst.points_removed,
            "removed_share": worst.removed_share,
            "window_deg": worst.window_deg,
            "intensity": worst.intensity,
        }
        return Check(passed=True, measured=measured, message=describe_used_budget(threat, worst))

    def describe(self, effects: Sequence[Effect]) -> Values:
        """Describe how the attack went over all frames.

        Losses are means over the frames on which they are numbers.

        Args:
            effects: Effect on each frame, in order.
        """
        rose = [a for a in self.details if _are_finite(a.loss_clean, a.loss_attacked)]
        learned = {} if self.learned is None else self.learned.describe()
        unchanged = [
            not found.changed
            for a, found in zip(self.details, effects, strict=True)
            if a.loss_clean is not None
        ]
        other = sum(a.objective != self.condition.attack.objective for a in rose)
        return learned | {
            "forwards": sum(a.forwards for a in self.details),
            "backwards": sum(a.backwards for a in self.details),
            "queries": sum(a.queries for a in self.details),
            "loss_clean": _mean([a.loss_clean or 0.0 for a in rose]),
            "loss_attacked": _mean([a.loss_attacked or 0.0 for a in rose]),
            "frames_not_attacked": sum(a.loss_clean is None and bool(a.note) for a in self.details),
            "frames_with_risen_loss": sum(
                (a.loss_attacked or 0.0) > (a.loss_clean or 0.0) for a in rose
            ),
            "frames_unchanged": sum(unchanged),
            "frames_with_other_objective": other,
            "frames_with_dead_gradient": sum(a.dead_gradient for a in self.details),
            "bad_gradients": sum(a.bad_gradients for a in self.details),
            "cell_crossings": sum(a.cell_crossings or 0 for a in self.details),
        }

    def list_traces(self) -> tuple[LossTrace, ...]:
        """List the losses of the first attacked frames on which every loss is a number."""
        traces = [
            LossTrace(
                token=token,
                objective=a.objective,
                clean=a.loss_clean,
                losses=a.losses,
                delivered=a.loss_attacked,
            )
            for token, a in zip(self.tokens, self.details, strict=True)
            if a.objective is not None
            and a.loss_clean is not None
            and a.loss_attacked is not None
            and a.losses
            and _are_finite(a.loss_clean, a.loss_attacked, *a.losses)
        ]
        return tuple(traces[:TRACED_FRAMES])


def _mean(losses: Sequence[float]) -> float | None:
    return sum(losses) / len(losses) if losses else None


def _are_finite(*losses: float | None) -> bool:
    return all(loss is not None and math.isfinite(loss) for loss in losses)
