"""Settings of the data: the simulator, or a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from calico.config.section import Pixels, Section
from calico.taxonomy import CAMERAS


class SimConfig(Section):
    """The embedded simulator (`calico.data.sim`)."""

    train_scenes: Annotated[int, Field(gt=0, le=100_000)] = 20
    val_scenes: Annotated[int, Field(gt=0, le=100_000)] = 6
    test_scenes: Annotated[int, Field(gt=0, le=100_000)] = Field(
        20, description="Never looked at to choose anything; see docs/pretraining.md."
    )
    frames_per_scene: Annotated[int, Field(gt=0, le=1000)] = 8
    seed: int = Field(0, description="Seed of the world; independent of the training seed.")
    image_size: tuple[Pixels, Pixels] = Field((96, 256), description="Height, width [px].")


class DataConfig(Section):
    """Which frames."""

    source: Literal["sim", "nuscenes", "waymo"] = "sim"
    root: Path | None = Field(None, description="Folder of the data set (nuscenes, waymo).")
    version: str = Field("v1.0-mini", description="nuScenes table folder.")
    train_split: str = "train"
    val_split: str = "val"
    cameras: tuple[str, ...] = CAMERAS
    sweeps: Annotated[int, Field(gt=0, le=100)] = Field(
        1, description="LiDAR sweeps a frame aggregates, the keyframe's included."
    )
    workers: Annotated[int, Field(ge=0, le=256)] = 0
    cache_dir: Path | None = Field(
        None, description="Where simulated frames are kept; default: the user's cache folder."
    )
    sim: SimConfig = SimConfig()
