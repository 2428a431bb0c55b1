import pytest

from calico.cli.progress import Progress


def lines(capsys: pytest.CaptureFixture[str]) -> list[str]:
    return capsys.readouterr().err.splitlines()


def test_a_line_per_tenth_of_the_work(capsys: pytest.CaptureFixture[str]) -> None:
    progress = Progress("frames")
    for done in range(1, 101):
        progress(done, 100)
    expected = [f"frames: {done}/100" for done in (1, *range(10, 101, 10))]
    assert lines(capsys) == expected


def test_numbers_are_shown_with_three_digits(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("finetune")(5, 5, {"total": 1.23456, "lr": 0.002})
    assert lines(capsys) == ["finetune: 5/5 total=1.23 lr=0.002"]


def test_no_work_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    Progress("frames")(0, 0)
    assert lines(capsys) == []
