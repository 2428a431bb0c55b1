"""The result file: what a run measured, as typed JSON, between evaluation and writers.

Fractions are 0..1, lengths metres, angles radians. Floats are unrounded. An undefined number is
null with a reason.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FiniteFloat,
    field_validator,
    model_validator,
)

from calico.files import SEAL_KEY

SCHEMA_VERSION = "1.4"
"""Version of results.json that is written.

1.1 added conditions of the kind `sweep` and the list `curves`. 1.2 added `sanity`, a cell's
`traces` and a condition's `control`. 1.3 keeps the ends of intervals within what the metric can be,
and bounds numbers and counts. 1.4 calls the kind `sweep` `curve`, and still reads the old word. It
adds the name of the taxonomy. Files without it are nuScenes'.
"""

KINDS_OF_BEFORE = {"sweep": "curve"}
"""Kinds of conditions by their name before schema version 1.4."""

LARGEST = 1e100
"""Largest number in the file. Below it, arithmetic in a report cannot overflow."""
MOST_FRAMES = 10_000_000
Number = Annotated[FiniteFloat, Field(ge=-LARGEST, le=LARGEST)]
Integer = Annotated[int, Field(ge=-(2**63), lt=2**63)]
Frames = Annotated[int, Field(ge=0, le=MOST_FRAMES)]
Scalar = Number | Integer | str | None
Text = Annotated[str, Field(min_length=1)]


class Section(BaseModel):
    """Base of all records: unknown keys are errors, records are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Metric(Section):
    """One number with its interval."""

    value: Number | None
    lo: Number | None = None
    hi: Number | None = None
    method: str | None = Field(
        None, description="How lo and hi were made, e.g. 'scene jackknife, t, 95 %'."
    )
    reason: str | None = Field(None, description="Why value is null.")
    n_frames: Frames
    n_scenes: Frames
    n_objects: Annotated[int, Field(ge=0)] | None = None
    higher_is_better: bool = True
    unit: str = "fraction"

    @model_validator(mode="after")
    def _reason(self) -> Metric:
        if self.value is None and not self.reason:
            raise ValueError("a metric without a value needs a reason")
        return self


class Condition(Section):
    """What was done to the sensors.

    The kinds `clean` and `curve` (a corruption at one value of its axis, in no mean) have severity
    0.
    """

    kind: Literal["clean", "corruption", "curve", "attack"]
    name: Text
    severity: Annotated[int, Field(ge=0, le=5)] = 0
    parameters: dict[str, Scalar] = Field(default_factory=dict)
    axis: str | None = Field(
        None, description="Which parameter is the physical axis of the severity curve."
    )
    unit: str | None = Field(None, description="Unit of that parameter.")
    sensors: tuple[Literal["camera", "lidar"], ...] = ()
    control: bool = Field(
        False, description="A random change of the size of an attack's, to compare the attack with."
    )

    @field_validator("kind", mode="before")
    @classmethod
    def _read_kind(cls, value: object) -> object:
        """Read the names of files before version 1.4."""
        return KINDS_OF_BEFORE.get(value, value) if isinstance(value, str) else value


class Check(Section):
    """An effect or budget check: measured quantities and whether they are as they must be."""

    passed: bool
    measured: dict[str, Scalar]
    message: str = ""


class LossTrace(Section):
    """How an attack on one frame went."""

    token: str
    objective: str
    clean: Number = Field(description="The objective on the clean frame.")
    losses: tuple[Number, ...] = Field(
        description="The objective at each iterate, all restarts one after the other."
    )
    delivered: Number = Field(description="The objective on the frame that was scored.")


class Cell(Section):
    """One condition on one engine.

    The keys of `metrics` are mAP, NDS, mATE, mASE, mAOE, mAVE, mAAE, mIoU, AP/<class>, IoU/<class>,
    ...
    """

    id: Text = Field(
        description="Hash of weights, preprocessing, data, condition, seed, engine and suite "
        "version."
    )
    model: Text
    engine: Text
    condition: Condition
    seed: Integer
    metrics: dict[Text, Metric]
    effect: Check | None = None
    budget: Check | None = None
    details: dict[str, Scalar] = Field(
        default_factory=dict, description="E.g. iterations, forwards."
    )
    traces: tuple[LossTrace, ...] = Field(
        (), description="Traces of at most three frames, in a cell or two of a run."
    )


class Curve(Section):
    """A corruption measured over its physical parameter on one engine.

    Its cells have the kind `curve` and this name.
    """

    model: str
    engine: str
    name: str
    axis: str
    unit: str
    scale: Literal["linear", "log"] = Field(
        description="How crossings between two values are interpolated."
    )
    values: tuple[Number, ...] = Field(
        min_length=2, description="Values of the parameter, mild to severe."
    )
    half: dict[str, Metric] = Field(
        description="Metric to the parameter at which it falls to half of its clean value; null "
        "with a reason where that is "
        "not within `values`."
    )

    @model_validator(mode="after")
    def _logarithms_exist(self) -> Curve:
        if self.scale == "log" and min(self.values) <= 0:
            raise ValueError(
                f"a logarithmic scale holds {min(self.values):g}; expected values above 0"
            )
        return self


class SanityCheck(Section):
    """Whether the attack figures of an engine mean what they say.

    It is one of the checks S1 to S16 (docs/reference/attacks.md).
    """

    id: str
    title: str
    model: str
    engine: str
    verdict: Literal["PASS", "WARN", "FAIL", "NOT RUN"]
    measured: dict[str, Scalar] = Field(default_factory=dict)
    message: str = Field(description="What the numbers mean, and what to do.")


class Picture(Section):
    """An image file of the run folder, relative to results.json, for the gallery."""

    path: str
    caption: str
    condition: Condition
    token: str


class Model(Section):
    """What was evaluated."""

    name: Text
    sha256: str
    sensors: tuple[Literal["camera", "lidar"], ...]
    parameters: Annotated[Integer, Field(ge=0)] | None = None
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
    seed: Integer
    data: str
    data_hash: str
    frames_hash: str = Field(
        description="SHA-256 of the tokens of the frames that were used, in order."
    )
    ranges: dict[str, Annotated[Number, Field(gt=0)]] = Field(
        description="Class to the range [m] within which it is scored."
    )
    taxonomy: Text = Field(
        "nuscenes",
        description="Name of the classes of the data; they are the keys of `ranges`.",
    )
    n_frames: Annotated[Frames, Field(gt=0)]
    n_scenes: Annotated[Frames, Field(gt=0)]
    threads: Annotated[Integer, Field(gt=0)]
    machine: str


class Results(Section):
    """results.json."""

    schema_version: str = SCHEMA_VERSION
    title: str
    provenance: Provenance
    models: tuple[Model, ...]
    cells: tuple[Cell, ...]
    summary: dict[str, dict[str, Metric]] = Field(
        default_factory=dict,
        description="Per model and engine ('name/engine'): mCE, mRR, mPC ... as "
        "'<metric>/<aggregate>'.",
    )
    curves: tuple[Curve, ...] = Field((), description="One curve per corruption and engine.")
    sanity: tuple[SanityCheck, ...] = Field(
        (), description="Checks per attacked engine, of runs with attacks by gradients."
    )
    pictures: tuple[Picture, ...] = ()
    notes: tuple[str, ...] = ()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of results.json.

    It is published as reports/results.schema.json, which a test keeps current.
    """
    schema = Results.model_json_schema()
    seal = {
        "description": "Checksum of the file; see calico.files.seal. May be missing.",
        "type": "string",
    }
    schema["properties"] = {SEAL_KEY: seal, **schema["properties"]}
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}
