"""Settings of the grid and of the network."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from calico.config.section import (
    Channels,
    Extent,
    FilePath,
    Length,
    Metres,
    Number,
    Pixels,
    Section,
    Share,
    Weight,
    Whole,
)
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES

MAX_CELLS = 4096
"""Along a side of a grid; nuScenes at 7.5 cm has a third of them."""
MAX_LEVELS, MAX_LAYERS, MAX_STRIDE = 8, 64, 64
BACKBONE_STRIDE = 32


class GridConfig(Section):
    """The region that the model looks at.

    Everything else is derived from it.
    """

    x_range_m: Extent = (-32.0, 32.0)
    y_range_m: Extent = (-32.0, 32.0)
    z_range_m: Extent = (-5.0, 3.0)
    pillar_m: Length = Field(0.5, description="Side of a pillar.")
    map_cell_m: Length = Field(0.5, description="Side of a map cell.")
    map_x_range_m: Extent = (-32.0, 32.0)
    map_y_range_m: Extent = (-32.0, 32.0)

    @property
    def pillars(self) -> Grid:
        """The pillar grid."""
        return Grid(*self.x_range_m, *self.y_range_m, self.pillar_m)

    @property
    def map(self) -> Grid:
        """The map grid."""
        return Grid(*self.map_x_range_m, *self.map_y_range_m, self.map_cell_m)

    @model_validator(mode="after")
    def _whole_cells(self) -> GridConfig:
        for what, grid in (("pillars", self.pillars), ("map cells", self.map)):
            rows, columns = grid.shape
            if max(rows, columns) > MAX_CELLS:
                raise ValueError(
                    f"{rows} x {columns} {what}, expected at most {MAX_CELLS} along a side; use "
                    f"larger cells"
                )
        return self


class LidarConfig(Section):
    """The LiDAR branch: dynamic PointPillars, without a cap on points or pillars."""

    pillar_channels: Channels = 64


class CameraConfig(Section):
    """The camera branch: image backbone, FPN, view transform."""

    image_size: tuple[Pixels, Pixels] = Field(
        (96, 256), description="Height, width the backbone sees [px]."
    )
    backbone: Literal["resnet18", "resnet50", "swin_t"] = "resnet18"
    backbone_width: Annotated[Number, Field(ge=0.01, le=8)] = Field(
        1.0, description="Multiplies the ResNet's channels."
    )
    backbone_weights: FilePath | None = Field(
        None, description="safetensors file of pre-trained backbone weights."
    )
    fpn_channels: Channels = 64
    feature_stride: Literal[8, 16] = 8
    view_transform: Literal["lss", "homography"] = "lss"
    channels: Channels = Field(64, description="Channels of the camera BEV features.")
    depth_range_m: Extent = (1.0, 60.0)
    depth_bins: Annotated[Whole, Field(ge=1, le=1024)] = 59
    heights_m: tuple[Metres, ...] = Field(
        (-1.5, -0.75, 0.0, 1.0),
        min_length=1,
        max_length=64,
        description="Heights above the LiDAR sensor at which BEV cells are projected.",
    )

    @field_validator("image_size")
    @classmethod
    def _whole_strides(cls, size: tuple[int, int]) -> tuple[int, int]:
        if any(side % BACKBONE_STRIDE for side in size):
            raise ValueError(
                f"got {list(size)}, expected multiples of {BACKBONE_STRIDE} (the backbone's last "
                f"stride)"
            )
        return size

    @field_validator("depth_range_m")
    @classmethod
    def _ahead(cls, limits: tuple[float, float]) -> tuple[float, float]:
        if limits[0] < 0:
            raise ValueError(f"got {list(limits)}, expected depths of 0 m or more")
        return limits


class BevConfig(Section):
    """The BEV backbone (SECOND, Yan et al. 2018) and neck."""

    layers: tuple[Annotated[Whole, Field(ge=1, le=MAX_LAYERS)], ...] = (3, 5, 5)
    strides: tuple[Annotated[Whole, Field(ge=1, le=MAX_STRIDE)], ...] = (2, 2, 2)
    channels: tuple[Channels, ...] = (64, 128, 256)
    neck_channels: Channels = Field(128, description="Channels of each upsampled level.")
    out_stride: Annotated[Whole, Field(ge=1, le=MAX_STRIDE)] = Field(
        4, description="Pillars per cell of the trunk's output, along each axis."
    )

    @model_validator(mode="after")
    def _levels_agree(self) -> BevConfig:
        levels = len(self.layers)
        if not 1 <= levels <= MAX_LEVELS or not levels == len(self.strides) == len(self.channels):
            raise ValueError(
                f"layers {list(self.layers)}, strides {list(self.strides)} and channels "
                f"{list(self.channels)}: "
                f"expected one entry per level in each, for 1 to {MAX_LEVELS} levels"
            )
        total = 1
        for stride in self.strides:
            total *= stride
            if total % self.out_stride and self.out_stride % total:
                raise ValueError(
                    f"out_stride {self.out_stride} is no whole multiple or fraction of a level's "
                    f"stride {total}; "
                    "expected one of the levels' strides"
                )
        return self


class DetectionConfig(Section):
    """The detection head (CenterHead, Yin et al. 2021), with named loss weights."""

    tasks: tuple[tuple[str, ...], ...] = (
        ("car",),
        ("truck", "construction_vehicle"),
        ("bus", "trailer"),
        ("barrier",),
        ("motorcycle", "bicycle"),
        ("pedestrian", "traffic_cone"),
    )
    channels: Channels = 64
    gaussian_overlap: Annotated[Number, Field(gt=0, lt=1)] = 0.1
    min_radius: Annotated[Whole, Field(ge=1, le=1000)] = 2
    max_boxes: Annotated[Whole, Field(ge=1, le=5000)] = Field(
        200, description="Candidates per task before suppression."
    )
    score_threshold: Annotated[Number, Field(ge=0, lt=1)] = 0.1
    nms_iou: Share = 0.2
    nms_rounds: Annotated[Whole, Field(ge=1, le=256)] = 16
    heatmap_weight: Weight = 1.0
    regression_weight: Weight = 0.25
    velocity_weight: Weight = Field(0.2, description="Relative to the other regression terms.")

    @model_validator(mode="after")
    def _every_class_once(self) -> DetectionConfig:
        if not self.tasks or not all(self.tasks):
            raise ValueError(
                f"tasks {[list(task) for task in self.tasks]}: expected at least one task, and one "
                f"class in each; "
                "for a model without boxes set model.detection to null"
            )
        names = [name for task in self.tasks for name in task]
        if len(names) != len(set(names)):
            raise ValueError("tasks name a class twice; expected each class at most once")
        return self


class MapConfig(Section):
    """The BEV map segmentation head."""

    head: Literal["unet", "conv"] = "unet"
    channels: Channels = 64
    focal_gamma: Annotated[Number, Field(ge=0, le=100)] = 2.0
    loss_weight: Weight = 1.0
    classes: tuple[str, ...] = Field(
        NUSCENES.map_names, description="The map classes of the taxonomy, in their order."
    )


class ModelConfig(Section):
    """The whole network.

    A sensor that is None is absent, and at least one must be present.
    """

    lidar: LidarConfig | None = LidarConfig()
    camera: CameraConfig | None = CameraConfig()
    fuser: Literal["conv", "add"] = "conv"
    bev: BevConfig = BevConfig()
    detection: DetectionConfig | None = DetectionConfig()
    map: MapConfig | None = MapConfig()

    @model_validator(mode="after")
    def _something(self) -> ModelConfig:
        if self.lidar is None and self.camera is None:
            raise ValueError(
                "model.lidar and model.camera are both null; expected at least one sensor"
            )
        if self.detection is None and self.map is None:
            raise ValueError(
                "model.detection and model.map are both null; expected at least one task"
            )
        if (
            self.fuser == "add"
            and self.lidar
            and self.camera
            and self.lidar.pillar_channels != self.camera.channels
        ):
            raise ValueError(
                f"model.fuser 'add' needs equal channels; got lidar.pillar_channels "
                f"{self.lidar.pillar_channels}, "
                f"camera.channels {self.camera.channels}"
            )
        return self
