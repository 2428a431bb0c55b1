"""Applies conditions to frames, and proves on the frames that came out what was really done to them."""

from __future__ import annotations

from dataclasses import dataclass, field

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import AttackDetails, AttackSpec, Budget, attack_frame, check_budget, measure_budget
from calico_eval.engines.torch import TorchEngine
from calico_eval.sweep.conditions import ConditionSpec
from corruptions import Effect, check_summary, corrupt, corrupt_with, effect, summarise_effects
from reports.schema import Check

Values = dict[str, float | int | str | None]


@dataclass
class Change:
    """One condition on its way through the frames.

    crafted_on: the engine whose gradients an attack follows.
    """

    condition: ConditionSpec
    seed: int
    crafted_on: TorchEngine | None = None
    effects: list[Effect] = field(default_factory=list)
    budgets: list[Budget] = field(default_factory=list)
    attacks: list[AttackDetails] = field(default_factory=list)

    def apply(self, frame: Frame) -> Frame:
        """The frame under the condition.

        Raises:
            CalicoError: an attack went over its budget, as measured on the frame that came out.
        """
        changed = change_frame(self.condition, self.seed, frame, self.crafted_on, self.attacks)
        if self.condition.attack is not None:
            budget = measure_budget(frame, changed)
            passed, message = check_budget(self.condition.attack, budget)
            if not passed:
                raise CalicoError(
                    f"attack {self.condition} went over budget on frame {frame.token}: {message}; not scored"
                )
            self.budgets.append(budget)
        if self.condition.kind != "clean":
            self.effects.append(effect(frame, changed))
        return changed

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
            measured = summary.measured()
            passed, message = _attack_effect(self.condition.attack, self.effects)
        if not passed:
            raise CalicoError(f"condition {self.condition}: {message}; not scored")
        return Check(passed=True, measured=dict(measured), message=message)

    def budget_check(self) -> Check | None:
        """The largest budget that any frame used; None unless the condition is an attack."""
        if self.condition.attack is None:
            return None
        worst = _largest(self.budgets)
        passed, message = check_budget(self.condition.attack, worst)
        measured: Values = {
            "camera_levels": max(worst.camera_levels, default=0),
            "axis_m": max(worst.axis_m),
            "range_m": worst.range_m,
            "ray_angle_deg": worst.ray_angle_deg,
            "min_range_m": worst.min_range_m,
            "points_changed_per_frame": sum(budget.points_changed for budget in self.budgets) / len(self.budgets),
            "points_added": worst.points_added,
            "points_removed": worst.points_removed,
        }
        return Check(passed=passed, measured=measured, message=message)

    def details(self) -> Values:
        """How the attack went, over all frames; empty for the others."""
        if self.condition.attack is None:
            return {}
        rose = [a for a in self.attacks if a.loss_clean is not None and a.loss_attacked is not None]
        return {
            "forwards": sum(a.forwards for a in self.attacks),
            "backwards": sum(a.backwards for a in self.attacks),
            "loss_clean": sum(a.loss_clean or 0.0 for a in rose) / len(rose) if rose else None,
            "loss_attacked": sum(a.loss_attacked or 0.0 for a in rose) / len(rose) if rose else None,
            "frames_not_attacked": len(self.attacks) - len(rose),
            "frames_with_other_objective": sum(a.objective != self.condition.attack.objective for a in rose),
            "frames_with_dead_gradient": sum(a.dead_gradient for a in self.attacks),
            "bad_gradients": sum(a.bad_gradients for a in self.attacks),
            "cell_crossings": sum(a.cell_crossings or 0 for a in self.attacks),
        }


def change_frame(
    condition: ConditionSpec,
    seed: int,
    frame: Frame,
    crafted_on: TorchEngine | None,
    notes: list[AttackDetails] | None = None,
) -> Frame:
    """The frame under a condition; a function of its arguments alone. `notes` takes how an attack went."""
    if condition.kind == "clean":
        return frame
    if condition.attack is None:
        if condition.value is not None:
            return corrupt_with(frame, condition.name, condition.value, seed)
        return corrupt(frame, condition.name, condition.severity, seed)
    if crafted_on is None:
        raise CalicoError(f"attack {condition}: no torch engine to take gradients from")
    attacked = attack_frame(crafted_on, frame, condition.attack, seed)
    if notes is not None:
        notes.append(attacked.details)
    return attacked.frame


def _attack_effect(attack: AttackSpec, effects: list[Effect]) -> tuple[bool, str]:
    changed = sum(attack.sensor in found.changed for found in effects)
    if attack.eps > 0 and changed == 0:
        return (
            False,
            f"changed the {attack.sensor} data of none of {len(effects)} frames; expected a change within eps {attack.eps:g}",
        )
    return True, f"{changed} of {len(effects)} frames changed"


def _largest(budgets: list[Budget]) -> Budget:
    """The worst of every quantity over the frames."""
    ranges = [b.min_range_m for b in budgets if b.min_range_m is not None]
    return Budget(
        camera_levels=(max((max(b.camera_levels, default=0) for b in budgets), default=0),),
        axis_m=(
            max(b.axis_m[0] for b in budgets),
            max(b.axis_m[1] for b in budgets),
            max(b.axis_m[2] for b in budgets),
        ),
        range_m=max(b.range_m for b in budgets),
        ray_angle_deg=max(b.ray_angle_deg for b in budgets),
        min_range_m=min(ranges, default=None),
        points_changed=max(b.points_changed for b in budgets),
        points_added=max(b.points_added for b in budgets),
        points_removed=max(b.points_removed for b in budgets),
        intensity=max(b.intensity for b in budgets),
        dt_s=max(b.dt_s for b in budgets),
    )
