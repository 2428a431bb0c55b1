from reports.schema import Metric
from reports.svg.row_chart import RowData, row_chart


def metric(value: float | None, lo: float | None = None, hi: float | None = None) -> Metric:
    return Metric(
        value=value, lo=lo, hi=hi, reason="x" if value is None else None, n_frames=1, n_scenes=1
    )


def test_row_chart_bars_and_reasons() -> None:
    rows = [
        RowData("car", "n 3", metric(0.25, 0.2, 0.3), (("worst", "w", metric(0.1)),), bar=True),
        RowData("bus", "", metric(None), (), bar=True),
    ]
    chart = row_chart("t", rows, 0.5, 7, 100, 324, 20)
    assert chart.style == 1  # six styles, then again
    assert (chart.rows[0].bar, chart.rows[0].lo, chart.rows[0].hi) == (200.0, 180.0, 220.0)
    assert [d.x for d in chart.rows[0].dots] == [140.0]
    assert (chart.rows[1].bar, chart.rows[1].missing) == (None, "x")
