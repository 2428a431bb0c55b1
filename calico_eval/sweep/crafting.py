"""Which engine's gradients or answers an attack on an engine looks at."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from calico.errors import CalicoError
from calico_eval.attacks import ALGORITHMS
from calico_eval.attacks.objectives import check_model
from calico_eval.attacks.query_loss import check_query_objective
from calico_eval.engines.base import Engine, label
from calico_eval.engines.torch import TorchEngine
from calico_eval.sweep.conditions import ConditionSpec


def looked_at(
    condition: ConditionSpec, engines: Sequence[Engine]
) -> tuple[list[tuple[Engine, Engine | None]], tuple[str, ...]]:
    """(every engine with the one that the condition's attack on it looks at, why some were left out).

    An engine on which the attack cannot be made is left out, as long as there are others.

    Raises:
        CalicoError: it can be made on none of them.
    """
    pairs: list[tuple[Engine, Engine | None]] = []
    refused: list[tuple[Engine, CalicoError]] = []
    for engine in engines:
        try:
            pairs.append((engine, _surrogate(engine, engines, condition)))
        except CalicoError as error:
            refused.append((engine, error))
    if refused and not pairs:
        raise refused[0][1]
    return pairs, tuple(f"left out on {label(engine)}: {error}" for engine, error in refused)


def transfers(
    condition: ConditionSpec, pairs: Sequence[tuple[Engine, Engine | None]], attack_only: Collection[str]
) -> Iterator[tuple[Engine, Engine]]:
    """(engine, the engine that the attack was made on): every attack model of another model than the one that the engine's own
    attack looks at. Attacks by gradients on clean frames only.

    Args:
        pairs: of `looked_at`.
    """
    attack = condition.attack
    if attack is None or condition.corrupted is not None or ALGORITHMS[attack.name].access != "gradients":
        return
    sources = [e for e, own in pairs if e is own and label(e) in attack_only]
    for engine, own in pairs:
        if own is not None and label(engine) not in attack_only:
            known = (engine.model_name, own.model_name)
            yield from ((engine, source) for source in sources if source.model_name not in known)


def _surrogate(engine: Engine, engines: Sequence[Engine], condition: ConditionSpec) -> Engine | None:
    """The engine that an attack on `engine` looks at; None where the condition is no attack.

    Gradients: its own, or those of the torch engine of the same model, or of the first torch engine. Queries: itself. An attack
    that looks at nothing is made once for all, on the first engine's name.

    Raises:
        CalicoError: there is none, or it lacks a sensor or a head that the attack needs.
    """
    if condition.attack is None:
        return None
    algorithm = ALGORITHMS[condition.attack.name]
    if algorithm.access == "nothing":
        return engines[0]
    if algorithm.access == "queries":
        _check_sensors(condition, engine)
        if algorithm.success is None:  # the others have an aim of their own
            check_query_objective(condition.attack.objective)
        return engine
    same_model = [other for other in engines if other.model_name == engine.model_name]
    for candidate in (engine, *same_model, *engines):
        if isinstance(candidate, TorchEngine):
            _check_sensors(condition, candidate)
            check_model(condition.attack.objective, candidate.config)
            return candidate
    raise CalicoError(
        f"attack {condition}: attacks by gradients are made on a torch model, and none of {', '.join(map(label, engines))} is "
        "one; "
        "name a run folder with --attack-model, e.g. that of the same model, or as another MODEL"
    )


def _check_sensors(condition: ConditionSpec, engine: Engine) -> None:
    blind = [s for s in (condition.attack.threat.sensors if condition.attack else ()) if s not in engine.sensors]
    if blind:
        raise CalicoError(
            f"attack {condition}: model {engine.model_name} has no {blind[0]} branch to attack; "
            f"it has {', '.join(engine.sensors)}"
        )
