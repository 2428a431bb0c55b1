"""Applies conditions to frames, and proves on the frames that came out what was really done to them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import (
    ALGORITHMS,
    AttackDetails,
    AttackedFrame,
    AttackSpec,
    Budget,
    attack_frames,
    check_budget,
)
from calico_eval.attacks.budget.measure import used_budget, worst_budget
from calico_eval.attacks.budget.saved import save_attacked
from calico_eval.attacks.success.rates import SUCCESS_OF, Success
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.engines.base import Engine
from calico_eval.evaluation.conditions import ConditionSpec
from corruptions import (
    Effect,
    check_summary,
    corrupt,
    corrupt_with,
    measure_effect,
    summarise_effects,
)
from reports.schema import Check, LossTrace

TRACES = 3
"""Frames of a cell whose losses are kept."""

Values = dict[str, float | int | str | None]


@dataclass
class Change:
    """One condition on its way through the frames.

    crafted_on: the engine that an attack looks at. fitted: what a universal attack learnt on other scenes.
    save_to: folder for the attacked frames; None to keep none.
    """

    condition: ConditionSpec
    seed: int
    crafted_on: Engine | None = None
    fitted: Fitted | None = None
    effects: list[Effect] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    attacks: list[AttackDetails] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    save_to: Path | None = None

    @property
    def success(self) -> Success | None:
        """What counts as a success of the attack, or of the attack whose control this is; None unless it is one."""
        attack = self.condition.attack
        return (ALGORITHMS[attack.name].success or SUCCESS_OF[attack.objective]) if attack else None

    def apply(self, frames: Sequence[Frame]) -> list[Frame]:
        """The frames under the condition, see `pairs`."""
        return self.pairs(frames)[1]

    def pairs(self, frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
        """The frames before the attack (under its corruption, if any; else as they are), and under the condition.

        Raises:
            CalicoError: an attack went over its budget, as measured on the frame that came out.
        """
        attack, corruption = self.condition.attack, self.condition.corrupted
        before = (
            [change_frame(corruption, self.seed, frame) for frame in frames]
            if corruption
            else list(frames)
        )
        if attack is None:
            changed = [change_frame(self.condition, self.seed, frame) for frame in before]
        else:
            done = attacked(self.condition, self.seed, before, self.crafted_on, self.fitted)
            changed = [one.frame for one in done]
            self.attacks += [one.details for one in done]
            self.tokens += [frame.token for frame in frames]
            for one in done:  # measured by `attack_frames` on the frame that came out
                passed, message = check_budget(attack.threat, one.budget)
                if not passed:
                    raise CalicoError(
                        f"attack {self.condition} went over budget on frame {one.frame.token}: {message}; not scored"
                    )
                self.budgets.append(one.budget)
            self._save(before, done)
        if self.condition.kind != "clean":
            self.effects += [
                measure_effect(clean, after) for clean, after in zip(before, changed, strict=True)
            ]
        return before, changed

    def _save(self, before: Sequence[Frame], done: Sequence[AttackedFrame]) -> None:
        if (
            self.save_to is not None
            and self.condition.attack is not None
            and self.crafted_on is not None
        ):
            for clean, one in zip(before, done, strict=True):
                save_attacked(
                    self.save_to, clean, one, self.condition.attack, self.crafted_on.sha256
                )

    def effect_check(self) -> Check | None:
        """What the frames show of the condition; None for the clean frames.

        Raises:
            CalicoError: nothing changed where it should have: the scores would be those of clean frames.
        """
        if self.condition.kind == "clean":
            return None
        summary = summarise_effects(self.effects)
        if self.condition.attack is None:
            passed, measured, message = check_summary(self.condition.name, summary)
        else:
            measured = summary.as_numbers()
            passed, message = self._attack_effect(self.condition.attack)
        if not passed:
            raise CalicoError(f"condition {self.condition}: {message}; not scored")
        return Check(passed=True, measured=dict(measured), message=message)

    def _attack_effect(self, attack: AttackSpec) -> tuple[bool, str]:
        """Some frame must have changed, unless a corruption before the attack left none of them anything to attack, or an attack
        by queries tried and no try was better than the clean frame: that is its result."""
        sensors, frames = attack.threat.sensors, len(self.effects)
        changed = sum(any(sensor in found.changed for sensor in sensors) for found in self.effects)
        empty = sum(details.nothing_to_attack for details in self.attacks)
        if self.condition.corrupted is not None and empty == frames:
            return (
                True,
                f"{self.condition.corrupted} left nothing to attack in {frames} of {frames} frames",
            )
        if sensors and changed == 0:
            what = f"changed the {' and '.join(sensors)} data of none of {frames} frames"
            if all(details.queries for details in self.attacks):
                return True, f"{what}: no try of {attack.steps} raised the objective in any of them"
            why = next((f" ({details.note})" for details in self.attacks if details.note), "")
            return False, f"{what}{why}; expected a change within {attack.threat}"
        return True, f"{changed} of {frames} frames changed"

    def budget_check(self) -> Check | None:
        """The largest budget that any frame used; None unless the condition is an attack."""
        if self.condition.attack is None:
            return None
        worst, threat = worst_budget(self.budgets), self.condition.attack.threat
        passed = all(check_budget(threat, budget)[0] for budget in self.budgets)
        measured: Values = {
            "camera_levels": max(worst.camera_levels, default=0),
            "camera_rms": worst.camera_rms,
            "pixel_share": max(worst.pixel_share, default=0.0),
            "axis_m": max(worst.axis_m),
            "range_m": worst.range_m,
            "ray_angle_deg": worst.ray_angle_deg,
            "min_range_m": worst.min_range_m,
            "points_changed_per_frame": sum(budget.points_changed for budget in self.budgets)
            / len(self.budgets),
            "points_added": worst.points_added,
            "points_removed": worst.points_removed,
            "removed_share": worst.removed_share,
            "window_deg": worst.window_deg,
            "intensity": worst.intensity,
        }
        return Check(passed=passed, measured=measured, message=used_budget(threat, worst))

    def details(self) -> Values:
        """How the attack went, over all frames; empty for the others. Losses are means over the frames where they are numbers."""
        if self.condition.attack is None:
            return {}
        rose = [a for a in self.attacks if _finite(a.loss_clean, a.loss_attacked)]
        fitted = {} if self.fitted is None else self.fitted.describe()
        same = [
            not found.changed
            for a, found in zip(self.attacks, self.effects, strict=True)
            if a.loss_clean is not None
        ]
        return fitted | {
            "forwards": sum(a.forwards for a in self.attacks),
            "backwards": sum(a.backwards for a in self.attacks),
            "queries": sum(a.queries for a in self.attacks),
            "loss_clean": sum(a.loss_clean or 0.0 for a in rose) / len(rose) if rose else None,
            "loss_attacked": sum(a.loss_attacked or 0.0 for a in rose) / len(rose)
            if rose
            else None,
            "frames_not_attacked": sum(a.loss_clean is None and bool(a.note) for a in self.attacks),
            "frames_with_risen_loss": sum(
                (a.loss_attacked or 0.0) > (a.loss_clean or 0.0) for a in rose
            ),
            "frames_unchanged": sum(same),
            "frames_with_other_objective": sum(
                a.objective != self.condition.attack.objective for a in rose
            ),
            "frames_with_dead_gradient": sum(a.dead_gradient for a in self.attacks),
            "bad_gradients": sum(a.bad_gradients for a in self.attacks),
            "cell_crossings": sum(a.cell_crossings or 0 for a in self.attacks),
        }

    def traces(self) -> tuple[LossTrace, ...]:
        """How the objective went on the first frames that were attacked, and on which it was a number throughout."""
        rose = [
            LossTrace(
                token=token,
                objective=a.objective,
                clean=a.loss_clean,
                losses=a.losses,
                delivered=a.loss_attacked,
            )
            for token, a in zip(self.tokens, self.attacks, strict=True)
            if a.objective is not None
            and a.loss_clean is not None
            and a.loss_attacked is not None
            and a.losses
            and _finite(a.loss_clean, a.loss_attacked, *a.losses)
        ]
        return tuple(rose[:TRACES])


def _finite(*losses: float | None) -> bool:
    return all(loss is not None and math.isfinite(loss) for loss in losses)


def change_frame(condition: ConditionSpec, seed: int, frame: Frame) -> Frame:
    """The frame under a condition that is no attack; a function of its arguments alone."""
    if condition.kind == "clean":
        return frame
    if condition.value is not None:
        return corrupt_with(frame, condition.name, condition.value, seed)
    return corrupt(frame, condition.name, condition.severity, seed)


def attacked(
    condition: ConditionSpec,
    seed: int,
    frames: Sequence[Frame],
    engine: Engine | None,
    fitted: Fitted | None = None,
) -> list[AttackedFrame]:
    """The (corrupted) frames under the condition's attack. fitted: see `attack_frames`."""
    if condition.attack is None or engine is None:
        raise CalicoError(f"attack {condition}: no engine to attack")
    return attack_frames(engine, frames, condition.attack, seed, fitted)
