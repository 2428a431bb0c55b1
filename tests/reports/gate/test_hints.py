from typing import Any

import pytest

from reports.schema import Results
from tests.reports.small_run import gate, metric


@pytest.mark.parametrize(
    ("rule", "hint"),
    [
        ({"condition": "claen"}, "; did you mean clean?"),
        ({"condition": "fog", "severity": 5}, "; severities that were run: 1, 3"),
        ({"kind": "curve"}, ": not run is not passed"),
    ],
)
def test_a_rule_without_cells_says_what_is_there(
    small: Results, rule: dict[str, Any], hint: str
) -> None:
    (check,) = gate(small, metric="mAP", min=0.01, **rule).checks
    assert check.state == "error"
    assert check.message.endswith(hint)


def test_an_unknown_metric_names_the_nearest(small: Results) -> None:
    (check,) = gate(small, metric="mapp", condition="clean", min=0.01).checks
    assert (check.state, check.message) == (
        "error",
        "the cell holds no metric mapp; did you mean mAP?",
    )
    (check,) = gate(small, metric="mIoU", condition="clean", min=0.01).checks
    assert check.message == "the cell holds no metric mIoU"


@pytest.mark.parametrize("name", ["mPC", "mAP/mPC"])
def test_an_aggregate_is_no_metric_of_a_cell(small: Results, name: str) -> None:
    with_summary = small.model_copy(update={"summary": {"m/torch": {"mAP/mPC": metric(0.2)}}})
    (check,) = gate(with_summary, metric=name, condition="clean", min=0.01).checks
    assert check.message == (
        f"the cell holds no metric {name}: it is an aggregate over cells; write aggregate: mAP/mPC "
        f"in place of metric: {name}"
    )
