from reports.attack_parameters import attack_allowances, attack_effort, attack_metrics, title_of
from reports.results_view import ResultsView
from reports.schema import Condition, Results

PGD = Condition(
    kind="attack",
    name="camera_pgd",
    parameters={"camera_levels": 4, "steps": 20, "restarts": 2, "range_m": 0.1},
)


def test_every_parameter_is_an_allowance_or_effort() -> None:
    assert attack_allowances(PGD) == {"camera_levels": 4, "range_m": 0.1}
    assert attack_effort(PGD) == {"steps": 20, "restarts": 2}


def test_the_success_rate_is_a_metric_where_the_file_holds_it(whole: Results) -> None:
    assert attack_metrics(ResultsView(whole))[-1] == "ASR"
    without = tuple(
        cell.model_copy(update={"metrics": {n: m for n, m in cell.metrics.items() if n != "ASR"}})
        for cell in whole.cells
    )
    view = ResultsView(whole.model_copy(update={"cells": without}))
    assert "ASR" not in attack_metrics(view)


def test_titles() -> None:
    assert title_of("ASR") == "Attack success rate, ASR"
    assert title_of("mAP") == "3D detection, mAP"
    assert title_of("latency") == "latency"
