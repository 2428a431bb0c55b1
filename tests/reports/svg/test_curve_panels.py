from reports.html.heatmap import severity_scales
from reports.schema import Condition, Results
from reports.svg.severity_curves import severity_curves
from tests.reports.curve_cells import CLEAN, cell, column, fog, view


def test_columns_of_the_table_run_from_mild_to_severe_whatever_the_order_of_the_file(
    results: Results,
) -> None:
    looked = view(
        results, cell(fog(3, 50), 0.2), cell(fog(1, 400), 0.5), CLEAN, cell(fog(2, 100), 0.3)
    )
    panel = severity_curves(looked)[0].panels[0]
    assert [row.level for row in panel.rows] == ["clean", "400", "100", "50"]
    assert column(panel) == ["60.0\u00a0%", "50.0\u00a0%", "30.0\u00a0%", "20.0\u00a0%"]
    assert panel.chart.x_label == "visibility (m)"
    assert severity_scales(looked)[0].levels == (
        "visibility\u00a0400\u00a0m",
        "visibility\u00a0100\u00a0m",
        "visibility\u00a050\u00a0m",
    )


def test_a_parameter_that_does_not_differ_with_severity_is_no_axis(results: Results) -> None:
    panel = severity_curves(view(results, CLEAN, cell(fog(1, 1), 0.2), cell(fog(2, 1), 0.1)))[
        0
    ].panels[0]
    assert panel.chart.x_label == "severity"
    assert [row.level for row in panel.rows] == ["clean", "1", "2"]


def test_shares_are_in_percent_on_the_axis(results: Results) -> None:
    condition = Condition(
        kind="corruption",
        name="crosstalk",
        severity=1,
        parameters={"share_hit": 0.004},
        axis="share_hit",
    )
    panel = severity_curves(view(results, CLEAN, cell(condition, 0.5)))[0].panels[0]
    assert [tick.text for tick in panel.chart.x_ticks] == ["clean", "0.4\u00a0%"]
    assert [row.level for row in panel.rows] == ["clean", "0.4\u00a0%"]
