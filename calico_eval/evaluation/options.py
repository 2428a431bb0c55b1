"""How an evaluation is carried out, apart from what it measures."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

Progress = Callable[[int, int, str], None]
"""Called with the steps done, the steps in all, and what is running. A step is a frame in a
cell."""


@dataclass(frozen=True)
class RunOptions:
    """How an evaluation is written to its folder.

    Attributes:
        title: Title of the report.
        command: Words that the user typed, for the report.
        config_yaml: Text of the resolved configuration, kept as config.yaml. None keeps no such
            file.
        save_attacked: Whether attacked frames are kept, in attacked/<cell>/ of the first engine
            that
            sees them.
        pictures: Whether the gallery is drawn.
        sanity: Whether the sanity verdict of the attacks is made. Without it their figures are
            unchecked, and reports say so.
        resume: Whether to go on with the run that the folder holds.
        overwrite: Whether to delete what the folder holds.
    """

    title: str
    command: Sequence[str] = ()
    config_yaml: str | None = None
    save_attacked: bool = False
    pictures: bool = True
    sanity: bool = True
    resume: bool = False
    overwrite: bool = False


@dataclass(frozen=True)
class Listeners:
    """Who hears how an evaluation goes.

    Attributes:
        progress: Hears of every step.
        warn: Hears of cells that are computed again, of prediction files that are copies of
            clean.json, and of models that answer differently when they are asked twice.
    """

    progress: Progress = lambda done, total, what: None
    warn: Callable[[str], None] = lambda message: None


class Steps:
    """Count frames in cells, and report how far a run is."""

    def __init__(self, progress: Progress, total: int) -> None:
        """Start at zero.

        Args:
            progress: Is called after every step.
            total: Number of steps of the run.
        """
        self._progress, self._total, self._done = progress, total, 0

    def count_frames(self, count: int, what: str) -> None:
        """Count frames that are done.

        Args:
            count: Number of frames; 0 only reports what is running.
            what: What is running.
        """
        self._done += count
        self._progress(self._done, self._total, what)
