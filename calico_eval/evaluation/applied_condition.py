"""A condition that is applied to frames, and the proof of what it did to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks import ALGORITHMS, AttackedFrame, attack_frames
from calico_eval.attacks.budget.saved import save_attacked
from calico_eval.attacks.success.rates import SUCCESS_OF, Success
from calico_eval.attacks.universal.fitted import Fitted
from calico_eval.engines.base import Engine
from calico_eval.evaluation.attack_log import AttackLog
from calico_eval.evaluation.conditions import AnyCondition, AttackCondition, CorruptionCondition
from corruptions import (
    Effect,
    check_summary,
    corrupt,
    corrupt_with,
    measure_effect,
    summarise_effects,
)
from reports.schema import Check


@dataclass
class AppliedCondition:
    """A condition that is applied to frames, batch by batch.

    Attributes:
        condition: What is done to the frames.
        seed: Seed of the evaluation.
        source_engine: Engine that an attack is made on.
        learned: What a universal attack has learnt on other scenes.
        save_to: Folder for the attacked frames. None keeps none.
        effects: Effect on each frame so far. It is empty for clean frames.
        log: What the attack did so far, or None for conditions that are no attack.
    """

    condition: AnyCondition
    seed: int
    source_engine: Engine | None = None
    learned: Fitted | None = None
    save_to: Path | None = None
    effects: list[Effect] = field(default_factory=list)
    log: AttackLog | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        """Begin the log of an attack."""
        if isinstance(self.condition, AttackCondition):
            self.log = AttackLog(self.condition, self.learned)

    @property
    def success(self) -> Success | None:
        """How successes of the attack are counted; None for conditions that are no attack.

        The random control of an attack has the success measure of that attack.
        """
        if not isinstance(self.condition, AttackCondition):
            return None
        attack = self.condition.attack
        return ALGORITHMS[attack.name].success or SUCCESS_OF[attack.objective]

    def change_frames(self, frames: Sequence[Frame]) -> list[Frame]:
        """Apply the condition to frames; see `change_pairs`."""
        return self.change_pairs(frames)[1]

    def change_pairs(self, frames: Sequence[Frame]) -> tuple[list[Frame], list[Frame]]:
        """Apply the condition to clean frames.

        Returns:
            The frames before the attack (under its corruption, if it has one; otherwise as they
            are), and the frames under the condition.

        Raises:
            CalicoError: An attack went over its budget, as `attack_frames` measured it.
        """
        if isinstance(self.condition, AttackCondition):
            before = [corrupt_frame(self.condition.on, self.seed, frame) for frame in frames]
            changed = self._attack(self.condition, before)
        else:
            before = list(frames)
            changed = [corrupt_frame(self.condition, self.seed, frame) for frame in frames]
            if self.condition.is_clean:
                return before, changed
        self.effects += [measure_effect(a, b) for a, b in zip(before, changed, strict=True)]
        return before, changed

    def _attack(self, condition: AttackCondition, frames: Sequence[Frame]) -> list[Frame]:
        attacked = attack_condition(condition, self.seed, frames, self.source_engine, self.learned)
        if self.log is not None:
            self.log.add_frames(attacked)
        if self.save_to is not None and self.source_engine is not None:
            sha256 = self.source_engine.sha256
            for clean, one in zip(frames, attacked, strict=True):
                save_attacked(self.save_to, clean, one, condition.attack, sha256)
        return [one.frame for one in attacked]

    def check_effect(self) -> Check | None:
        """Check that the frames show the condition; None for clean frames.

        Raises:
            CalicoError: Nothing changed although it should have. The scores would be those of clean
                frames.
        """
        if isinstance(self.condition, CorruptionCondition) and self.condition.is_clean:
            return None
        summary = summarise_effects(self.effects)
        if self.log is not None:
            measured = summary.as_numbers()
            passed, message = self.log.explain_effect(self.effects)
        else:
            passed, measured, message = check_summary(self.condition.name, summary)
        if not passed:
            raise CalicoError(f"condition {self.condition}: {message}; not scored")
        return Check(passed=True, measured=dict(measured), message=message)


def corrupt_frame(condition: CorruptionCondition, seed: int, frame: Frame) -> Frame:
    """Apply a corruption to a frame; a clean condition returns the frame itself.

    Args:
        condition: Clean, or a corruption.
        seed: Seed of the evaluation.
        frame: A clean frame.
    """
    if condition.is_clean:
        return frame
    if condition.value is not None:
        return corrupt_with(frame, condition.name, condition.value, seed)
    return corrupt(frame, condition.name, condition.severity, seed)


def attack_condition(
    condition: AttackCondition,
    seed: int,
    frames: Sequence[Frame],
    engine: Engine | None,
    learned: Fitted | None = None,
) -> list[AttackedFrame]:
    """Attack frames as a condition says. The corruption before the attack is applied already.

    Args:
        condition: The attack.
        seed: Seed of the evaluation.
        frames: Frames before the attack.
        engine: Engine that the attack is made on.
        learned: What a universal attack has learnt.

    Raises:
        CalicoError: There is no engine, or a frame went over its budget.
    """
    if engine is None:
        raise CalicoError(f"attack {condition}: no engine to attack")
    return attack_frames(engine, frames, condition.attack, seed, learned)
