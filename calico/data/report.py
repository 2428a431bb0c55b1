"""The result of a data set's check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from calico.errors import CalicoError
from calico.frame import Boxes
from calico.taxonomy import Taxonomy

MAX_PROBLEMS = 20
Progress = Callable[[int, int], None]


@dataclass
class DataReport:
    """The result of a check.

    Attributes:
        facts: (name, value) pairs.
        notes: What is legal but worth knowing.
        problems: What keeps frames from loading or makes results wrong.
    """

    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every frame can be loaded and none contradicts itself."""
        return not self.problems

    def add_problem(self, problem: str) -> None:
        """Note a problem, once."""
        if problem not in self.problems:
            self.problems.append(problem)

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keeps what the block complains of, once."""
        try:
            yield
        except CalicoError as error:
            self.add_problem(str(error))

    def lines(self) -> list[str]:
        """The report as text."""
        width = max((len(name) for name, _ in self.facts), default=0)
        result = [f"{name:<{width}}  {value}" for name, value in self.facts]
        result += [f"note: {note}" for note in self.notes]
        result += [f"problem: {problem}" for problem in self.problems[:MAX_PROBLEMS]]
        if len(self.problems) > MAX_PROBLEMS:
            result.append(f"... and {len(self.problems) - MAX_PROBLEMS} more problems")
        count = len(self.problems)
        result.append("all there" if self.ok else f"{count} problem{'s' if count > 1 else ''}")
        return result


def count_classes(boxes: Iterable[Boxes], taxonomy: Taxonomy) -> str:
    """Count objects by class, as 'car 12, truck 3'.

    Args:
        boxes: The objects of some frames.
        taxonomy: Their classes, in whose order they are counted.
    """
    counts = Counter(int(label) for one in boxes for label in one.labels)
    named = [
        f"{name} {counts[label]}" for label, name in enumerate(taxonomy.names) if counts[label]
    ]
    return ", ".join(named) or "none"
