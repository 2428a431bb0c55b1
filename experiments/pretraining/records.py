"""The JSON files of the benchmark, read strictly.

They hold results of cells and of robustness, and notes of trainings.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from calico.errors import CalicoError
from calico.files import read_json
from experiments.pretraining.protocol import VARIANTS

CELL_FORMAT = "calico-bench-pretrain-1"
ROBUST_FORMAT = "calico-bench-robust-1"
_MAX_SHOWN = 80
_Count = Annotated[int, Field(ge=0, le=2**53)]
_Share = Annotated[float, Field(gt=0, le=1)]
_Figure = Annotated[FiniteFloat, Field(ge=-1e6, le=1e6)]


class _Record(BaseModel):
    """What the readers of a file rely on.

    More may be in it.
    """

    model_config = ConfigDict(extra="allow", strict=True)


class _Value(_Record):
    value: _Figure | None


class _Pretraining(_Record):
    key: str


class CellRecord(_Record):
    """The result of a cell."""

    format: Literal["calico-bench-pretrain-1"]
    variant: str
    size: str
    split: str
    labels: _Share
    seed: _Count
    n_frames: _Count
    labelled_frames: _Count
    steps: _Count
    data_hash: dict[str, str]
    metrics: dict[str, _Value]
    pretraining: dict[str, _Pretraining] = {}


class RobustRecord(_Record):
    """What `measure_robustness` measured."""

    format: Literal["calico-bench-robust-1"]
    labels: _Share
    variants: dict[str, dict[str, _Figure | None]]


class TrainingRecord(_Record):
    """run.json of a stage of training."""

    data_hash: str
    frames: list[str]
    steps: _Count


class OriginRecord(_Record):
    """What trained a pre-trained model."""

    git_commit: str | None


def read_record(path: Path, kind: type[_Record], what: str) -> dict[str, Any]:
    """Read a file of the benchmark.

    Args:
        path: The file.
        kind: What must be in it.
        what: Its name for the messages.

    Raises:
        CalicoError: The file cannot be read, is no strict JSON, or lacks what `kind` holds.
    """
    content = read_json(path, what=what)
    try:
        kind.model_validate(content)
    except ValidationError as error:
        fault = error.errors(include_url=False)[0]
        where = ".".join(map(str, fault["loc"]))[:_MAX_SHOWN] or "content"
        shown = repr(fault["input"])[:_MAX_SHOWN]
        raise CalicoError(
            f"{what} {path}: {where!r}: {fault['msg']}, got {shown}; expected what python -m "
            f"experiments.pretraining writes"
        ) from None
    variants = [content["variant"]] if kind is CellRecord else content.get("variants", ())
    unknown = [name for name in variants if name not in VARIANTS]
    if unknown:
        raise CalicoError(
            f"{what} {path}: unknown variant {unknown[0][:_MAX_SHOWN]!r}; expected "
            f"{', '.join(VARIANTS)}"
        )
    record: dict[str, Any] = content
    return record
