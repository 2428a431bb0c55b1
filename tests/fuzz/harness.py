"""What a reader may do with a damaged file: give a value, or refuse it in a message that names the
file.

The message is the one that the command line prints with exit code 2
(`calico.cli.errors.user_message`). Any other exception, a warning or a hang is a fault of the
reader.
"""

from __future__ import annotations

import random
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any

from calico.cli.errors import user_message

SECONDS = 20
"""A reader that takes longer hangs."""
MOST_CHARACTERS = 1500
"""Of a line of a message."""
Damage = Callable[[random.Random, bytes], bytes]


@dataclass(frozen=True)
class Subject:
    """A kind of file and its reader.

    Args:
        name: For the test's name.
        make: Writes an original into a folder; returns the file that is damaged.
        read: What the product makes of the file; the result is compared by `==`.
        damage: Changes values of the content; None where only bytes are changed.
        stored: We wrote the file ourselves, with a checksum: no change may be accepted.
        absent: The reader's result that means "not there or not to be trusted; made again".
        named: One of these must be in the message; default: the file's name.
        lines: Most lines of the message.
    """

    name: str
    make: Callable[[Path], Path]
    read: Callable[[Path], Any]
    damage: Damage | None = None
    stored: bool = False
    absent: Any = ...
    named: tuple[str, ...] = ()
    lines: int = 1


class Hang(BaseException):
    """The reader took longer than `SECONDS`."""


def judge(subject: Subject, file: Path, original: Any, note: str) -> str:
    """Read a damaged file; says "same", "other" or "refused".

    Raises:
        AssertionError: The reader did what it must not, with a note that says how to do it again.
    """
    try:
        with _limited_time():
            value = subject.read(file)
    except Hang:
        raise AssertionError(f"{subject.name}: hangs on {note}") from None
    except Exception as error:
        message = None if isinstance(error, MemoryError) else user_message(error)
        if message is None:
            raise AssertionError(
                f"{subject.name}: {type(error).__name__}: {error} on {note}"
            ) from error
        _check_message(subject, file, message, note)
        return "refused"
    if subject.absent is not ... and value is subject.absent:
        return "refused"
    return "same" if equal(value, original) else "other"


def fuzz(
    subject: Subject, folder: Path, damage: Damage, rounds: int, seed: int = 0
) -> Counter[str]:
    """Damage a file again and again, each time from its original.

    Args:
        subject: The kind of file.
        folder: An empty folder.
        damage: How.
        rounds: How often.
        seed: Of the first round; round k of seed s is round 0 of seed s + k.

    Returns:
        How often the reader gave the same value, another one, or refused.
    """
    file = subject.make(folder)
    content = file.read_bytes()
    original = subject.read(file)
    found: Counter[str] = Counter()
    for number in range(seed, seed + rounds):
        changed = damage(random.Random(f"{subject.name} {number}"), content)
        if changed == content:
            continue
        file.write_bytes(changed)
        found[
            judge(
                subject, file, original, f"seed {number} of {getattr(damage, '__name__', damage)}"
            )
        ] += 1
    file.write_bytes(content)
    assert equal(subject.read(file), original), (
        f"{subject.name}: the original is read differently the second time"
    )
    return found


def equal(a: Any, b: Any) -> bool:
    """Compare results that may hold arrays."""
    if type(a) is not type(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(equal, a, b))
    if hasattr(a, "tobytes"):
        return bool((a.dtype, a.shape) == (b.dtype, b.shape) and a.tobytes() == b.tobytes())
    return bool(a == b)


def _check_message(subject: Subject, file: Path, message: str, note: str) -> None:
    lines = message.splitlines()
    shown = f"{subject.name} on {note}: {message[:2000]!r}"
    assert len(lines) <= subject.lines, f"message of {len(lines)} lines: {shown}"
    assert max(map(len, lines), default=0) <= MOST_CHARACTERS, f"endless line: {shown}"
    assert any(name in message for name in subject.named or (file.name,)), f"names no file: {shown}"


@contextmanager
def _limited_time() -> Iterator[None]:
    def stop(number: int, frame: FrameType | None) -> None:
        raise Hang

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
