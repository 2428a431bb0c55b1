"""Errors and deaths of worker processes are told in one line of the main process."""

from __future__ import annotations

import errno
import os
import posix
from pathlib import Path

import pytest

from calico.errors import CalicoError
from calico.workers import Failure, explain_dead_loader, run_jobs


class OddError(CalicoError):
    """An error that does not come back from pickling."""

    def __init__(self, one: str, two: str) -> None:
        super().__init__(one + two)


def raise_it(error: Exception) -> None:
    raise error


def test_a_process_that_dies_is_told_with_the_way_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        os, "_exit", posix._exit
    )  # a run with a user's model has put its own in this place
    with pytest.raises(CalicoError) as error:
        list(run_jobs(os._exit, [(9,)], 1, "finding regions of hand"))
    assert str(error.value) == (
        "finding regions of hand: a worker process died; most often the system kills one because "
        "memory runs out. What was "
        "done is kept: free memory and give the same command again"
    )


def test_an_error_in_a_process_is_raised_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"):
        list(run_jobs(os.stat, [(tmp_path / "gone",)], 1, "looking"))
    assert sorted(run_jobs(os.path.basename, [("a/b",), ("c/d",)], 2, "names")) == ["b", "d"]


@pytest.mark.parametrize(
    "error",
    [
        CalicoError("file x: broken"),
        OSError(errno.ENOENT, "no such file", "x"),
        MemoryError("no room"),
    ],
)
def test_a_failure_carries_the_error(error: Exception) -> None:
    failure = Failure.catch(lambda: raise_it(error))
    assert isinstance(failure, Failure)
    assert failure.error is error


def test_a_failure_carries_the_message_of_an_error_that_cannot_travel() -> None:
    failure = Failure.catch(lambda: raise_it(OddError("frame a: ", "broken")))
    assert isinstance(failure, Failure)
    assert type(failure.error) is CalicoError
    assert str(failure.error) == "frame a: broken"


def test_a_fault_of_our_own_keeps_its_traceback() -> None:
    with pytest.raises(KeyError, match="bug"):
        Failure.catch(lambda: raise_it(KeyError("bug")))


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "DataLoader worker (pid(s) 12, 13) exited unexpectedly",
            "a loader process died (pid 12, 13);",
        ),
        (
            "DataLoader worker (pid 12) is killed by signal: Killed. ",
            "(pid 12, killed by signal 'Killed'); most often",
        ),
        (
            "DataLoader worker (pid 12) is killed by signal: Bus error. It is possible",
            "memory or shared memory (/dev/shm)",
        ),
    ],
)
def test_torchs_words_become_ours(message: str, expected: str) -> None:
    with pytest.raises(CalicoError) as error, explain_dead_loader("stage prc"):
        raise RuntimeError(message)
    text = str(error.value)
    assert text.startswith("stage prc: ")
    assert expected in text
    assert "--resume goes on from the last checkpoint" in text
    assert "\n" not in text


def test_other_errors_pass() -> None:
    with pytest.raises(RuntimeError, match="shape"), explain_dead_loader("stage prc"):
        raise RuntimeError("shape mismatch")
