import pytest

from reports.gate.evaluate import ExitCode
from reports.schema import Results
from tests.reports.small_run import CELLS, gate


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        ("data_hash", "0" * 64, "data hash"),
        ("suite_version", "2", "suite version"),
        ("data", "sim:test", "data:"),
        ("frames_hash", "0" * 64, "frames: other 80 frames"),
        ("ranges", {"car": 30.0}, "class ranges"),
    ],
)
def test_other_data_or_suite_is_not_comparable(
    small: Results, field: str, value: str, reason: str
) -> None:
    other = small.model_copy(
        update={"provenance": small.provenance.model_copy(update={field: value})}
    )
    report = gate(small, other, metric="mAP", condition="clean", max_drop=0.9)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert not report.passed
    assert reason in report.not_comparable[0]


def test_more_frames_than_the_baseline_are_another_question(small: Results) -> None:
    fewer = small.provenance.model_copy(update={"n_frames": small.provenance.n_frames - 1})
    other = small.model_copy(update={"provenance": fewer})
    report = gate(small, other, metric="mAP", condition="clean", max_drop=0.9)
    assert report.exit_code == ExitCode.NOT_COMPARABLE
    assert "frames:" in report.not_comparable[0]


def test_other_schema_major_is_not_comparable(small: Results) -> None:
    report = gate(
        small,
        small.model_copy(update={"schema_version": "0.9"}),
        metric="mAP",
        condition="clean",
        max_drop=0.9,
    )
    assert report.exit_code == ExitCode.NOT_COMPARABLE


def test_a_renamed_single_model_is_compared_with_the_single_model_of_the_baseline(
    small: Results,
) -> None:
    renamed = tuple(c.model_copy(update={"model": "old"}) for c in CELLS)
    report = gate(small, small.model_copy(update={"cells": renamed}), metric="mAP", max_drop=0)
    assert [check.state for check in report.checks] == ["passed"] * 4


def test_several_models_are_never_matched_by_guess(small: Results) -> None:
    two = (*CELLS, *(c.model_copy(update={"model": "other"}) for c in CELLS))
    renamed = tuple(c.model_copy(update={"model": "old"}) for c in CELLS)
    report = gate(
        small.model_copy(update={"cells": two}),
        small.model_copy(update={"cells": renamed}),
        metric="mAP",
        max_drop=0,
    )
    by_rule, lost = report.checks[:-1], report.checks[-1]
    assert {check.message for check in by_rule} == {"the baseline holds no such cell"}
    assert (lost.state, lost.model, lost.metric) == ("failed", "old", "engine")
