"""Every setting there is, with unit and default; the sections stand in the files beside. Frozen; unknown keys are errors.

Presets: `calico.config.presets`.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from calico.config.data import DataConfig
from calico.config.model import GridConfig, ModelConfig
from calico.config.section import PositiveInt, Section
from calico.config.training import AugmentConfig, PretrainConfig, TrainConfig


class EvalConfig(Section):
    """How predictions are scored."""

    clip_range_to_grid: bool = Field(
        False, description="Evaluate each class within min(nuScenes range, grid) instead of the nuScenes range."
    )
    batch_size: PositiveInt = 4


class Config(Section):
    """A whole run."""

    name: str = "run"
    seed: Annotated[int, Field(ge=0)] = 0
    device: str = Field("auto", description="cpu, cuda, cuda:1, ... or auto: a GPU where there is one.")
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of training's convolutions; geometry, normalisation statistics and losses are float32. auto: bfloat16 on "
        "GPUs, float32 on CPUs. bfloat16 saves a third of a step on CPUs with AVX512-BF16 or AMX and is slow on others.",
    )
    grid: GridConfig = GridConfig()
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    augment: AugmentConfig = AugmentConfig()
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()

    @field_validator("device")
    @classmethod
    def _known_device(cls, name: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", name):
            raise ValueError(f"got {name!r}, expected auto, cpu, cuda or cuda:N")
        return name

    @model_validator(mode="after")
    def _strides_divide(self) -> Config:
        total = 1
        for stride in self.model.bev.strides:
            total *= stride
        rows, columns = self.grid.pillars.shape
        if rows % total or columns % total:
            raise ValueError(
                f"grid of {rows} x {columns} pillars is not divisible by the product {total} of model.bev.strides"
            )
        return self
