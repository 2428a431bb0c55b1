"""A preset: a suite's corruptions, each at as many levels as the suite has."""

from __future__ import annotations

from dataclasses import dataclass

from corruptions.apply import as_whole_number, corrupt, corrupt_with
from corruptions.catalogue import find_corruptions
from corruptions.frame_like import F


@dataclass(frozen=True)
class Level:
    """A corruption (or several joined by "+") at one level.

    Attributes:
        name: Name of the corruption.
        severity: Number of the level, from 1.
        value: Value of the physical parameter. None where the level is our own severity.
    """

    name: str
    severity: int
    value: float | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "severity", as_whole_number(self.name, self.severity))

    @property
    def at(self) -> str:
        """'3', or 'visibility_m=87' with every digit, so that two values never share a file."""
        if self.value is None:
            return str(self.severity)
        return f"{find_corruptions(self.name)[0].parameter}={repr(self.value).removesuffix('.0')}"

    @property
    def file_stem(self) -> str:
        """'fog-3', 'fog-visibility_m=87': the name of its files and folders."""
        return f"{self.name}-{self.at}"

    def corrupt_frame(self, frame: F, seed: int) -> F:
        """Apply the level to a frame.

        Args:
            frame: Frame to corrupt.
            seed: Seed of the evaluation.

        Raises:
            CorruptionError: As for `corrupt`.
        """
        if self.value is None:
            return corrupt(frame, self.name, self.severity, seed)
        return corrupt_with(frame, self.name, self.value, seed)


@dataclass(frozen=True)
class Row:
    """One corruption of a suite, and the one that stands for it here.

    Attributes:
        suite_name: Name in the suite.
        name: Name here, or several joined by "+".
        values: Values of its parameter, level by level. Empty for a pair, and where our own
            severities stand for the levels.
        severities: Our own severities that stand for the levels.
        note: Where the suite's public code does something else than its name says, or we do.
    """

    suite_name: str
    name: str
    values: tuple[float, ...] = ()
    severities: tuple[int, ...] = ()
    note: str = ""

    @property
    def levels(self) -> tuple[Level, ...]:
        """One entry per level, the mildest first.

        The numbers are 1, 2, 3 ... unless they are our own severities.
        """
        if self.values:
            return tuple(
                Level(self.name, number, value) for number, value in enumerate(self.values, 1)
            )
        return tuple(Level(self.name, severity) for severity in self.severities)


@dataclass(frozen=True)
class Preset:
    """A suite.

    Attributes:
        name: Name of the preset.
        title: One line about it.
        source: Paper and public code.
        rows: Its corruptions.
        note: What holds for all of them.
    """

    name: str
    title: str
    source: str
    rows: tuple[Row, ...]
    note: str = ""

    @property
    def levels(self) -> tuple[Level, ...]:
        """All levels, row by row."""
        return tuple(level for row in self.rows for level in row.levels)
