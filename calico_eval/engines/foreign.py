"""Run users' code so that it can neither end the run nor change how the rest of it computes."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn, TypeVar

import numpy as np

from calico.errors import CalicoError

T = TypeVar("T")
LONGEST = 400
"""Characters of a foreign text that a message shows."""


class ForeignError(CalicoError):
    """Users' code raised an error or returned something unexpected."""


class _EndedByModel(BaseException):
    """Raised instead of an `os._exit(0)`, which would end the run as if it were complete."""


def call_foreign(call: Callable[[], T], what: str) -> T:
    """Call users' code.

    Args:
        call: Function that reads all of a lazy answer, and raises ForeignError itself where the
            answer is wrong.
        what: Beginning of the message, e.g. 'model mine: predict'.

    Returns:
        The result of the call.

    Raises:
        ForeignError: The code raised any exception, also SystemExit, KeyboardInterrupt or
            GeneratorExit. That exception is the cause.
        KeyboardInterrupt: The user pressed Ctrl-C meanwhile, whether or not the code let it
            through.
    """
    with _watch_interrupts() as interrupts, _keep_settings():
        try:
            result = call()
        except ForeignError:
            raise
        except BaseException as error:
            if interrupts:
                raise KeyboardInterrupt from None
            raise ForeignError(f"{what} raised {describe_error(error)}") from error
    if interrupts:
        raise KeyboardInterrupt
    return result


def describe_error(error: BaseException) -> str:
    """Describe an exception in one line, with the place in the users' code that raised it."""
    told = f"{type(error).__name__}: {one_line(error)}"
    ours = (str(Path(__file__).parent), str(Path(importlib.__file__).parent), "<")
    theirs = [
        place
        for place in traceback.extract_tb(error.__traceback__)
        if not place.filename.startswith(ours)
    ]
    return (
        f"{told} at {theirs[-1].filename}:{theirs[-1].lineno} in {theirs[-1].name}"
        if theirs
        else told
    )


def one_line(value: object) -> str:
    """Write a foreign value as one line without control characters, of at most LONGEST."""
    try:
        text = str(value)
    except BaseException as error:  # its __str__ is foreign code, too
        return f"(its text cannot be had: {type(error).__name__})"
    text = "".join(letter if letter.isprintable() else " " for letter in text[: 2 * LONGEST])
    text = " ".join(text.split())
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} ..."


def refuse_silent_exit() -> None:
    """Make `os._exit(0)` raise in this process, because its exit code would report success.

    Other exit codes keep their effect, and so do processes that are forked from this one.
    """
    if getattr(os._exit, "refuses_zero", False):
        return
    really, owner = os._exit, os.getpid()

    def _exit(status: int) -> NoReturn:
        if status == 0 and os.getpid() == owner:
            raise _EndedByModel("os._exit(0) was called; a model may not end the run")
        really(status)

    _exit.refuses_zero = True  # type: ignore[attr-defined]
    os._exit = _exit


@contextmanager
def _watch_interrupts() -> Iterator[list[int]]:
    """Yield a list that fills when the process is interrupted.

    It tells a real interrupt from a KeyboardInterrupt that the users' code raises itself.
    """
    seen: list[int] = []
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield seen
        return

    def interrupted(number: int, frame: FrameType | None) -> None:
        seen.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, interrupted)
    try:
        yield seen
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _keep_settings() -> Iterator[None]:
    """Restore the settings of Python, numpy and torch that the rest of the run depends on.

    These are warnings, floating-point errors, recursion depth, working folder, gradients and dtype.
    """
    filters, errors, depth = warnings.filters[:], np.geterr(), sys.getrecursionlimit()
    folder = _working_folder()
    torch = sys.modules.get("torch")
    kept = (torch.is_grad_enabled(), torch.get_default_dtype()) if torch else None
    try:
        yield
    finally:
        if folder is not None and folder != _working_folder():
            os.chdir(folder)
        sys.setrecursionlimit(depth)
        np.seterr(**errors)
        if warnings.filters != filters:
            warnings.resetwarnings()  # also forgets what was shown under the other filters
            warnings.filters[:] = filters  # type: ignore[index]
        if torch and kept:
            torch.set_grad_enabled(kept[0])
            torch.set_default_dtype(kept[1])


def _working_folder() -> str | None:
    try:
        return os.getcwd()  # noqa: PTH109
    except FileNotFoundError:  # it was deleted
        return None
