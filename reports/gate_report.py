"""What the gate found, as data: the one input of every gate writer."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict

from reports.schema import Metric

State = Literal["passed", "failed", "error", "inconclusive"]
BoundKind = Literal["min", "max", "max_drop", "relative_to_clean_min"]


class ExitCode(IntEnum):
    """Exit codes of `calico gate` (130, interrupted, is the shell's own)."""

    PASSED = 0
    INTERNAL_ERROR = 1
    USAGE = 2
    REGRESSION = 3
    INCONCLUSIVE = 4
    NOT_COMPARABLE = 5


class GateCheck(BaseModel):
    """One bound of one rule on one metric of one cell, or on one aggregate of one engine.

    An error (not run, undefined) counts as a failure.

    condition: of an aggregate the corruptions that it is over; cell: None then.

    Inconclusive: it rests on attack figures that a failed sanity check makes suspect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State
    rule: int
    bound_kind: BoundKind
    bound: float
    observed: float | None
    message: str
    metric: str
    model: str | None = None
    engine: str | None = None
    condition: str | None = None
    cell: str | None = None
    value: Metric | None = None
    reference: Metric | None = None


class GateReport(BaseModel):
    """All checks, and why a comparison with the baseline is not allowed, if it is not.

    results_sha256: the hash (`schema.results_hash`) of what was checked.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    results_sha256: str
    rules: tuple[str, ...]
    checks: tuple[GateCheck, ...]
    not_comparable: tuple[str, ...] = ()

    @property
    def exit_code(self) -> ExitCode:
        """5 before 3: where the comparison is void, its verdicts are too; 3 before 4: a certain failure is one."""
        if self.not_comparable:
            return ExitCode.NOT_COMPARABLE
        if self.passed:
            return ExitCode.PASSED
        certain = not self.checks or self.count("failed") or self.count("error")
        return ExitCode.REGRESSION if certain else ExitCode.INCONCLUSIVE

    @property
    def passed(self) -> bool:
        """Every check passed, and there was one."""
        return bool(self.checks) and not self.not_comparable and all(check.state == "passed" for check in self.checks)

    def count(self, state: State) -> int:
        """How many checks ended in a state."""
        return sum(check.state == state for check in self.checks)
