"""What a condition is, told from its record: which test, whether a control, an attack on corrupted frames, where on its axis."""

from __future__ import annotations

from reports.schema import Condition


def condition_key(condition: Condition) -> tuple[object, ...]:
    """What makes two cells the same test of a sensor set-up: everything but the seed. The numbers 4 and 4.0 are the same."""
    return (
        condition.kind,
        condition.name,
        condition.severity,
        *sorted(condition.parameters.items()),
    )


def is_control(condition: Condition) -> bool:
    """Whether an attack condition is a random control; in files older than 1.2 by its name, which ends in 'noise' or 'random'."""
    words = condition.name.rpartition("+")[2].split("_")
    return condition.kind == "attack" and (condition.control or words[-1] in ("noise", "random"))


def split_crossed(condition: Condition) -> tuple[str, str] | None:
    """(corruption, attack) of an attack on corrupted frames, by name ('fog+camera_pgd'); None for all others."""
    corruption, plus, attack = condition.name.rpartition("+")
    return (corruption, attack) if condition.kind == "attack" and plus else None


def level_on_axis(condition: Condition) -> float:
    """Where a condition stands on its physical axis; its severity where the axis is no number."""
    value = condition.parameters.get(condition.axis) if condition.axis else None
    return float(value) if isinstance(value, (int, float)) else float(condition.severity)
