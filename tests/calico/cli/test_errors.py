"""What the command line makes of exceptions."""

from __future__ import annotations

import sys

import click
import pytest

from calico.cli.errors import show_user_errors
from calico.errors import CalicoError


def run(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs a command that raises the error."""

    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["calico"])
    show_user_errors(command)


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (CalicoError("no such frame"), 2, "error: no such frame"),
        (NotADirectoryError(20, "Not a directory", "out/clean"), 2, "error: out/clean: Not a directory"),
        (OSError(28, "No space left on device"), 2, "error: No space left on device"),
        (OSError("of no number"), 2, "error: of no number"),
    ],
)
def test_mistakes_are_one_line(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(SystemExit) as end:
        run(error, monkeypatch)
    assert end.value.code == code
    assert capsys.readouterr().err == message + "\n"


def test_faults_of_our_own_keep_their_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="not the user's"):
        run(ValueError("not the user's"), monkeypatch)
