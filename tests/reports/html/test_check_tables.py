from reports.html.check_tables import effect_table, keep_changes
from reports.results_view import ResultsView
from reports.schema import Check, Results


def test_checks_show_what_changed_and_failed_ones_everything() -> None:
    measured = {
        "rotation_deg": 3e-15,
        "moved_m": 0.1,
        "intensity_ratio": 1.0,
        "points_before": 5.0,
        "points_after": 5.0,
    }
    assert keep_changes(measured) == {"moved_m": 0.1}
    assert keep_changes({"points_before": 5.0, "points_after": 0.0}) == {"points_before": 5.0}


def test_a_failed_check_shows_all_that_was_measured(results: Results) -> None:
    broken = results.cells[1].model_copy(
        update={"effect": Check(passed=False, measured={"points_changed": 0.0})}
    )
    (row,) = effect_table(ResultsView(results.model_copy(update={"cells": (broken,)}))).rows
    assert row.measured == "points changed\u00a00"
