"""The first screen: what loses most, and that what loses nothing is not listed."""

from __future__ import annotations

import pytest

from reports.first_screen import make_first_screen
from reports.results_view import ResultsView
from reports.schema import Cell, Condition, Metric, Results
from reports.svg.line_chart import Tick
from reports.svg.row_chart import RowData, row_chart


def cell(name: str, value: float) -> Cell:
    condition = Condition(kind="clean", name="clean")
    if name != "clean":
        condition = Condition(kind="corruption", name=name, severity=1, parameters={"level": 1})
    number = Metric(value=value, n_frames=8, n_scenes=4)
    return Cell(
        id=name, model="m", engine="e", condition=condition, seed=0, metrics={"mAP": number}
    )


@pytest.mark.parametrize(
    ("kept", "answer", "details"),
    [
        (
            {"fog": 0.2, "low_light": 0.545},
            "fog",
            ("keeps 40 % of clean mAP on average",),
        ),  # low light keeps 109 %
        (
            {"fog": 0.2, "rain": 0.4, "blur": 0.5},
            "fog",
            ("keeps 40 % of clean mAP on average", "then rain (80 %)"),
        ),
        (
            {"low_light": 0.545},
            "nothing",
            ("every corruption keeps all of the clean mAP, or more",),
        ),
        (
            {"blur": 0.4999},
            "nothing",
            ("every corruption keeps all of the clean mAP, or more",),
        ),  # shown as 100 %
    ],
)
def test_what_loses_nothing_is_not_listed(
    results: Results, kept: dict[str, float], answer: str, details: tuple[str, ...]
) -> None:
    cells = (cell("clean", 0.5), *(cell(name, value) for name, value in kept.items()))
    found = make_first_screen(
        ResultsView(results.model_copy(update={"cells": cells, "models": (), "summary": {}})), None
    )
    tile = next(tile for tile in found.tiles if tile.question == "Loses most to")
    assert (tile.answer, tuple(line.replace("\u00a0", " ") for line in tile.details)) == (
        answer,
        details,
    )


def test_the_last_label_of_an_axis_has_room() -> None:
    """'100 %' is centred under the end of the axis, 34 px wide in letters of 11 px."""
    row = RowData("m", "", Metric(value=0.98, n_frames=8, n_scenes=4), (), bar=False)
    chart = row_chart("t", [row], 1.0, 0, 60.0, 520.0, 36.0)
    last = chart.ticks[-1]
    assert isinstance(last, Tick)
    assert last.text == "100\u00a0%"
    assert last.at + 34 / 2 <= chart.width
