import math

import pytest

from reports.known_metrics import known_aggregate, known_metric, limits_of


@pytest.mark.parametrize(
    ("name", "unit", "limits", "higher"),
    [
        ("mAP", "fraction", (0.0, 1.0), True),
        ("mATE", "m", (0.0, 2.0), False),  # a true positive lies within 2 m
        ("mAOE", "rad", (0.0, math.pi), False),
        ("AP/car", "fraction", (0.0, 1.0), True),
        ("IoU/divider", "fraction", (0.0, 1.0), True),
        ("mAPH_L2", "fraction", (0.0, 1.0), True),
        ("mAP_L1_present", "fraction", (0.0, 1.0), True),
        ("APH_L2/vehicle/0-30m", "fraction", (0.0, 1.0), True),
        ("LET-APL/vehicle", "fraction", (0.0, 1.0), True),
    ],
)
def test_metrics_by_name_and_family(
    name: str, unit: str, limits: tuple[float, float], higher: bool
) -> None:
    known = known_metric(name)
    assert known is not None
    assert (known.unit, known.higher_is_better) == (unit, higher)
    assert limits_of(name, "something else") == limits


def test_unknown_names_are_bounded_by_their_unit() -> None:
    assert known_metric("latency") is None
    assert known_metric("car") is None
    assert limits_of("latency", "m") == (0.0, math.inf)
    assert limits_of("latency", "ms") == (-math.inf, math.inf)


def test_aggregates_are_known_behind_their_metric() -> None:
    # mRRA is a relative gain, from -1; RCE a relative loss, to 1.
    assert limits_of("mAP/mRRA", "fraction", aggregate=True) == (-1.0, math.inf)
    assert limits_of("NDS/RCE", "fraction", aggregate=True) == (-math.inf, 1.0)
    assert known_aggregate("mAP/mean") is None
