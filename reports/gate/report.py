"""What the gate found, as data: the one input of every gate writer."""

from __future__ import annotations

from enum import IntEnum
from typing import Literal

from pydantic import BaseModel, ConfigDict, model_validator

from reports.schema import Metric

State = Literal["passed", "failed", "error", "inconclusive"]
BoundKind = Literal["min", "max", "max_drop", "relative_to_clean_min"]
DemandKind = Literal["baseline", "effect", "budget"]
"""What every gate asks, whichever rules there are.

All that the baseline held must be there, and the checks of every cell must have passed.
"""


class ExitCode(IntEnum):
    """Exit codes of `calico gate`. 130, interrupted, is the shell's own."""

    PASSED = 0
    INTERNAL_ERROR = 1
    USAGE = 2
    REGRESSION = 3
    INCONCLUSIVE = 4
    NOT_COMPARABLE = 5


class GateCheck(BaseModel):
    """One bound of one rule on one number of a cell or of an engine, or a demand of every gate.

    An error (not run, undefined) counts as a failure. An inconclusive check rests on attack figures
    that a failed sanity check makes suspect.

    Attributes:
        state: Passed, failed, error or inconclusive.
        rule: Number of the rule. None, like the bound, for a demand of every gate.
        bound_kind: Kind of the bound or demand.
        bound: The bound.
        observed: The number that was compared.
        message: Why.
        metric: Name of the number.
        model: Name of the model.
        engine: Name of the engine.
        condition: The condition, or the corruptions that an aggregate is over.
        cell: Id of the cell. None for an aggregate.
        value: The metric.
        reference: The metric that it was compared with.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    state: State
    rule: int | None
    bound_kind: BoundKind | DemandKind
    bound: float | None
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
    """All checks, and why a comparison with the baseline is not allowed.

    Attributes:
        title: Title of the run.
        results_sha256: Hash (`results_file.results_hash`) of the results that were checked.
        rules: The rules in words.
        checks: The checks.
        not_comparable: Why the comparison is void. Empty where it is allowed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    results_sha256: str
    rules: tuple[str, ...]
    checks: tuple[GateCheck, ...]
    not_comparable: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _rules_exist(self) -> GateReport:
        for check in self.checks:
            if check.rule is not None and not 0 <= check.rule < len(self.rules):
                raise ValueError(
                    f"a check is about rule {check.rule}, but there are {len(self.rules)}"
                )
        return self

    def rule_of(self, check: GateCheck) -> str:
        """Return the rule that a check comes from, in words."""
        return "asked of every run" if check.rule is None else self.rules[check.rule]

    @property
    def exit_code(self) -> ExitCode:
        """5 before 3: where the comparison is void, its verdicts are too.

        3 before 4: a certain failure decides.
        """
        if self.not_comparable:
            return ExitCode.NOT_COMPARABLE
        if self.passed:
            return ExitCode.PASSED
        certain = not self.checks or self.count("failed") or self.count("error")
        return ExitCode.REGRESSION if certain else ExitCode.INCONCLUSIVE

    @property
    def passed(self) -> bool:
        """Whether every check passed, and there was one."""
        return (
            bool(self.checks)
            and not self.not_comparable
            and all(check.state == "passed" for check in self.checks)
        )

    def count(self, state: State) -> int:
        """Count the checks that ended in a state."""
        return sum(check.state == state for check in self.checks)
