"""Which attack figures the sanity checks of a file say something about, and what."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from reports.conditions import is_control
from reports.schema import Cell, SanityCheck


class SanityIndex:
    """The sanity checks of one file, filed by model and engine."""

    def __init__(self, checks: Sequence[SanityCheck]) -> None:
        self._checks = checks

    def is_unchecked(self, cell: Cell) -> bool:
        """Say whether a cell holds a searching attack for which no sanity check was run.

        An attack searches by steps along gradients or by queries. A check counts that was run on
        the model, or on the engine whose gradients made the attack.
        """
        condition = cell.condition
        searches = bool({"steps", "queries"} & condition.parameters.keys())
        if condition.kind != "attack" or is_control(condition) or not searches:
            return False
        return not {cell.model, str(cell.details.get("crafted_on") or "")} & self._checked

    @cached_property
    def _checked(self) -> set[str]:
        """Models, and labels of engines, on which a sanity check was run."""
        ran = [check for check in self._checks if check.verdict != "NOT RUN"]
        return {name for check in ran for name in (check.model, f"{check.model}/{check.engine}")}

    def find_failed_checks(self, cell: Cell) -> tuple[str, ...]:
        """List the ids of the failed checks that make the figures of an attack cell suspect.

        A failed check of an engine makes every attack figure of its model suspect, and those of
        other models that were made with its gradients. Random controls look at no model. Sound
        cells and others give ().
        """
        if cell.condition.kind != "attack" or is_control(cell.condition):
            return ()
        owners = (
            cell.model,
            f"{cell.model}/{cell.engine}",
            str(cell.details.get("crafted_on") or ""),
        )
        found = {
            position: check
            for owner in owners
            for position, check in self._failed.get(owner, {}).items()
        }
        return tuple(dict.fromkeys(found[position] for position in sorted(found)))

    @cached_property
    def _failed(self) -> dict[str, dict[int, str]]:
        """Failed checks of each model and each engine's label, by their place in the file."""
        failed: dict[str, dict[int, str]] = {}
        for position, check in enumerate(self._checks):
            if check.verdict == "FAIL":
                for owner in (check.model, f"{check.model}/{check.engine}"):
                    failed.setdefault(owner, {})[position] = check.id
        return failed
