"""All settings, with unit and default.

The sections stand in the files beside this one.

Sections are frozen and unknown keys are errors. Presets: `calico.config.presets`.
"""

from __future__ import annotations

import math
import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from calico.config.data import DataConfig
from calico.config.model import GridConfig, ModelConfig
from calico.config.section import Flag, Name, Section, Seed
from calico.config.sizes import MAX_VALUES, largest_tensors
from calico.config.taxonomy import TaxonomyConfig
from calico.config.training import AugmentConfig, BatchSize, PretrainConfig, TrainConfig


class EvalConfig(Section):
    """How predictions are scored."""

    clip_range_to_grid: Flag = Field(
        False,
        description="Evaluate each class within min(nuScenes range, grid) instead of the nuScenes "
        "range.",
    )
    batch_size: BatchSize = 4


class Config(Section):
    """A whole run."""

    name: Name = "run"
    seed: Seed = 0
    device: str = Field(
        "auto", description="cpu, cuda, cuda:1, ... or auto: a GPU where there is one."
    )
    precision: Literal["auto", "float32", "bfloat16"] = Field(
        "auto",
        description="Of training's convolutions; geometry, normalisation statistics and losses are "
        "float32. auto: bfloat16 on "
        "GPUs, float32 on CPUs. bfloat16 saves a third of a step on CPUs with AVX512-BF16 or AMX "
        "and is slow on others.",
    )
    grid: GridConfig = GridConfig()
    taxonomy: TaxonomyConfig = TaxonomyConfig(name="nuscenes")
    data: DataConfig = DataConfig()
    model: ModelConfig = ModelConfig()
    augment: AugmentConfig = AugmentConfig()
    pretrain: PretrainConfig = PretrainConfig()
    train: TrainConfig = TrainConfig()
    eval: EvalConfig = EvalConfig()

    @field_validator("device")
    @classmethod
    def _known_device(cls, name: str) -> str:
        if not re.fullmatch(r"auto|cpu|cuda(:[0-9]{1,3})?", name):
            raise ValueError(f"got {name!r}, expected auto, cpu, cuda or cuda:N")
        return name

    @model_validator(mode="after")
    def _heads_fit_the_taxonomy(self) -> Config:
        taxonomy, model = self.taxonomy.build(), self.model
        tasks = () if model.detection is None else model.detection.tasks
        unknown = sorted({name for names in tasks for name in names} - set(taxonomy.names))
        if unknown:
            raise ValueError(
                f"model.detection.tasks name {unknown}; expected each class of taxonomy "
                f"{taxonomy.name} at most once: {', '.join(taxonomy.names)}"
            )
        if model.map is not None and model.map.classes != taxonomy.map_names:
            expected = f"those of taxonomy {taxonomy.name}, {list(taxonomy.map_names)}"
            if not taxonomy.map_names:
                expected = f"model.map null, as taxonomy {taxonomy.name} has no map classes"
            raise ValueError(
                f"model.map.classes are {list(model.map.classes)}, expected {expected}"
            )
        return self

    @model_validator(mode="after")
    def _strides_divide(self) -> Config:
        rows, columns = self.grid.pillars.shape
        total = math.prod(self.model.bev.strides)
        if rows % total or columns % total:
            raise ValueError(
                f"grid of {rows} x {columns} pillars is not divisible by the product {total} of "
                f"model.bev.strides"
            )
        if rows % self.model.bev.out_stride or columns % self.model.bev.out_stride:
            raise ValueError(
                f"grid of {rows} x {columns} pillars is not divisible by model.bev.out_stride "
                f"{self.model.bev.out_stride}"
            )
        if min(rows, columns) < 2 * total:
            raise ValueError(
                f"grid of {rows} x {columns} pillars has no 2 x 2 cells after the strides {total} "
                f"of model.bev"
            )
        return self

    @model_validator(mode="after")
    def _fits_in_memory(self) -> Config:
        for what, values in largest_tensors(self).items():
            if values > MAX_VALUES:
                raise ValueError(
                    f"{what} ask for {values:.2g} values in one tensor, expected at most "
                    f"{MAX_VALUES:.2g}; "
                    "use fewer channels, larger cells or smaller images"
                )
        return self
