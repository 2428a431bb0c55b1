"""Settings of the grid and of the network."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from calico.config.section import Channels, Pixels, PositiveFloat, PositiveInt, Range, Section
from calico.geometry.grid import Grid
from calico.taxonomy import DETECTION_CLASSES, MAP_CLASSES

MAX_CELLS = 4096
"""Along each side of a grid."""


class GridConfig(Section):
    """The one definition of where the model looks; everything else is derived from it."""

    x_range_m: Range = (-32.0, 32.0)
    y_range_m: Range = (-32.0, 32.0)
    z_range_m: Range = (-5.0, 3.0)
    pillar_m: PositiveFloat = Field(0.5, description="Side of a pillar.")
    map_cell_m: PositiveFloat = Field(0.5, description="Side of a map cell.")
    map_x_range_m: Range = (-32.0, 32.0)
    map_y_range_m: Range = (-32.0, 32.0)

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
        for name, grid in (("pillars", self.pillars), ("map", self.map)):
            if max(grid.shape) > MAX_CELLS:
                raise ValueError(
                    f"grid of {name}: {grid.shape[0]} x {grid.shape[1]} cells, expected at most {MAX_CELLS} a side"
                )
        return self


class LidarConfig(Section):
    """The LiDAR branch: dynamic PointPillars (Lang et al. 2019), no cap on points or pillars."""

    pillar_channels: Channels = 64


class CameraConfig(Section):
    """The camera branch: image backbone, FPN, view transform."""

    image_size: tuple[Pixels, Pixels] = Field((96, 256), description="Height, width the backbone sees [px].")
    backbone: Literal["resnet18", "resnet50", "swin_t"] = "resnet18"
    backbone_width: Annotated[float, Field(gt=0, le=8)] = Field(1.0, description="Multiplies the ResNet's channels.")
    backbone_weights: Path | None = Field(None, description="safetensors file of pre-trained backbone weights.")
    fpn_channels: Channels = 64
    feature_stride: Literal[8, 16] = 8
    view_transform: Literal["lss", "homography"] = "lss"
    channels: Channels = Field(64, description="Channels of the camera BEV features.")
    depth_range_m: Range = (1.0, 60.0)
    depth_bins: Annotated[int, Field(gt=0, le=1024)] = 59
    heights_m: tuple[float, ...] = Field(
        (-1.5, -0.75, 0.0, 1.0),
        max_length=64,
        description="Heights above the LiDAR sensor at which BEV cells are projected.",
    )


class BevConfig(Section):
    """The BEV backbone (SECOND, Yan et al. 2018) and neck."""

    layers: tuple[Annotated[int, Field(gt=0, le=64)], ...] = Field((3, 5, 5), max_length=8)
    strides: tuple[Annotated[int, Field(gt=0, le=64)], ...] = Field((2, 2, 2), max_length=8)
    channels: tuple[Channels, ...] = Field((64, 128, 256), max_length=8)
    neck_channels: Channels = Field(128, description="Channels of each upsampled level.")
    out_stride: PositiveInt = Field(4, description="Pillars per cell of the trunk's output, along each axis.")


class DetectionConfig(Section):
    """CenterHead (Yin et al. 2021). Loss weights are named: a positional list is a known bug in one model zoo."""

    tasks: tuple[tuple[str, ...], ...] = (
        ("car",),
        ("truck", "construction_vehicle"),
        ("bus", "trailer"),
        ("barrier",),
        ("motorcycle", "bicycle"),
        ("pedestrian", "traffic_cone"),
    )
    channels: Channels = 64
    gaussian_overlap: PositiveFloat = 0.1
    min_radius: PositiveInt = 2
    max_boxes: Annotated[int, Field(gt=0, le=2000)] = Field(200, description="Candidates per task before suppression.")
    score_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.1
    nms_iou: Annotated[float, Field(ge=0, le=1)] = 0.2
    nms_rounds: Annotated[int, Field(gt=0, le=256)] = 16
    heatmap_weight: float = 1.0
    regression_weight: float = 0.25
    velocity_weight: float = Field(0.2, description="Relative to the other regression terms.")

    @model_validator(mode="after")
    def _every_class_once(self) -> DetectionConfig:
        names = [name for task in self.tasks for name in task]
        unknown = sorted(set(names) - set(DETECTION_CLASSES))
        if unknown or len(names) != len(set(names)):
            raise ValueError(
                f"tasks name {unknown or 'a class twice'}; expected each of {', '.join(DETECTION_CLASSES)} at most once"
            )
        return self


class MapConfig(Section):
    """The BEV map segmentation head."""

    head: Literal["unet", "conv"] = "unet"
    channels: Channels = 64
    focal_gamma: float = 2.0
    loss_weight: float = 1.0
    classes: tuple[str, ...] = MAP_CLASSES


class ModelConfig(Section):
    """The whole network. A modality that is None is absent; at least one of the two must be there."""

    lidar: LidarConfig | None = LidarConfig()
    camera: CameraConfig | None = CameraConfig()
    fuser: Literal["conv", "add"] = "conv"
    bev: BevConfig = BevConfig()
    detection: DetectionConfig | None = DetectionConfig()
    map: MapConfig | None = MapConfig()

    @model_validator(mode="after")
    def _something(self) -> ModelConfig:
        if self.lidar is None and self.camera is None:
            raise ValueError("model.lidar and model.camera are both null; expected at least one sensor")
        if self.detection is None and self.map is None:
            raise ValueError("model.detection and model.map are both null; expected at least one task")
        if self.fuser == "add" and self.lidar and self.camera and self.lidar.pillar_channels != self.camera.channels:
            raise ValueError(
                f"model.fuser 'add' needs equal channels; got lidar.pillar_channels {self.lidar.pillar_channels}, "
                f"camera.channels {self.camera.channels}"
            )
        return self
