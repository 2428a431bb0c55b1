"""Geometry of the charts, against places worked out by hand."""

import itertools

import pytest

from reports.schema import Metric
from reports.svg.line_chart import LEFT, TOP, Chart, Line, line_chart, round_steps, top_of


def metric(value: float | None, lo: float | None = None, hi: float | None = None) -> Metric:
    return Metric(
        value=value, lo=lo, hi=hi, reason="x" if value is None else None, n_frames=1, n_scenes=1
    )


def line(levels: tuple[float, ...], metrics: tuple[Metric, ...]) -> Line:
    return Line("m", 0, False, metric(0.5), levels, metrics)


def chart_of(drawn: Line) -> Chart:
    return line_chart(
        "t", "x", [drawn], 0.5, 360, 230, {level: f"{level:g}" for level in drawn.levels}
    )


def test_values_and_levels_land_where_they_must() -> None:
    chart = chart_of(line((0.0, 1.0, 4.0), (metric(0.5), metric(0.25), metric(0.0))))
    clean, *marks = chart.lines[0].marks
    assert (clean.x, clean.y) == (LEFT + 10, TOP)
    start, width = marks[0].x, chart.right - marks[0].x
    assert [m.x - start for m in marks] == pytest.approx([0, width / 4, width], abs=0.06)
    assert [m.y for m in marks] == pytest.approx(
        [TOP, (TOP + chart.bottom) / 2, chart.bottom], abs=0.06
    )
    assert [t.text for t in chart.x_ticks] == ["clean", "0", "1", "4"]


def test_an_axis_that_falls_with_severity_runs_from_mild_to_severe() -> None:
    chart = chart_of(line((400, 200, 25), (metric(0.5),) * 3))
    assert [t.text for t in chart.x_ticks[1:]] == ["400", "200", "25"]
    xs = [t.at for t in chart.x_ticks]
    assert xs == sorted(xs)
    assert (xs[2] - xs[1]) / (xs[3] - xs[1]) == pytest.approx(
        1 / 4, abs=0.01
    )  # log2: 400 -> 200 is 1 of 4 halvings


def test_tick_labels_never_touch() -> None:
    levels = (0.001, 0.0011, 0.0012, 0.5, 0.98, 0.99, 1.0)
    chart = chart_of(line(levels, (metric(0.5),) * 7))
    shown = [t for t in chart.x_ticks if t.text]
    assert shown[-1].text == "1"
    for a, b in itertools.pairwise(shown):
        assert b.at - a.at >= 6.2 * (len(a.text) + len(b.text)) / 2, (a, b)


def test_an_undefined_value_breaks_the_line_and_the_band() -> None:
    metrics = (metric(0.4, 0.3, 0.5), metric(0.4, 0.3, 0.5), metric(None), metric(0.3, 0.2, 0.4))
    chart = chart_of(line((1, 2, 3, 4), metrics))
    (drawn,) = chart.lines
    assert drawn.path.count("M") == 1
    assert len(drawn.bands) == 1
    assert len(drawn.marks) == 4  # clean and three values


def test_a_single_level_is_drawn_in_the_middle() -> None:
    chart = chart_of(line((3.0,), (metric(0.2),)))
    assert chart.lines[0].path == ""
    assert [t.text for t in chart.x_ticks] == ["clean", "3"]


def test_top_holds_all_intervals_and_steps_are_round() -> None:
    assert top_of([metric(0.41, 0.3, 0.44), metric(None), None]) == 0.5
    assert top_of([]) == 1.0
    assert top_of([metric(1.2)]) == 1.5
    assert round_steps(0.5) == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 0.5])
    assert round_steps(0.05) == pytest.approx([0, 0.01, 0.02, 0.03, 0.04, 0.05])
    for top in (0.1, 0.3, 0.7, 0.9, 1.0, 1.5, 7.0):
        assert 3 <= len(round_steps(top)) <= 6


def beside(*levels: float) -> Chart:
    """An attack and its control that do the same, of series 0, and an attack of series 1."""
    same = (metric(0.3),) * len(levels)
    lines = [
        Line("a", 0, False, metric(0.5), levels, same),
        Line("a, noise", 0, True, metric(0.5), levels, same),
        Line("b", 1, False, metric(0.5), levels, same),
    ]
    return line_chart("t", "x", lines, 0.5, 360, 230, {lv: f"{lv:g}" for lv in levels}, beside=True)


def test_marks_of_one_budget_stand_side_by_side() -> None:
    middle = (LEFT + 52 + 360 - 14) / 2
    attack, noise, other = (line.marks[-1] for line in beside(4).lines)
    assert [attack.x, noise.x, other.x] == [middle - 13, middle, middle + 13]
    assert attack.y == noise.y == other.y


def test_a_control_is_hollow_and_leaves_the_clean_mark_to_its_attack() -> None:
    attack, noise, other = beside(4).lines
    assert [mark.hollow for line in (attack, noise, other) for mark in line.marks] == [
        False,
        False,
        True,
        False,
        False,
    ]
    assert [mark.title.partition(":")[0] for mark in noise.marks] == ["a, noise, 4"]
    assert [line.marks[0].x for line in (attack, other)] == [LEFT + 10 - 6.5, LEFT + 10 + 6.5]
    assert [line.start.split()[0] for line in (attack, noise)] == [f"M{LEFT + 10 - 6.5:.1f}"] * 2


def test_marks_of_several_budgets_stay_near_their_place() -> None:
    chart = beside(1, 2, 3)
    for line in chart.lines:
        places = [
            mark.x
            for mark in line.marks
            if not mark.title.startswith(f"{line.marks[0].title.partition(',')[0]}, clean")
        ]
        assert places == pytest.approx(
            [tick.at for tick in chart.x_ticks[1:]], abs=(chart.right - LEFT - 52) / 2 / 8 + 0.1
        )
    assert len({line.marks[-1].x for line in chart.lines}) == 3
