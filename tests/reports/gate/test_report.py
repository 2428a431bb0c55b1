from reports.gate.evaluate import ExitCode, GateReport
from reports.schema import Results
from tests.reports.small_run import gate


def test_report_round_trips_as_json(small: Results) -> None:
    report = gate(small, metric="mAP", min=0.25)
    assert GateReport.model_validate_json(report.model_dump_json()) == report
    assert (report.count("passed"), report.count("failed"), report.count("error")) == (2, 2, 0)


def test_exit_codes_are_the_published_ones() -> None:
    assert {code.name: code.value for code in ExitCode} == {
        "PASSED": 0,
        "INTERNAL_ERROR": 1,
        "USAGE": 2,
        "REGRESSION": 3,
        "INCONCLUSIVE": 4,
        "NOT_COMPARABLE": 5,
    }
