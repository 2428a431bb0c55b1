import pytest

from reports.formatting import SPACE
from reports.schema import Metric
from reports.shown_value import show_value


def metric(value: float | None, higher: bool = True, **more: float) -> Metric:
    reason = "no object" if value is None else None
    return Metric(
        value=value, reason=reason, n_frames=40, n_scenes=4, higher_is_better=higher, **more
    )


def test_interval_sample_and_share_of_clean() -> None:
    shown = show_value(metric(0.32, lo=0.25, hi=0.36), "fog", clean=metric(0.4))
    assert shown.text == f"32.0{SPACE}%"
    assert shown.interval == "[25.0, 36.0]"
    assert shown.sample == f"40{SPACE}frames, 4{SPACE}scenes"
    assert (shown.kept, shown.shade, shown.note) == (f"80{SPACE}%", 2, "fog")  # a fifth is lost


@pytest.mark.parametrize(
    ("old", "higher", "trend"),
    [(0.2, True, "better"), (0.2, False, "worse"), (0.4, True, "worse"), (0.3001, True, "same")],
)
def test_trend_by_direction_as_far_as_shown(old: float, higher: bool, trend: str) -> None:
    assert show_value(metric(0.3, higher), old=metric(old, higher)).trend == trend


def test_what_is_not_there_says_so() -> None:
    assert show_value(None).text == "not run"
    undefined = show_value(metric(None), "fog")
    assert (undefined.text, undefined.note) == ("undefined", "fog: no object")
