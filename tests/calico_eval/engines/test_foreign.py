"""Code of the users can neither end the run nor change how the rest of it computes; a real Ctrl-C
still interrupts."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from calico_eval.engines.foreign import ForeignError, call_foreign, one_line

ROOT = Path(__file__).parents[3]


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)
    for _ in range(1000):  # the handler runs between two steps of the interpreter
        pass


def swallow() -> None:
    with contextlib.suppress(BaseException):
        press_ctrl_c()


def replace_error() -> None:
    try:
        press_ctrl_c()
    except BaseException:
        raise ValueError("lost") from None


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Python's own handler: processes that a shell starts in the background ignore the
    interrupt."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("code", [press_ctrl_c, swallow, replace_error])
def test_a_real_interrupt_stays_one(code: Callable[[], None]) -> None:
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        call_foreign(code, "model")
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_that_the_code_sets_is_taken_back() -> None:
    before = signal.getsignal(signal.SIGINT)
    call_foreign(lambda: signal.signal(signal.SIGINT, signal.SIG_IGN), "model")
    assert signal.getsignal(signal.SIGINT) is before


def change_settings() -> None:
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    sys.setrecursionlimit(sys.getrecursionlimit() + 17)
    torch.set_grad_enabled(False)
    torch.set_default_dtype(torch.float64)
    os.chdir("/")


def settings() -> tuple[object, ...]:
    numbers = tuple(sorted(np.geterr().items())), sys.getrecursionlimit()
    return (
        Path.cwd(),
        list(warnings.filters),
        *numbers,
        torch.is_grad_enabled(),
        torch.get_default_dtype(),
    )


@pytest.mark.parametrize("fails", [False, True])
def test_settings_are_as_they_were(fails: bool) -> None:
    before = settings()

    def code() -> None:
        change_settings()
        assert settings() != before
        if fails:
            raise SystemExit(0)

    if fails:
        with pytest.raises(ForeignError, match="model raised SystemExit: 0"):
            call_foreign(code, "model")
    else:
        call_foreign(code, "model")
    assert settings() == before


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a\r\nb\x1b[0m\x00c\u2028d", "a b [0m c d"),
        ("x" * 1000, "x" * 400 + " ..."),
        (Path, "<class 'pathlib.Path'>"),
    ],
)
def test_foreign_text_is_one_line(value: object, text: str) -> None:
    assert one_line(value) == text


MODEL = """
import atexit, os, sys, threading
from os import _exit
class M:
    sensors = ("lidar",)
    def predict(self, frames):
        {predict}
        return [dict(boxes=[], scores=[], labels=[]) for _ in frames]
def build():
    {factory}
    return M()
"""
RUN = """
import sys
from calico_eval.engines.load_user import load_user_engine
from calico.frame import Boxes
engine = load_user_engine("quits:build")
print("loaded")
from tests_street import Street
engine.predict([Street()[0]])
print("predicted")
sys.exit(3)
"""


@pytest.mark.parametrize(
    ("factory", "predict", "code", "said"),
    [
        ("pass", "pass", 3, "predicted"),
        ("os._exit(0)", "pass", 1, ""),
        ("pass", "os._exit(0)", 1, "loaded"),
        ("pass", "_exit(0)", 1, "loaded"),
        ("atexit.register(lambda: os._exit(0))", "pass", 3, "predicted"),
        ("atexit.register(sys.exit, 0)", "pass", 3, "predicted"),
        ("threading.Thread(target=os._exit, args=(0,)).start()", "pass", 3, "predicted"),
        ("pass", "os._exit(5)", 5, "loaded"),
        ("pass", "sys.exit(0)", 1, "loaded"),
        ("pass", "os.fork() or os._exit(0)", 3, "predicted"),
    ],
)
def test_no_model_ends_the_process_with_0(
    factory: str, predict: str, code: int, said: str, tmp_path: Path
) -> None:
    (tmp_path / "quits.py").write_text(MODEL.format(factory=factory, predict=predict))
    (tmp_path / "tests_street.py").write_text((ROOT / "tests/calico_eval/street.py").read_text())
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    assert done.stdout.split()[-1:] == said.split()
