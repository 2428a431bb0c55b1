"""Worker processes: their errors reach the main process as they are.

A process that dies becomes one line that says what was kept and how to go on.
"""

from __future__ import annotations

import pickle
import re
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, TypeVar

from calico.errors import CalicoError

T = TypeVar("T")
_LOADER = re.compile(
    r"DataLoader worker \(pid\(?s?\)? ?([\d, ]+)\)(?: is killed by signal: ([^.]+)\.)?"
)


def run_jobs(
    function: Callable[..., T], jobs: Sequence[tuple[Any, ...]], workers: int, what: str
) -> Iterator[T]:
    """Run a function on many arguments in processes of their own.

    Args:
        function: Of a module, so that it can be pickled.
        jobs: Arguments of each call.
        workers: Number of processes.
        what: Name of the work for the message.

    Returns:
        The results, in the order in which they come.

    Raises:
        CalicoError: A process died. What the others had done is kept where the function keeps it.
        Exception: What the function raised; jobs that had not begun are dropped.
    """
    pool = ProcessPoolExecutor(workers, mp_context=get_context("spawn"))
    try:
        for future in as_completed([pool.submit(function, *job) for job in jobs]):
            yield future.result()
    except BrokenProcessPool:
        raise CalicoError(
            f"{what}: a worker process died; most often the system kills one because memory runs "
            "out. What was done is kept: "
            "free memory and give the same command again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)


@dataclass(frozen=True)
class Failure:
    """An error of the input or of the system, on its way from a loader's process to the main one.

    Attributes:
        error: The error.
    """

    error: Exception

    @staticmethod
    def catch(make: Callable[[], T]) -> T | Failure:
        """Call a function and return its result, or the failure.

        An error that is neither the input's nor the system's is raised, with its traceback.

        Args:
            make: The function.
        """
        try:
            return make()
        except Exception as error:
            if not (
                getattr(error, "is_user_error", False) or isinstance(error, OSError | MemoryError)
            ):
                raise
            return Failure(error if _survives_pickling(error) else CalicoError(str(error)))


@contextmanager
def explain_dead_loader(what: str) -> Iterator[None]:
    """Explain the death of a DataLoader's process inside the block.

    Torch raises an error about it at any line of the main process.

    Args:
        what: Name of the work for the message.

    Raises:
        CalicoError: A process of a loader died.
    """
    try:
        yield
    except RuntimeError as error:
        found = _LOADER.search(str(error))
        if found is None:
            raise
        signal = f", killed by signal {found[2].strip()!r}" if found[2] else ""
        shared = (
            " or shared memory (/dev/shm)"
            if "shm" in str(error) or "Bus error" in str(error)
            else ""
        )
        raise CalicoError(
            f"{what}: a loader process died (pid {found[1].strip()}{signal}); most often because "
            f"memory{shared} runs out. The "
            "same command with --resume goes on from the last checkpoint; fewer processes need "
            "less memory and give the same "
            "result, e.g. --set data.workers=0"
        ) from None


def _survives_pickling(error: Exception) -> bool:
    try:
        return type(pickle.loads(pickle.dumps(error))) is type(error)
    except Exception:  # an exception may define anything about its pickling
        return False
