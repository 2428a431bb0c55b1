"""Which values `--curve` means, and what it refuses."""

from __future__ import annotations

import pytest

from calico.errors import CalicoError
from calico_eval.evaluation.curve_request import parse_curve
from corruptions import CorruptionError


def test_equal_ratios_from_start_to_end() -> None:
    curve = parse_curve("fog.visibility_m=400:25:log5")
    assert curve.values == (400, 200, 100, 50, 25)
    assert curve.scale == "log"
    ratios = [a / b for a, b in zip(curve.values, curve.values[1:], strict=False)]
    assert ratios == pytest.approx([2.0] * 4)


def test_inner_values_have_four_digits_and_the_ends_all_of_theirs() -> None:
    curve = parse_curve("fog.visibility_m=400.125:20:log8")
    assert curve.values == (400.125, 260.8, 170.0, 110.8, 72.22, 47.08, 30.68, 20.0)
    assert curve.points[1].file_stem == "fog-visibility_m=260.8"


def test_equal_steps_and_lists_are_linear_and_run_from_mild_to_severe() -> None:
    assert parse_curve("point_drop.share_dropped=0.1:0.9:5").values == (0.1, 0.3, 0.5, 0.7, 0.9)
    assert parse_curve("point_drop.share_dropped=0.9:0.1:5").values == (0.1, 0.3, 0.5, 0.7, 0.9)
    listed = parse_curve("fog.visibility_m=50, 400, 200")
    assert (listed.values, listed.scale) == ((400, 200, 50), "linear")
    assert [str(point) for point in listed.points][-1] == "fog visibility_m=50"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "fog.visibility=400:20:8",
            "fog has visibility_m, got 'visibility'; write CORRUPTION.PARAMETER=START:END:N",
        ),
        ("fog=400:20:8", "fog has visibility_m, got 'no parameter'"),
        ("fog.visibility_m", "no values"),
        ("fog.visibility_m=", "cannot read ''"),
        ("fog.visibility_m=400:20", "cannot read '400:20'"),
        ("fog.visibility_m=400:20:ln8", "cannot read"),
        ("fog.visibility_m=400:20:8.5", "cannot read"),
        ("fog.visibility_m=400:20:1", "1 values, expected 2 to 1000"),
        ("fog.visibility_m=400:20:log100000000", "100000000 values, expected 2 to 1000"),
        ("fog.visibility_m=inf:20:log8", "'inf:20:log8' has an end that is not finite"),
        ("fog.visibility_m=400:nan:8", "'400:nan:8' has an end that is not finite"),
        ("fog.visibility_m=400", "one value, expected 2 or more"),
        ("fog.visibility_m=400,200,400", "holds 400 twice"),
        ("fog.visibility_m=400:400:3", "holds 400 twice"),
        ("point_drop.share_dropped=0:0.9:log4", "START and END above 0"),
    ],
)
def test_what_cannot_be_read_is_refused(text: str, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        parse_curve(text)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fgo.visibility_m=400:20:8", "unknown corruption 'fgo': did you mean 'fog'"),
        ("fog+camera_crash.visibility_m=400:20:8", "a pair, which has no single parameter"),
        ("fog.visibility_m=400:0.5:8", "visibility_m is 0.5, expected 1 to"),
        ("fog.visibility_m=400,nan", "visibility_m is nan"),
    ],
)
def test_what_the_corruption_does_not_have_is_refused(text: str, message: str) -> None:
    with pytest.raises(CorruptionError, match=message):
        parse_curve(text)
