"""Curves over a physical parameter: the crossing, table of halves, Markdown, sentence."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.first_screen import make_first_screen
from reports.html.render import render_html
from reports.results_view import ResultsView
from reports.schema import Cell, Check, Condition, Curve, Metric, Results
from reports.svg.parameter_curves import parameter_curves
from reports.writers.markdown import markdown_summary

VALUES = (400.0, 200.0, 100.0, 50.0)
OUTSIDE = "below 50 m, the most severe value, if anywhere: 67% of the clean mAP is left there"


def metric(value: float) -> Metric:
    return Metric(value=value, lo=value - 0.05, hi=value + 0.05, method="m", n_frames=5, n_scenes=2)


def cells(model: str, clean: float, scores: tuple[float, ...]) -> list[Cell]:
    conditions = [Condition(kind="clean", name="clean")]
    for value in VALUES:
        conditions.append(
            Condition(
                kind="curve",
                name="fog",
                parameters={"visibility_m": value},
                axis="visibility_m",
                unit="m",
                sensors=("camera", "lidar"),
            )
        )
    return [
        Cell(
            id=f"{model}{i}",
            model=model,
            engine="onnx",
            condition=c,
            seed=0,
            metrics={"mAP": metric(v)},
        )
        for i, (c, v) in enumerate(zip(conditions, (clean, *scores), strict=True))
    ]


def curve(model: str, half: Metric, scale: str = "log") -> Curve:
    return Curve(
        model=model,
        engine="onnx",
        name="fog",
        axis="visibility_m",
        unit="m",
        scale=scale,
        values=VALUES,
        half={"mAP": half},
    )


@pytest.fixture
def with_curves(results: Results) -> Results:
    """TEST DATA: `fused` halves at 100 m (0.3 of 0.6), `lidar-only` nowhere."""
    inside = Metric(value=100.0, lo=70.7, hi=141.4, method="j", n_frames=5, n_scenes=2, unit="m")
    never = Metric(
        value=None, reason=OUTSIDE, method="no interval", n_frames=5, n_scenes=2, unit="m"
    )
    return results.model_copy(
        update={
            "cells": (
                *cells("fused", 0.6, (0.55, 0.45, 0.3, 0.1)),
                *cells("lidar-only", 0.45, (0.44, 0.43, 0.4, 0.3)),
            ),
            "curves": (curve("fused", inside), curve("lidar-only", never)),
            "summary": {},
            "pictures": (),
        }
    )


def test_the_crossing_lies_on_the_curve_at_half_of_clean(with_curves: Results) -> None:
    (curve,) = parameter_curves(ResultsView(with_curves))
    (panel,) = curve.panels
    fused, lidar = panel.chart.readings
    clean, first, _, third, last = panel.chart.lines[0].marks
    assert first.x < third.x < last.x, "worse to the right"
    assert (fused.at, fused.y) == (third.x, third.y)
    assert fused.y == pytest.approx((clean.y + panel.chart.bottom) / 2, abs=0.1)
    assert fused.half == f"M{clean.x} {fused.y}H{fused.at}V{panel.chart.bottom}"
    assert fused.clean == f"M{clean.x} {clean.y}H{panel.chart.right}"
    assert fused.text == "100\u00a0m"
    assert fused.lo == pytest.approx(third.x - (third.x - first.x) / 4, abs=0.2)
    assert (lidar.at, lidar.lo, lidar.text) == (None, None, "")
    assert lidar.half.endswith(f"H{panel.chart.right}")


def test_the_scale_is_that_of_the_curve(with_curves: Results) -> None:
    """400 to 50 m is less than a factor of ten: a log curve is logarithmic all the same, a linear
    one is not.
    """
    first, _, third, last = (
        mark.x
        for mark in parameter_curves(ResultsView(with_curves))[0].panels[0].chart.lines[0].marks[1:]
    )
    assert (third - first) / (last - first) == pytest.approx(math.log(4) / math.log(8), abs=0.005)
    linear = with_curves.model_copy(
        update={
            "curves": tuple(c.model_copy(update={"scale": "linear"}) for c in with_curves.curves)
        }
    )
    first, _, third, last = (
        mark.x
        for mark in parameter_curves(ResultsView(linear))[0].panels[0].chart.lines[0].marks[1:]
    )
    assert (third - first) / (last - first) == pytest.approx(300 / 350, abs=0.005)


def test_the_tables_hold_every_number_and_why_there_is_none(with_curves: Results) -> None:
    (curve,) = parameter_curves(ResultsView(with_curves))
    assert (curve.title, curve.axis, curve.sensors) == ("fog", "visibility (m)", "camera + LiDAR")
    assert curve.methods == ("j",)
    (fused,), (lidar,) = (row.values for row in curve.rows)
    assert fused is not None
    assert lidar is not None
    assert (fused.text, fused.interval, fused.note) == ("100\u00a0m", "[70.7, 141]", "")
    assert (lidar.text, lidar.note) == ("not on the curve", OUTSIDE)
    assert [row.level for row in curve.panels[0].rows] == ["clean", "400", "200", "100", "50"]
    assert [v.text for row in curve.panels[0].rows for v in row.values[:1] if v][1:4] == [
        "55.0\u00a0%",
        "45.0\u00a0%",
        "30.0\u00a0%",
    ]


def test_page_and_markdown_show_them_and_others_have_no_such_section(
    with_curves: Results, results: Results, tmp_path: Path
) -> None:
    page, text = render_html(with_curves, tmp_path), markdown_summary(with_curves)
    assert 'id="parameter-curves"' in page
    assert page.count('class="crossing"') == 1
    assert 'id="curves"' not in page
    assert "corruptions at their severities" in page
    assert "## Curve of fog, visibility (m)" in text
    assert "| fused | 100\u00a0m [70.7, 141] |" in text
    assert f"| lidar-only | not on the curve ({OUTSIDE}) |" in text
    assert "| 100 | 30.0\u00a0% [25.0, 35.0] | 40.0\u00a0% [35.0, 45.0] |" in text
    assert 'id="parameter-curves"' not in render_html(results, tmp_path)
    assert "Curve of" not in markdown_summary(results)


def test_a_run_of_a_curve_alone_warns_of_nothing_that_it_was_not_asked_for(
    with_curves: Results, tmp_path: Path
) -> None:
    checked = [
        c.model_copy(update={"effect": Check(passed=True, measured={})}) for c in with_curves.cells
    ]
    alone = with_curves.model_copy(update={"cells": tuple(checked)})
    tiles = make_first_screen(ResultsView(alone), None).tiles
    assert [tile.question for tile in tiles] == [
        "Clean mAP",
        "Under fog, mAP falls to half at",
        "Effect and budget checks",
        "Gate",
    ]
    assert {tile.level for tile in tiles} == {"plain", "good"}
    assert (tiles[1].answer, tiles[1].details) == (
        "100\u00a0m",
        ("visibility [70.7, 141], 5\u00a0frames, 2\u00a0scenes",),
    )
    page, text = render_html(alone, tmp_path), markdown_summary(alone)
    assert 'class="tile warn"' not in page
    for word in ("Mean corruption", "Worst corruption", "Under attack"):
        assert f">{word}</th>" not in page
        assert f"| {word}" not in text
    assert '<span class="v">not run</span>' not in page


def test_a_curve_that_never_halves_says_why_and_other_metrics_follow(with_curves: Results) -> None:
    never = with_curves.curves[1].half["mAP"]
    cells = [
        c.model_copy(update={"metrics": {**c.metrics, "NDS": c.metrics["mAP"]}})
        for c in with_curves.cells[:5]
    ]
    both = with_curves.curves[0].model_copy(
        update={"half": {"NDS": with_curves.curves[0].half["mAP"], "mAP": never}}
    )
    found = make_first_screen(
        ResultsView(with_curves.model_copy(update={"cells": tuple(cells), "curves": (both,)})), None
    )
    tile = next(tile for tile in found.tiles if tile.question.startswith("Under fog"))
    assert tile.answer == "not on the curve"
    assert tile.details == (
        f"visibility {OUTSIDE}, 5\u00a0frames, 2\u00a0scenes",
        "NDS 100\u00a0m [70.7, 141]",
    )
    assert found.sentence == (
        "fused: under fog, mAP falls to half of its clean value nowhere on the curve (visibility)."
    )


def test_curve_points_are_in_no_mean_and_no_worst_case(with_curves: Results) -> None:
    view = ResultsView(with_curves)
    assert view.corruption_mean(view.series[0], "mAP") is None
    assert view.worst_point(view.series[0], "mAP", "corruption") is None
    assert make_first_screen(view, None).sentence == (
        "fused: under fog, mAP falls to half of its clean value at 100\u00a0m (visibility)."
    )


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"model": "nobody"}, "fog on nobody/onnx has no cell of the curve at visibility_m 400"),
        ({"name": "rain"}, "rain on fused/onnx has no cell of the curve"),
        ({"axis": "range_m"}, "no cell of the curve at range_m 400"),
        ({"values": (400.0, 30.0)}, "no cell of the curve at visibility_m 30 that holds mAP"),
        ({"half": {"NDS": metric(1.0)}}, "no cell of the curve at visibility_m 400 that holds NDS"),
    ],
)
def test_a_curve_without_its_cells_is_an_error(
    change: dict[str, object], what: str, with_curves: Results
) -> None:
    broken = with_curves.model_copy(
        update={"curves": (with_curves.curves[0].model_copy(update=change),)}
    )
    with pytest.raises(ReportError, match=what):
        render_html(broken, Path())


def test_a_curve_of_an_engine_that_shares_the_line_of_another_needs_no_panel(
    with_curves: Results,
) -> None:
    twin = [
        cell.model_copy(update={"engine": "torch", "id": cell.id + "t"})
        for cell in with_curves.cells[:5]
    ]
    only = with_curves.curves[0].model_copy(update={"engine": "torch"})
    (curve,) = parameter_curves(
        ResultsView(
            with_curves.model_copy(
                update={"cells": (*with_curves.cells[:5], *twin), "curves": (only,)}
            )
        )
    )
    assert curve.panels == ()
    assert [row.label for row in curve.rows] == ["fused (torch)"]
