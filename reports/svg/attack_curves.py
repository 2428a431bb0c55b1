"""Attack curves: the scores against the budget, beside the control of the same budget."""

from __future__ import annotations

from collections.abc import Sequence

from reports import formatting
from reports.attack_parameters import attack_allowances, attack_effort, attack_metrics
from reports.conditions import condition_key, is_control, level_on_axis, split_crossed
from reports.results_view import ResultsView
from reports.schema import Condition
from reports.svg.curve_panels import Member, PanelGroup, make_group
from reports.svg.drawn_series import select_series


def attack_curves(view: ResultsView) -> tuple[PanelGroup, ...]:
    """Make one group per metric, one panel per attack of one effort.

    The random control of the same budget is dashed. Attacks that differ in anything but their
    budget (objective, steps, restarts ...) have panels of their own.
    """
    conditions = [
        c
        for cell in view.results.cells
        if (c := cell.condition).kind == "attack" and split_crossed(c) is None
    ]
    variants = _variants([condition for condition in conditions if not is_control(condition)])
    controls = _variants([condition for condition in conditions if is_control(condition)])
    titled: list[tuple[str, list[Member]]] = []
    same_budget: dict[tuple[object, ...], list[tuple[str, list[Condition]]]] = {}
    for title, found in controls:
        same_budget.setdefault(_budget_kind(found[0]), []).append((title, found))
    matched: set[str] = set()
    shown_series = select_series(view, "attack")
    for title, members in variants:
        same = same_budget.get(_budget_kind(members[0]), [])
        matched.update(name for name, _ in same)
        lines = []
        for series in shown_series:
            lines.append(Member(series, members[0].name, False, _distinct(members)))
            lines += [
                Member(series, found[0].name, True, _distinct(found), f", {name}")
                for name, found in same
            ]
        titled.append((title, lines))
    for title, members in controls:
        if title not in matched:
            lines = [Member(s, members[0].name, True, _distinct(members)) for s in shown_series]
            titled.append((title, lines))
    groups = [make_group(view, metric, "attack", titled) for metric in attack_metrics(view)]
    return tuple(group for group in groups if group.panels)


def _variants(conditions: Sequence[Condition]) -> list[tuple[str, list[Condition]]]:
    """Group conditions that differ in their budget only.

    A title says what else tells them from others of their name.
    """
    groups: dict[tuple[object, ...], list[Condition]] = {}
    others: dict[tuple[object, ...], set[tuple[object, ...]]] = {}
    for condition in conditions:
        place = (*_same_effort(condition), level_on_axis(condition))
        others.setdefault(place, set()).add(_other_allowances(condition))
    for condition in conditions:
        key = _same_effort(condition)
        place = (*key, level_on_axis(condition))
        told_apart = len(others[place]) > 1
        groups.setdefault((*key, *(_other_allowances(condition) if told_apart else ())), []).append(
            condition
        )
    by_name: dict[str, list[list[Condition]]] = {}
    for found in groups.values():
        by_name.setdefault(found[0].name, []).append(found)
    return [titled for family in by_name.values() for titled in _titled(family)]


def _same_effort(condition: Condition) -> tuple[object, ...]:
    """Return what conditions of one curve share: name, axis and effort."""
    return (condition.name, condition.axis, *sorted(attack_effort(condition).items()))


def _other_allowances(condition: Condition) -> tuple[object, ...]:
    """Return the allowances besides the one on the axis."""
    return tuple(
        sorted((n, v) for n, v in attack_allowances(condition).items() if n != condition.axis)
    )


def _titled(family: list[list[Condition]]) -> list[tuple[str, list[Condition]]]:
    """Give each a title of the parameters that differ within the family.

    Examples are 'camera PGD' and 'camera PGD, steps 50'.
    """
    firsts = [conditions[0] for conditions in family]
    names = {name for first in firsts for name in first.parameters}
    differ = {name for name in names if len({first.parameters.get(name) for first in firsts}) > 1}
    return [(_title(conditions, differ), conditions) for conditions in family]


def _title(conditions: list[Condition], differ: set[str]) -> str:
    first = conditions[0]
    differing = {
        name: value
        for name, value in first.parameters.items()
        if name in differ
        and name not in (first.axis, "crafted_on")
        and all(c.parameters.get(name) == value for c in conditions)
    }
    if "steps" in differing:  # what follows from it
        differing.pop("step_share", None)
    shown = formatting.format_parameters(differing)
    return (
        formatting.to_words(first.name)
        + formatting.format_origin(first)
        + (f", {shown}" if shown else "")
    )


def _budget_kind(condition: Condition) -> tuple[object, ...]:
    """Return what an attack and its random control share."""
    return (condition.axis, condition.sensors, *sorted(attack_allowances(condition)))


def _distinct(conditions: Sequence[Condition]) -> tuple[Condition, ...]:
    """Return each test once, whatever the engines and seeds that it was run with."""
    return tuple({condition_key(condition): condition for condition in conditions}.values())
