"""The rules of the gate, as a YAML file.

    rules:
      - {metric: mAP, condition: fog, severity: 3, min: 0.2}
      # against the same cell of --baseline
      - {metric: mAP, condition: clean, max_drop: 0.02}
      # against the clean cell of the same model and engine
      - {metric: mIoU, condition: "*", relative_to_clean_min: 0.5}
      # over all corruptions, of each engine of the model
      - {aggregate: mAP/mPC, model: fused, min: 0.15}

A rule is about a `metric` of cells or about an `aggregate` ('<metric>/<aggregate>', the keys of
`summary` in results.json). These two, `model`, `engine` and `condition` take the wildcards `*` and
`?`. If the last three are left out, they match everything. A rule that matches nothing is an error:
not run is not passed.
"""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    FiniteFloat,
    ValidationError,
    field_validator,
    model_validator,
)

from reports.errors import ReportError
from reports.files import read_yaml
from reports.schema import KINDS_OF_BEFORE
from reports.schema_errors import explain_errors

_OF_CELLS = ("condition", "kind", "severity", "parameters", "relative_to_clean_min")
_EXPONENT = re.compile(r"[+-]?[0-9]+(\.[0-9]*)?[eE][+-]?[0-9]{1,3}")
WORST_SEVERITY = 5


def _read_exponent(value: Any) -> Any:
    """Read 1e-3 as a number, which YAML takes for a text."""
    return float(value) if isinstance(value, str) and _EXPONENT.fullmatch(value) else value


Pattern = Annotated[str, Field(min_length=1)]
Bound = Annotated[FiniteFloat, BeforeValidator(_read_exponent)]


class Rule(BaseModel):
    """Which numbers a rule is about, and what they must be.

    Each bound makes one check per matching cell and metric, or per engine and aggregate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: Pattern | None = Field(None, description="Metric of cells.")
    aggregate: Pattern | None = Field(
        None, description="'<metric>/<aggregate>', e.g. mAP/mPC, in place of a metric of cells."
    )
    model: Pattern = "*"
    engine: Pattern = "*"
    condition: Pattern = Field(
        "*", description="Name of the condition; the clean one is named 'clean'."
    )
    kind: Literal["clean", "corruption", "curve", "attack"] | None = None
    severity: int | tuple[int, ...] | None = None
    parameters: dict[str, Bound | str] = Field(
        default_factory=dict, description="Parameters the condition must have, e.g. {eps: 8}."
    )
    min: Bound | None = Field(None, description="The value must be at least this.")
    max: Bound | None = Field(None, description="The value must be at most this.")
    max_drop: Bound | None = Field(
        None,
        ge=0,
        description="At most this much worse than the baseline's same cell, in the metric's unit "
        "(0.02 = 2 points).",
    )
    relative_to_clean_min: Bound | None = Field(
        None, description="Value / clean value must be at least this."
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _read_kind(cls, value: Any) -> Any:
        """Read the names of rules that were written for results before schema version 1.4."""
        return KINDS_OF_BEFORE.get(value, value) if isinstance(value, str) else value

    @field_validator("severity", mode="before")
    @classmethod
    def _is_severity(cls, value: Any) -> Any:
        """Accept a whole number from 0 to 5, or a list of different ones."""
        several = isinstance(value, (list, tuple))
        numbers = tuple(value) if several else (value,)
        good = all(type(number) is int and 0 <= number <= WORST_SEVERITY for number in numbers)
        if not numbers or not good or len(set(numbers)) < len(numbers):
            expected = (
                f"a whole number from 0 (clean, curves, attacks) to {WORST_SEVERITY}, or a list of "
                f"different ones"
            )
            raise ValueError(f"severity: expected {expected}")
        return numbers if several else value

    @field_validator("parameters")
    @classmethod
    def _has_parameters(cls, value: dict[str, float | str]) -> dict[str, float | str]:
        if not value:
            raise ValueError(
                "parameters: is empty and matches everything; leave it out, or name a parameter"
            )
        return value

    @model_validator(mode="after")
    def _one_subject(self) -> Rule:
        if (self.metric is None) is (self.aggregate is None):
            raise ValueError(
                "a rule needs either metric, of cells, or aggregate, over the corruptions of a "
                "model"
            )
        of_cells = [name for name in _OF_CELLS if name in self.model_fields_set]
        if self.aggregate is not None and of_cells:
            raise ValueError(
                f"{of_cells[0]} is for cells; an aggregate is over all corruptions of a model, "
                f"leave it out"
            )
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Rule:
        if all(
            bound is None
            for bound in (self.min, self.max, self.max_drop, self.relative_to_clean_min)
        ):
            raise ValueError("a rule needs a bound: min, max, max_drop or relative_to_clean_min")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(
                f"no value is at least {self.min:g} (min) and at most {self.max:g} (max)"
            )
        return self

    @property
    def pattern(self) -> str:
        """What the names of the metrics or aggregates must match."""
        return self.aggregate or self.metric or ""

    def to_text(self) -> str:
        """Return the rule in one line, as far as it differs from the default."""
        shown = self.model_dump(mode="json", exclude_defaults=True)
        return ", ".join(f"{key}: {value}" for key, value in shown.items())


class Rules(BaseModel):
    """The content of gate.yaml.

    Attributes:
        rules: The rules.
        accept: What the gate lets pass though nothing shows that it is sound. These are attacks on
            models whose gradients no sanity check can look at, and predictions that were made on
            frames that no effect check has seen.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(min_length=1)
    accept: tuple[
        Literal["attacks_without_sanity_verdict", "predictions_without_effect_check"], ...
    ] = ()


def read_rules(path: Path) -> Rules:
    """Read gate.yaml.

    Args:
        path: The file.

    Raises:
        ReportError: The file is missing, no strict YAML, has unknown keys, a value of the wrong
            type, or a rule without a bound.
    """
    content = read_yaml(path, "gate rules")
    if not isinstance(content, dict):
        raise ReportError(
            f"{path}: expected a mapping with the key 'rules', got {type(content).__name__}"
        )
    # as JSON: there, strict means that true is no number, and a tuple is written as a list
    try:
        return Rules.model_validate_json(json.dumps(content, default=str), strict=True)
    except ValidationError as error:
        raise ReportError(explain_errors(error, Rules, str(path))) from None


def matches_pattern(name: str, pattern: str) -> bool:
    """Say whether a name matches a pattern, in which only `*` and `?` are wildcards.

    Args:
        name: The name.
        pattern: The pattern.
    """
    return fnmatchcase(name, pattern.replace("[", "[[]"))
