import pytest

from reports.conditions import is_control
from reports.results_view import ResultsView
from reports.schema import Cell, Condition, Metric, Results


def cell(model: str, engine: str, condition: Condition, value: float | None, seed: int = 0) -> Cell:
    metric = Metric(value=value, reason="x" if value is None else None, n_frames=5, n_scenes=2)
    return Cell(
        id=f"{model}{engine}{condition.name}{condition.severity}{seed}",
        model=model,
        engine=engine,
        condition=condition,
        seed=seed,
        metrics={"mAP": metric},
    )


CLEAN = Condition(kind="clean", name="clean")


def fog(severity: int) -> Condition:
    return Condition(kind="corruption", name="fog", severity=severity)


def snow(severity: int) -> Condition:
    return Condition(kind="corruption", name="snow", severity=severity)


def view(results: Results, *cells: Cell) -> ResultsView:
    return ResultsView(results.model_copy(update={"cells": cells, "summary": {}}))


def test_mean_is_over_corruptions_first_then_severities(results: Results) -> None:
    looked = view(
        results,
        cell("fused", "e", CLEAN, 0.8),
        cell("fused", "e", fog(1), 0.6),
        cell("fused", "e", fog(2), 0.2),
        cell("fused", "e", snow(1), 0.7),
    )
    (series,) = looked.series
    mean = looked.corruption_mean(series, "mAP")
    assert mean is not None
    assert mean.value == pytest.approx((0.4 + 0.7) / 2)
    assert mean.lo is None
    assert looked.retained_share(series, "mAP", "fog") == pytest.approx(0.5)
    assert looked.by_loss(series, "mAP") == ("fog", "snow")
    worst = looked.worst_point(series, "mAP", "corruption")
    assert worst is not None
    assert (worst.condition.name, worst.condition.severity) == ("fog", 2)


def test_stored_summary_is_preferred(results: Results) -> None:
    looked = ResultsView(results)
    for series in looked.series:
        assert (
            looked.corruption_mean(series, "mAP")
            is results.summary[f"{series.model}/{series.engine}"]["mAP/mPC"]
        )


def test_seeds_are_averaged_without_an_interval(results: Results) -> None:
    looked = view(
        results, cell("fused", "e", CLEAN, 0.4, seed=0), cell("fused", "e", CLEAN, 0.6, seed=1)
    )
    (point,) = looked.find_points(looked.series[0], "mAP", "clean")
    assert point.metric.value == pytest.approx(0.5)
    assert (point.metric.lo, point.metric.method) == (None, "mean over seeds")


def test_an_undefined_cell_makes_the_mean_undefined_not_smaller(results: Results) -> None:
    looked = view(
        results,
        cell("fused", "e", CLEAN, 0.8),
        cell("fused", "e", fog(1), 0.6),
        cell("fused", "e", fog(2), None),
    )
    mean = looked.corruption_mean(looked.series[0], "mAP")
    assert mean is not None
    assert (mean.value, mean.reason) == (None, "undefined in one of the cells")
    assert looked.retained_share(looked.series[0], "mAP", "fog") is None


def test_series_follow_the_order_of_the_models_and_name_the_engine_where_there_are_several(
    results: Results,
) -> None:
    cells = [
        cell(m, e, CLEAN, 0.5)
        for m, e in (("lidar-only", "torch"), ("fused", "onnx"), ("fused", "torch"))
    ]
    assert [s.label for s in view(results, *cells).series] == [
        "fused (onnx)",
        "fused (torch)",
        "lidar-only (torch)",
    ]
    assert [s.label for s in view(results, cells[1]).series] == ["fused"]


def test_a_noise_control_is_never_the_worst_attack(results: Results) -> None:
    noise = Condition(kind="attack", name="uniform_noise", parameters={"eps": 8})
    attack = Condition(kind="attack", name="pgd", parameters={"eps": 8})
    looked = view(results, cell("fused", "e", noise, 0.1), cell("fused", "e", attack, 0.3))
    worst = looked.worst_point(looked.series[0], "mAP", "attack")
    assert worst is not None
    assert worst.condition.name == "pgd"
    assert is_control(noise)
    assert not is_control(fog(1))


def test_what_changes_no_sensor_of_the_model_is_in_no_average_and_no_worst_case(
    results: Results,
) -> None:
    def blur(severity: int) -> Condition:
        return Condition(
            kind="corruption", name="motion_blur", severity=severity, sensors=("camera",)
        )

    both = Condition(kind="corruption", name="fog", severity=1, sensors=("camera", "lidar"))
    cells = [
        cell("lidar-only", "e", CLEAN, 0.8),
        cell("lidar-only", "e", blur(1), 0.1),
        cell("lidar-only", "e", both, 0.6),
    ]
    looked = view(results, *cells)
    (series,) = looked.series
    assert looked.unused_corruptions(series) == ("motion_blur",)
    assert looked.averaged_conditions(series) == (both,)
    mean = looked.corruption_mean(series, "mAP")
    assert mean is not None
    assert mean.value == 0.6
    assert looked.retained_share(series, "mAP", "motion_blur") is None
    assert looked.by_loss(series, "mAP") == ("fog", "motion_blur")
    worst = looked.worst_point(series, "mAP", "corruption")
    assert worst is not None
    assert worst.condition == both


def test_a_model_or_condition_without_stated_sensors_uses_all(results: Results) -> None:
    looked = view(results, cell("unknown", "e", fog(1), 0.5), cell("fused", "e", fog(1), 0.5))
    assert [looked.unused_corruptions(series) for series in looked.series] == [(), ()]
