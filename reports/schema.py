"""The result file: what a run measured, as typed JSON. The one interface between the sweep and every writer.

Fractions are 0..1, lengths metres, angles radians; floats are unrounded; an undefined number is null with a reason.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

SCHEMA_VERSION = "1.0"


class Section(BaseModel):
    """Base of all records: unknown keys are errors, records are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(Section):
    """One number with its interval."""

    value: FiniteFloat | None
    lo: FiniteFloat | None = None
    hi: FiniteFloat | None = None
    method: str | None = Field(None, description="How lo and hi were made, e.g. 'scene jackknife, t, 95 %'.")
    reason: str | None = Field(None, description="Why value is null.")
    n_frames: int
    n_scenes: int
    n_objects: int | None = None
    higher_is_better: bool = True
    unit: str = "fraction"

    @model_validator(mode="after")
    def _reason(self) -> Metric:
        if self.value is None and not self.reason:
            raise ValueError("a metric without a value needs a reason")
        return self


class Condition(Section):
    """What was done to the sensors. `clean` has severity 0."""

    kind: Literal["clean", "corruption", "attack"]
    name: str
    severity: Annotated[int, Field(ge=0, le=9)] = 0
    parameters: dict[str, float | int | str | None] = Field(default_factory=dict)
    axis: str | None = Field(None, description="Which parameter is the physical axis of the severity curve.")
    unit: str | None = Field(None, description="Unit of that parameter.")
    sensors: tuple[Literal["camera", "lidar"], ...] = ()


class Check(Section):
    """An effect or budget check: measured quantities and whether they are as they must be."""

    passed: bool
    measured: dict[str, float | int | str | None]
    message: str = ""


class Cell(Section):
    """One condition on one engine. `metrics` keys: mAP, NDS, mATE, mASE, mAOE, mAVE, mAAE, mIoU, AP/<class>, IoU/<class>, ..."""

    id: str = Field(description="Hash of weights, preprocessing, data, condition, seed, engine and suite version.")
    model: str
    engine: str
    condition: Condition
    seed: int
    metrics: dict[str, Metric]
    effect: Check | None = None
    budget: Check | None = None
    details: dict[str, float | int | str | None] = Field(default_factory=dict, description="E.g. iterations, forwards.")


class Picture(Section):
    """An image file of the run folder, relative to results.json, for the gallery."""

    path: str
    caption: str
    condition: Condition
    token: str


class Model(Section):
    """What was evaluated."""

    name: str
    sha256: str
    sensors: tuple[Literal["camera", "lidar"], ...]
    parameters: int | None = None
    description: str = ""


class Provenance(Section):
    """What it takes to run it again."""

    command: str
    calico_version: str
    suite_version: str
    python: str
    packages: dict[str, str]
    git_commit: str | None
    git_dirty: bool | None
    seed: int
    data: str
    data_hash: str
    n_frames: int
    n_scenes: int
    threads: int
    machine: str


class Results(Section):
    """results.json."""

    schema_version: str = SCHEMA_VERSION
    title: str
    provenance: Provenance
    models: tuple[Model, ...]
    cells: tuple[Cell, ...]
    summary: dict[str, dict[str, Metric]] = Field(
        default_factory=dict, description="Per model and engine ('name/engine'): mCE, mRR, mPC ... as '<metric>/<aggregate>'."
    )
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()
