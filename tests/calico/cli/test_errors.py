"""What the command line makes of exceptions."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

import calico
from calico.cli.errors import show_user_errors
from calico.errors import CalicoError

ROOT = Path(__file__).parents[3]
OURS = str(Path(calico.__file__).parent / "config" / "gone.py")


def run(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> object:
    """Run a command that raises the error; the exit code."""

    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(sys, "argv", ["calico"])
    with pytest.raises(SystemExit) as end:
        show_user_errors(command)
    return end.value.code


def calico_command(*words: str, **variables: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "calico.cli.main", *words],
        cwd=ROOT,
        capture_output=True,
        check=False,
        env={**os.environ, **variables},
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (CalicoError("no such frame"), "error: no such frame"),
        (CalicoError("name 'a\x1b[2Jb\rc'"), r"error: name 'a\x1b[2Jb\rc'"),
        (
            NotADirectoryError(20, "Not a directory", "out/clean"),
            "error: out/clean: Not a directory",
        ),
        (PermissionError(13, "Permission denied", b"out"), "error: out: Permission denied"),
        (
            OSError(28, "No space left on device"),
            "error: standard output, or a file: No space left on device",
        ),
        (OSError(36, "File name too long", "x"), "error: x: File name too long"),
        (
            FileNotFoundError(2, "No usable temporary directory found in ['/tmp']"),
            "error: No usable temporary directory",
        ),
        (
            MemoryError(),
            "error: not enough memory (the system gives no more); smaller train.batch_size and ",
        ),
        (
            RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate\nmore"),
            "error: not enough memory ([enforce",
        ),
    ],
)
def test_mistakes_are_one_line(
    error: BaseException,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert run(error, monkeypatch) == 2
    said = capsys.readouterr().err
    assert said.startswith(message)
    assert said.count("\n") == 1
    assert ("--traceback" in said) == isinstance(error, OSError), "it may be a fault of our own"


@pytest.mark.parametrize(
    "error",
    [
        ValueError("not the user's"),
        OSError("of no number"),
        FileNotFoundError(2, "No such file or directory"),  # it names no file
        FileNotFoundError(2, "No such file or directory", OURS),  # a broken installation
        ConnectionRefusedError(111, "Connection refused", "somewhere"),
        OSError(9, "Bad file descriptor", "a"),
        KeyError("x"),
    ],
)
def test_faults_of_our_own_show_where_and_how_to_report_them(
    error: BaseException, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(error, monkeypatch) == 1
    said = capsys.readouterr().err
    assert "Traceback (most recent call last)" in said
    assert f"\ninternal error: {type(error).__name__}: {error}\n" in said
    assert "This is a fault of CALICO, not of your input. Please report it" in said


def test_an_interrupt_and_a_reader_that_went_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run(KeyboardInterrupt(), monkeypatch) == 130
    assert "go on with --resume" in capsys.readouterr().err
    assert run(BrokenPipeError(32, "Broken pipe"), monkeypatch) == 1
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("ask", [("--traceback",), ()])
def test_the_traceback_of_a_mistake_is_shown_when_asked_for(
    ask: tuple[str, ...], tmp_path: Path
) -> None:
    words = ("config", "check", "--config", str(tmp_path / "none.yaml"))
    plain = calico_command(*words, CALICO_TRACEBACK="0")
    shown = calico_command(*ask, *words, CALICO_TRACEBACK="" if ask else "1")
    assert plain.returncode == shown.returncode == 2
    assert plain.stderr.count(b"\n") == 1
    assert b"Traceback (most recent call last)" in shown.stderr
    assert shown.stderr.endswith(plain.stderr)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_a_name_that_the_console_cannot_print_changes_no_exit_code(encoding: str) -> None:
    done = calico_command("config", "check", "--set", "name=вид→", PYTHONIOENCODING=encoding)
    assert done.returncode == 0, done.stderr
    assert b"valid; 128 x 128 pillars" in done.stdout
    done = calico_command("config", "check", "--set", "вид=1", PYTHONIOENCODING=encoding)
    assert done.returncode == 2
    assert b"Traceback" not in done.stderr


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_behind_the_output_is_said() -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "calico.cli.main", "config", "show"],
            cwd=ROOT,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr.startswith(b"error: standard output, or a file: No space left on device")
    assert done.stderr.count(b"\n") == 1


def test_a_reader_that_stops_reading_gets_no_message() -> None:
    code = (
        "import subprocess, sys; p = subprocess.Popen([sys.executable, '-m', "
        "'calico.cli.main', "
        "'config', 'show'], "
    )
    code += (
        "stdout=subprocess.PIPE, stderr=subprocess.PIPE); p.stdout.close(); print(p.wait(), "
        "p.stderr.read())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "1 b''\n"
