"""Which engines see a condition, and which engine an attack among them is made on."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.blackbox.objectives import check_query_objective
from calico_eval.engines.base import Engine, label
from calico_eval.engines.network.objectives import check_model
from calico_eval.engines.white_box import WhiteBoxEngine, as_white_box
from calico_eval.evaluation.conditions import (
    AnyCondition,
    AttackCondition,
    choose_predictor,
)


@dataclass(frozen=True)
class EngineRoles:
    """What the engines of an evaluation are there for.

    Attributes:
        baseline: Label of the engine that mCE and RRA compare the others with. None compares none.
        attack_only: Labels of engines that are only there for the attacks; they see no corruptions.
        transfer_from: Labels of torch engines whose attacks the engines of other models see, too,
            as
            transfer attacks.
    """

    baseline: str | None = None
    attack_only: Sequence[str] = ()
    transfer_from: Sequence[str] = ()

    def check_labels(self, labels: Sequence[str]) -> None:
        """Check that the engines exist.

        Args:
            labels: Labels of all engines of the evaluation.

        Raises:
            CalicoError: A label is unknown, or the baseline is only there for the attacks.
        """
        for name in [*self.attack_only, *([self.baseline] if self.baseline else [])]:
            if name not in labels:
                raise CalicoError(
                    f"engine '{name}' is not in this run; expected one of {', '.join(labels)}"
                )
        if self.baseline in self.attack_only:
            raise CalicoError(
                f"baseline '{self.baseline}' is there for the attacks and gets no corruptions to "
                "compare with; expected another engine"
            )


@dataclass(frozen=True)
class Assignment:
    """A condition on an engine.

    Attributes:
        condition: Condition of the frames.
        engine: Engine that sees them.
        source_engine: Engine that the attack is made on. None for conditions that are no attack.
    """

    condition: AnyCondition
    engine: Engine
    source_engine: Engine | None = None


def assign_condition(
    condition: AnyCondition, engines: Sequence[Engine], roles: EngineRoles | None = None
) -> tuple[list[Assignment], tuple[str, ...]]:
    """Choose the engines that see a condition, and the engine that an attack is made on.

    An attack by gradients follows the engine's own gradients, or those of the torch engine of the
    same model name (the same weights before they were exported). An attack that follows another
    model is a transfer attack and has a name of its own. It is made on every engine of
    `roles.transfer_from`. For a model without gradients and without such engines it is made on the
    first torch engine. Attacks by queries ask the engine itself. An attack that looks at no model
    is made once, in the name of the first engine.

    Args:
        condition: Condition of the frames.
        engines: All engines of the evaluation.
        roles: What the engines are there for. Default: every engine is evaluated.

    Returns:
        The assignments, and why some engines are left out.

    Raises:
        CalicoError: The attack can be made on none of the evaluated engines, or a folder of
            predictions has no file for the condition.
    """
    roles = roles or EngineRoles()
    if not isinstance(condition, AttackCondition):
        left_out = () if condition.is_clean else roles.attack_only
        found = [Assignment(condition, e) for e in engines if label(e) not in left_out]
        for one in found:
            choose_predictor(one.engine, condition)  # raises if a folder of predictions lacks it
        return found, ()
    found = []
    refused: list[tuple[Engine, CalicoError]] = []
    for engine in engines:
        sources = [] if label(engine) in roles.attack_only else roles.transfer_from
        try:
            found += _assign_attack(condition, engine, engines, sources)
        except CalicoError as error:
            refused.append((engine, error))
    subjects = [(e, error) for e, error in refused if label(e) not in roles.attack_only]
    if subjects and all(label(one.engine) in roles.attack_only for one in found):
        raise subjects[0][1]
    return found, tuple(f"left out on {label(engine)}: {error}" for engine, error in refused)


def _assign_attack(
    condition: AttackCondition,
    engine: Engine,
    engines: Sequence[Engine],
    transfer_from: Sequence[str],
) -> Iterator[Assignment]:
    """Assign an attack to one engine.

    Raises:
        CalicoError: The engine lacks a sensor or a head that the attack needs, or is no model.
    """
    attack = condition.attack
    choose_predictor(engine, condition)
    _check_sensors(condition, engine)
    access, own_aim = ALGORITHMS[attack.name].access, ALGORITHMS[attack.name].success is not None
    config = getattr(engine, "config", None)  # of a CalicoModel, whatever runs it
    if (
        config is not None
        and not own_aim
        and (access == "queries" or ALGORITHMS[attack.name].control)
    ):
        check_model(attack.objective, config)  # the model's head is what successes are counted on
    if access == "nothing":
        yield Assignment(condition, engine, engines[0])
    elif access == "queries":
        if not own_aim:
            check_query_objective(attack.objective)
        yield Assignment(condition, engine, engine)
    else:
        yield from _assign_gradients(condition, engine, engines, transfer_from)


def _assign_gradients(
    condition: AttackCondition,
    engine: Engine,
    engines: Sequence[Engine],
    transfer_from: Sequence[str],
) -> Iterator[Assignment]:
    """Assign an attack by gradients to one engine, then as a transfer from others."""
    followable = [found for other in engines if (found := as_white_box(other)) is not None]
    if not followable:
        raise CalicoError(
            f"attack {condition}: attacks by gradients are made on a torch model, and none of "
            f"{', '.join(map(label, engines))} is one; give a model of your own a method "
            "loss(batch), or name a run folder with --attack-model, e.g. that of the same model, "
            "or as another MODEL"
        )
    same = [other for other in followable if other.model_name == engine.model_name]
    own = as_white_box(engine) or next(iter(same), None)
    if own is not None and (not transfer_from or _is_able(condition, own)):
        _check_able(condition, own)
        yield Assignment(condition, engine, own)
    others = [
        other
        for other in followable
        if other not in same and (own is None or label(other) in transfer_from)
    ]
    able = [other for other in others if _is_able(condition, other)]
    named = [other for other in able if label(other) in transfer_from]
    if own is None and not able:
        _check_able(condition, others[0])
    for source in named if named or own is not None else able[:1]:
        yield Assignment(condition.as_transfer(label(source)), engine, source)


def _is_able(condition: AttackCondition, engine: WhiteBoxEngine) -> bool:
    try:
        _check_able(condition, engine)
    except CalicoError:
        return False
    return True


def _check_able(condition: AttackCondition, engine: WhiteBoxEngine) -> None:
    """Raise CalicoError if the engine lacks a sensor, head or class that the attack follows."""
    _check_sensors(condition, engine)
    engine.check_objective(condition.attack.objective)


def _check_sensors(condition: AttackCondition, engine: Engine) -> None:
    lacking = [sensor for sensor in condition.attack.threat.sensors if sensor not in engine.sensors]
    if lacking:
        raise CalicoError(
            f"attack {condition}: model {engine.model_name} has no {lacking[0]} branch to attack; "
            f"it has {', '.join(engine.sensors)}"
        )
