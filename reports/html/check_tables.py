"""Tables of the effect checks and of the budgets as they were measured again."""

from __future__ import annotations

from dataclasses import dataclass

from reports import formatting
from reports.results_view import HEADLINES, ResultsView
from reports.schema import Cell, Check

Values = dict[str, float | int | str | None]
TINY = 1e-9


@dataclass(frozen=True)
class CheckRow:
    """One check. `passed` is None for a changed cell that has no check."""

    subject: str
    condition: str
    passed: bool | None
    measured: str
    details: str
    message: str


@dataclass(frozen=True)
class CheckTable:
    """Rows that need a look (failed or absent), and all rows."""

    title: str
    rows: tuple[CheckRow, ...]
    passed: int

    @property
    def trouble(self) -> tuple[CheckRow, ...]:
        """The rows that did not pass."""
        return tuple(row for row in self.rows if not row.passed)


def effect_table(view: ResultsView) -> CheckTable:
    """Make one row per corrupted cell."""
    rows = [
        (cell, cell.effect)
        for cell in view.results.cells
        if cell.condition.kind in ("corruption", "curve") or cell.effect is not None
    ]
    return _table("Effect checks", view, rows)


def budget_table(view: ResultsView) -> CheckTable:
    """Make one row per attack cell."""
    rows = [
        (cell, cell.budget)
        for cell in view.results.cells
        if cell.condition.kind == "attack" or cell.budget is not None
    ]
    return _table("Budget checks", view, rows)


def _table(title: str, view: ResultsView, pairs: list[tuple[Cell, Check | None]]) -> CheckTable:
    labels = {(s.model, s.engine): s.label for s in view.series}
    rows = tuple(_row(labels[cell.model, cell.engine], cell, check) for cell, check in pairs)
    return CheckTable(title, rows, sum(bool(row.passed) for row in rows))


def _row(label: str, cell: Cell, check: Check | None) -> CheckRow:
    return CheckRow(
        subject=label,
        condition=formatting.format_full_condition(cell.condition),
        passed=None if check is None else check.passed,
        measured=""
        if check is None
        else formatting.format_parameters(
            keep_changes(check.measured) if check.passed else check.measured
        ),
        details=formatting.format_parameters(keep_changes(cell.details)),
        message="no check was recorded" if check is None else check.message,
    )


def keep_changes(measured: Values) -> Values:
    """Keep the measured quantities that show a change.

    Zeros (up to rounding), unchanged ratios and equal values before and after are left out.
    """
    kept = {name: value for name, value in measured.items() if not _is_zero(value)}
    for name in [name for name in kept if name.endswith("_before")]:
        after = name.removesuffix("_before") + "_after"
        if kept[name] == kept.get(after):
            del kept[name], kept[after]
    return {
        name: value for name, value in kept.items() if not (name.endswith("_ratio") and value == 1)
    }


def _is_zero(value: float | int | str | None) -> bool:
    return value is None or (not isinstance(value, str) and abs(value) < TINY)


def list_absent(view: ResultsView, has_pictures: bool) -> tuple[str, ...]:
    """List what a reader would look for and this file does not hold.

    Args:
        view: Look-ups over the results.
        has_pictures: Whether the report shows pictures.
    """
    results = view.results
    names = {name for cell in results.cells for name in cell.metrics}
    kinds = {cell.condition.kind for cell in results.cells}
    wanted = (
        ("clean" in kinds, "a clean run: nothing can be put in relation to it"),
        (
            "corruption" in kinds,
            "corruptions at their severities" if "curve" in kinds else "corruptions",
        ),
        ("attack" in kinds, "attacks"),
        ("mAP" in names, "3D detection (mAP)"),
        ("mIoU" in names, "map segmentation (mIoU)"),
        *(
            (False, f"{HEADLINES[metric]}: undefined, {reason}")
            for metric, reason in view.undefined
        ),
        (any(name.startswith(("AP/", "IoU/")) for name in names), "results by class"),
        (any("range" in name for name in names), "results by range"),
        (has_pictures, "pictures"),
        (False, "engine parity and latency: results.json does not hold them yet"),
    )
    return tuple(text for present, text in wanted if not present)
