"""Settings of the data: the simulator, or a data set."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator

from calico.config.section import Count, FilePath, Flag, Name, Pixels, Section, Seed, Text, Whole
from calico.taxonomy import CAMERAS

MAX_CAMERAS, MAX_SWEEPS, MAX_WORKERS, MAX_KEYFRAMES = 64, 100, 256, 1000
WaymoLidar = Literal["TOP", "FRONT", "SIDE_LEFT", "SIDE_RIGHT", "REAR"]


class SimConfig(Section):
    """The embedded simulator (`calico.data.sim`)."""

    train_scenes: Count = 20
    val_scenes: Count = 6
    test_scenes: Count = Field(
        20, description="Never looked at to choose anything; see docs/explanation/pretraining.md."
    )
    frames_per_scene: Annotated[Whole, Field(ge=1, le=MAX_KEYFRAMES)] = 8
    seed: Seed = Field(0, description="Seed of the world; independent of the training seed.")
    image_size: tuple[Pixels, Pixels] = Field((96, 256), description="Height, width [px].")


class WaymoConfig(Section):
    """The Waymo Open Dataset (`calico.data.waymo`)."""

    version: Literal["auto", "v1", "v2"] = Field(
        "auto", description="Of the files: TFRecord (v1) or Parquet (v2). auto: what is there."
    )
    lidars: tuple[WaymoLidar, ...] = Field(
        ("TOP", "FRONT", "SIDE_LEFT", "SIDE_RIGHT", "REAR"),
        min_length=1,
        description="The first is the origin of the LiDAR frame.",
    )
    returns: tuple[Annotated[Whole, Field(ge=1, le=2)], ...] = Field(
        (1, 2), min_length=1, description="Returns of each beam that give points."
    )
    interval: Annotated[Whole, Field(ge=1, le=1000)] = Field(
        1, description="Every n-th frame of a segment is a keyframe. Sweeps are 0.1 s apart anyway."
    )
    image_reduction: Whole = Field(
        1, description="Images are read so many times smaller in width and height: 1, 2, 4 or 8."
    )
    map_root: FilePath | None = Field(
        None,
        description="Folder of a copy in version 1 whose maps the frames of version 2 get, which "
        "have none of their own.",
    )

    @field_validator("image_reduction")
    @classmethod
    def _of_the_decoder(cls, reduction: int) -> int:
        if reduction not in (1, 2, 4, 8):
            raise ValueError(f"got {reduction}, expected 1, 2, 4 or 8")
        return reduction

    @field_validator("lidars", "returns")
    @classmethod
    def _named_once(cls, values: tuple[str | int, ...]) -> tuple[str | int, ...]:
        if len(set(values)) != len(values):
            raise ValueError(f"got {list(values)}, expected each once")
        return values


class DataConfig(Section):
    """Which frames."""

    source: Literal["sim", "nuscenes", "waymo", "folder", "kitti", "argoverse2"] = "sim"
    root: FilePath | None = Field(None, description="Folder of the data set (all but sim).")
    version: Name = Field("v1.0-mini", description="nuScenes table folder.")
    train_split: Text = "train"
    val_split: Text = "val"
    cameras: tuple[Name, ...] = Field(CAMERAS, max_length=MAX_CAMERAS)
    sweeps: Annotated[Whole, Field(ge=1, le=MAX_SWEEPS)] = Field(
        1, description="LiDAR sweeps a frame aggregates, the keyframe's included."
    )
    follow_links: Flag = Field(
        False,
        description="Follow links out of the data set's folder to any place; else only to the same "
        "place of another one.",
    )
    workers: Annotated[Whole, Field(ge=0, le=MAX_WORKERS)] = 0
    cache_dir: FilePath | None = Field(
        None,
        description="Where simulated frames and the index of nuScenes' tables are kept; "
        "default: the user's cache folder.",
    )
    sim: SimConfig = SimConfig()
    waymo: WaymoConfig = WaymoConfig()

    @field_validator("cameras")
    @classmethod
    def _each_once(cls, cameras: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(cameras)) != len(cameras):
            raise ValueError(f"got {list(cameras)}, expected each camera once")
        return cameras
