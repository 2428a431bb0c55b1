"""What the record of a condition says about it.

Its questions are which test it is, whether it is a control or an attack on corrupted frames, and
where it stands on its axis.
"""

from __future__ import annotations

from reports.schema import Condition


def condition_key(condition: Condition) -> tuple[object, ...]:
    """Return what makes two cells the same test of a sensor set-up: everything but the seed.

    The numbers 4 and 4.0 are the same.
    """
    return (
        condition.kind,
        condition.name,
        condition.severity,
        *sorted(condition.parameters.items()),
    )


def is_control(condition: Condition) -> bool:
    """Say whether an attack condition is a random control.

    In files older than 1.2 its name tells, which ends in 'noise' or 'random'.
    """
    words = condition.name.rpartition("+")[2].split("_")
    return condition.kind == "attack" and (condition.control or words[-1] in ("noise", "random"))


def split_crossed(condition: Condition) -> tuple[str, str] | None:
    """Split an attack on corrupted frames ('fog+camera_pgd') into (corruption, attack).

    Other conditions give None.
    """
    corruption, plus, attack = condition.name.rpartition("+")
    return (corruption, attack) if condition.kind == "attack" and plus else None


def level_on_axis(condition: Condition) -> float:
    """Return a condition's place on its physical axis, or its severity if that is no number."""
    value = condition.parameters.get(condition.axis) if condition.axis else None
    return float(value) if isinstance(value, (int, float)) else float(condition.severity)
