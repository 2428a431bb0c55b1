from __future__ import annotations

from reports.schema import Metric
from reports.svg.parameter_curves import half_value


def test_a_cut_interval_and_a_missing_one_say_so() -> None:
    cut = Metric(
        value=0.5,
        lo=0.4,
        hi=0.6,
        method="j, cut at the end of the curve",
        n_frames=5,
        n_scenes=2,
        unit="share",
    )
    value = half_value(cut)
    assert value is not None
    assert (value.text, value.interval, value.note) == (
        "50\u00a0%",
        "[40, 60]",
        "interval cut at the end of the curve",
    )
    value = half_value(cut.model_copy(update={"lo": None, "hi": None, "method": "no interval: x"}))
    assert value is not None
    assert (value.interval, value.note) == ("", "no interval: x")
