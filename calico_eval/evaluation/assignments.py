"""Which engines a condition is shown to, and whose gradients or answers an attack among them looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS, AttackSpec
from calico_eval.attacks.blackbox.objectives import check_query_objective
from calico_eval.engines.base import Engine, label
from calico_eval.engines.network.objectives import check_model
from calico_eval.engines.white_box import WhiteBoxEngine, as_white_box
from calico_eval.evaluation.conditions import ConditionSpec, predictor


@dataclass(frozen=True)
class Shown:
    """A condition that is shown to an engine, and the engine that its attack looks at: None of what is no attack."""

    condition: ConditionSpec
    engine: Engine
    crafted_on: Engine | None = None


def shown(
    condition: ConditionSpec,
    engines: Sequence[Engine],
    attack_only: Collection[str] = (),
    transfer_from: Collection[str] = (),
) -> tuple[list[Shown], tuple[str, ...]]:
    """(where the condition is shown, why not to some engines).

    An attack by gradients on an engine follows its own, or those of the torch engine of the same model name (the deployed form of
    the same weights). Those of other models are transfer attacks, under a name of their own: of all `transfer_from`, or on an
    engine of a model without gradients where none are named, of the first torch engine. Attacks by queries ask the engine itself.
    What looks at nothing is made once for all, on the first engine's name.

    Args:
        attack_only, transfer_from: labels, see `plan.make_plan`.

    Raises:
        CalicoError: it is an attack that can be made on none of the engines that are not `attack_only`, or a folder of
            predictions has no file for it.
    """
    if condition.attack is None:
        only_attacks = condition.kind in ("corruption", "curve")
        found = [
            Shown(condition, e) for e in engines if not (only_attacks and label(e) in attack_only)
        ]
        for one in found:
            predictor(one.engine, condition)  # raises where a folder of predictions lacks it
        return found, ()
    found = []
    refused: list[tuple[Engine, CalicoError]] = []
    for engine in engines:
        sources = [] if label(engine) in attack_only else transfer_from
        try:
            found += _attacks(condition, condition.attack, engine, engines, sources)
        except CalicoError as error:
            refused.append((engine, error))
    subjects = [(engine, error) for engine, error in refused if label(engine) not in attack_only]
    if subjects and all(label(one.engine) in attack_only for one in found):
        raise subjects[0][1]
    return found, tuple(f"left out on {label(engine)}: {error}" for engine, error in refused)


def _attacks(
    condition: ConditionSpec,
    attack: AttackSpec,
    engine: Engine,
    engines: Sequence[Engine],
    transfer_from: Collection[str],
) -> Iterator[Shown]:
    """The attack on one engine; raises CalicoError where it lacks a sensor or a head that the attack needs, or is no model."""
    predictor(engine, condition)
    _check_sensors(condition, engine)
    access, own_aim = ALGORITHMS[attack.name].access, ALGORITHMS[attack.name].success is not None
    config = getattr(engine, "config", None)  # of a CalicoModel, whatever runs it
    if (
        config is not None
        and not own_aim
        and (access == "queries" or ALGORITHMS[attack.name].control)
    ):
        check_model(attack.objective, config)  # what it raises, and its success is counted of
    if access == "nothing":
        yield Shown(condition, engine, engines[0])
    elif access == "queries":
        if not own_aim:
            check_query_objective(attack.objective)
        yield Shown(condition, engine, engine)
    else:
        yield from _followed(condition, attack, engine, engines, transfer_from)


def _followed(
    condition: ConditionSpec,
    attack: AttackSpec,
    engine: Engine,
    engines: Sequence[Engine],
    transfer_from: Collection[str],
) -> Iterator[Shown]:
    """An attack by gradients on one engine, then as a transfer from others that it can be made on."""
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
    if own is not None and (not transfer_from or _is_able(condition, attack, own)):
        _check_able(condition, attack, own)
        yield Shown(condition, engine, own)
    others = [
        other
        for other in followable
        if other not in same and (own is None or label(other) in transfer_from)
    ]
    able = [other for other in others if _is_able(condition, attack, other)]
    named = [other for other in able if label(other) in transfer_from]
    if own is None and not able:
        _check_able(condition, attack, others[0])
    for source in named if named or own is not None else able[:1]:
        yield Shown(condition.transferred(label(source)), engine, source)


def _is_able(condition: ConditionSpec, attack: AttackSpec, engine: WhiteBoxEngine) -> bool:
    try:
        _check_able(condition, attack, engine)
    except CalicoError:
        return False
    return True


def _check_able(condition: ConditionSpec, attack: AttackSpec, engine: WhiteBoxEngine) -> None:
    """Raises CalicoError where the engine lacks a sensor, head or class that the attack follows."""
    _check_sensors(condition, engine)
    engine.check_objective(attack.objective)


def _check_sensors(condition: ConditionSpec, engine: Engine) -> None:
    sensors = condition.attack.threat.sensors if condition.attack else ()
    lacking = [sensor for sensor in sensors if sensor not in engine.sensors]
    if lacking:
        raise CalicoError(
            f"attack {condition}: model {engine.model_name} has no {lacking[0]} branch to attack; "
            f"it has {', '.join(engine.sensors)}"
        )
