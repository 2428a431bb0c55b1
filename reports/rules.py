"""The rules of the gate, as a YAML file.

    rules:
      - {metric: mAP, condition: fog, severity: 3, min: 0.2}
      - {metric: mAP, condition: clean, max_drop: 0.02}             # against the same cell of --baseline
      - {metric: mIoU, condition: "*", relative_to_clean_min: 0.5}  # against the clean cell of the same model and engine
      - {aggregate: mAP/mPC, model: fused, min: 0.15}               # over all corruptions, of each engine of the model

A rule is about a `metric` of cells or about an `aggregate` ('<metric>/<aggregate>', the keys of `summary` in results.json).
These two, `model`, `engine` and `condition` take shell wildcards (`*`, `?`); the last three, left out, match everything. A rule
that matches nothing is an error: not run is not passed.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError, model_validator

from reports.errors import ReportError
from reports.validation import explain

_OF_CELLS = ("condition", "kind", "severity", "parameters", "relative_to_clean_min")


class Rule(BaseModel):
    """Which numbers, and what they must be.

    Each bound given makes one check per matching cell and metric, or per engine and aggregate.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    metric: str | None = Field(None, description="Of cells.")
    aggregate: str | None = Field(
        None, description="'<metric>/<aggregate>', e.g. mAP/mPC, in place of a metric of cells."
    )
    model: str = "*"
    engine: str = "*"
    condition: str = Field("*", description="Name of the condition; the clean one is named 'clean'.")
    kind: Literal["clean", "corruption", "sweep", "attack"] | None = None
    severity: int | tuple[int, ...] | None = None
    parameters: dict[str, FiniteFloat | str] = Field(
        default_factory=dict, description="Parameters the condition must have, e.g. {eps: 8}."
    )
    min: FiniteFloat | None = Field(None, description="The value must be at least this.")
    max: FiniteFloat | None = Field(None, description="The value must be at most this.")
    max_drop: FiniteFloat | None = Field(
        None,
        ge=0,
        description="At most this much worse than the baseline's same cell, in the metric's unit (0.02 = 2 points).",
    )
    relative_to_clean_min: FiniteFloat | None = Field(None, description="Value / clean value must be at least this.")

    @model_validator(mode="after")
    def _one_subject(self) -> Rule:
        if (self.metric is None) is (self.aggregate is None):
            raise ValueError("a rule needs either metric, of cells, or aggregate, over the corruptions of a model")
        of_cells = [name for name in _OF_CELLS if name in self.model_fields_set]
        if self.aggregate is not None and of_cells:
            raise ValueError(
                f"{of_cells[0]} is for cells; an aggregate is over all corruptions of a model, leave it out"
            )
        return self

    @model_validator(mode="after")
    def _bounded(self) -> Rule:
        if all(bound is None for bound in (self.min, self.max, self.max_drop, self.relative_to_clean_min)):
            raise ValueError("a rule needs a bound: min, max, max_drop or relative_to_clean_min")
        return self

    @property
    def pattern(self) -> str:
        """What the names of the metrics or aggregates must match."""
        return self.aggregate or self.metric or ""

    def text(self) -> str:
        """The rule in one line, as far as it differs from the default."""
        shown = self.model_dump(mode="json", exclude_defaults=True)
        return ", ".join(f"{key}: {value}" for key, value in shown.items())


class Rules(BaseModel):
    """The content of gate.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rules: tuple[Rule, ...] = Field(min_length=1)


def read_rules(path: Path) -> Rules:
    """Reads gate.yaml; ReportError where it is missing, no YAML, or has unknown keys or no bound."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"{path}: cannot be read: {error}") from None
    except yaml.YAMLError as error:
        raise ReportError(f"{path}: no valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise ReportError(f"{path}: expected a mapping with the key 'rules', got {type(content).__name__}")
    try:
        return Rules.model_validate(content)
    except ValidationError as error:
        raise ReportError(explain(error, Rules, str(path))) from None
