"""Every setting there is, with unit and default. Frozen; unknown keys are errors. Presets: `calico.config.presets`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from calico.geometry.grid import Grid
from calico.taxonomy import CAMERAS, DETECTION_CLASSES, MAP_CLASSES

PositiveInt = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Range = tuple[float, float]


class Section(BaseModel):
    """Base of all sections."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


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
        _ = self.pillars, self.map
        return self


class LidarConfig(Section):
    """The LiDAR branch: dynamic PointPillars (Lang et al. 2019), no cap on points or pillars."""

    pillar_channels: PositiveInt = 64


class CameraConfig(Section):
    """The camera branch: image backbone, FPN, view transform."""

    image_size: tuple[PositiveInt, PositiveInt] = Field((96, 256), description="Height, width the backbone sees [px].")
    backbone: Literal["resnet18", "resnet50", "swin_t"] = "resnet18"
    backbone_width: PositiveFloat = Field(1.0, description="Multiplies the ResNet's channels.")
    backbone_weights: Path | None = Field(None, description="safetensors file of pre-trained backbone weights.")
    fpn_channels: PositiveInt = 64
    feature_stride: Literal[8, 16] = 8
    view_transform: Literal["lss", "homography"] = "lss"
    channels: PositiveInt = Field(64, description="Channels of the camera BEV features.")
    depth_range_m: Range = (1.0, 60.0)
    depth_bins: PositiveInt = 59
    heights_m: tuple[float, ...] = Field(
        (-1.5, -0.75, 0.0, 1.0), description="Heights above the LiDAR sensor at which BEV cells are projected."
    )


class BevConfig(Section):
    """The BEV backbone (SECOND, Yan et al. 2018) and neck."""

    layers: tuple[PositiveInt, ...] = (3, 5, 5)
    strides: tuple[PositiveInt, ...] = (2, 2, 2)
    channels: tuple[PositiveInt, ...] = (64, 128, 256)
    neck_channels: PositiveInt = Field(128, description="Channels of each upsampled level.")
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
    channels: PositiveInt = 64
    gaussian_overlap: PositiveFloat = 0.1
    min_radius: PositiveInt = 2
    max_boxes: PositiveInt = Field(200, description="Candidates per task before suppression.")
    score_threshold: Annotated[float, Field(ge=0, lt=1)] = 0.1
    nms_iou: Annotated[float, Field(ge=0, le=1)] = 0.2
    nms_rounds: PositiveInt = 16
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
    channels: PositiveInt = 64
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


class SimConfig(Section):
    """The embedded simulator (`calico.data.sim`)."""

    train_scenes: PositiveInt = 20
    val_scenes: PositiveInt = 6
    test_scenes: PositiveInt = Field(20, description="Never looked at to choose anything; see docs/pretraining.md.")
    frames_per_scene: PositiveInt = 8
    seed: int = Field(0, description="Seed of the world; independent of the training seed.")
    image_size: tuple[PositiveInt, PositiveInt] = Field((96, 256), description="Height, width [px].")


class DataConfig(Section):
    """Which frames."""

    source: Literal["sim", "nuscenes", "waymo"] = "sim"
    root: Path | None = Field(None, description="Folder of the data set (nuscenes, waymo).")
    version: str = Field("v1.0-mini", description="nuScenes table folder.")
    train_split: str = "train"
    val_split: str = "val"
    cameras: tuple[str, ...] = CAMERAS
    sweeps: PositiveInt = Field(1, description="LiDAR sweeps a frame aggregates, the keyframe's included.")
    workers: Annotated[int, Field(ge=0)] = 0
    cache_dir: Path | None = Field(
        None, description="Where simulated frames are kept; default: the user's cache folder."
    )
    sim: SimConfig = SimConfig()


class AugmentConfig(Section):
    """Training augmentation; the camera matrices are kept in step."""

    rotation_deg: float = 22.5
    scale: Range = (0.95, 1.05)
    flip_x: bool = True
    flip_y: bool = True
    translation_m: float = 0.0
    image_resize: Range = Field((1.0, 1.0), description="Relative to the size that the backbone sees.")
    image_rotation_deg: float = 0.0
    image_flip: bool = False
    sensor_dropout: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Probability that a frame loses one of its two sensors."
    )


class ScheduleConfig(Section):
    """The optimisation of one stage."""

    epochs: PositiveInt = Field(
        10,
        description="Passes over the training split. With a label_fraction the frames left are repeated to its length, so "
        "that the number of steps does not depend on the number of labels.",
    )
    batch_size: PositiveInt = 4
    learning_rate: PositiveFloat = Field(1e-3, description="Peak of the one-cycle schedule.")
    weight_decay: float = 0.01
    grad_clip: PositiveFloat = 35.0
    warmup_fraction: Annotated[float, Field(gt=0, lt=1)] = 0.4
    validate_every: PositiveInt = Field(
        5, description="Epochs between validations (pre-training: diagnostics); the last is always validated."
    )
    checkpoint_every: PositiveInt = Field(1, description="Epochs between checkpoints.")


class AdversarialConfig(Section):
    """Adversarial training by PGD: what a share of the fine-tuning frames suffers (`calico train --adversarial pgd`)."""

    camera_levels: Annotated[int, Field(ge=0, le=255)] = Field(4, description="Grey levels of 255.")
    range_m: Annotated[float, Field(ge=0)] = Field(0.1, description="Metres along a point's ray.")
    steps: PositiveInt = Field(3, description="Of PGD; each costs about as much as a training step.")
    share: Annotated[float, Field(gt=0, le=1)] = Field(0.5, description="Probability that a frame is attacked.")


class TrainConfig(ScheduleConfig):
    """Fine-tuning with labels, and what comes before it."""

    init: str = Field(
        "calico",
        description="Where fine-tuning starts: random; prc (after PRC); calico (after PRC and RAD); scene_contrast (after "
        "one-vector-per-frame contrast); or a model file or run folder.",
    )
    label_fraction: Annotated[float, Field(gt=0, le=1)] = Field(1.0, description="Share of the training frames used.")
    label_unit: Literal["frame", "scene"] = Field("frame", description="What label_fraction is a share of.")
    class_balanced: bool = Field(
        False, description="CBGS (Zhu et al. 2019): frames of rare classes are drawn more often."
    )
    corruptions: tuple[str, ...] = Field(
        (),
        description="Robust training: corruptions, several joined by +, or presets, one of which a share of the frames gets.",
    )
    corruption_share: Annotated[float, Field(ge=0, le=1)] = Field(
        0.5, description="Share of the frames that get one of train.corruptions: each condition equally often."
    )
    adversarial: AdversarialConfig | None = Field(None, description="Adversarial training; null: none.")

    @field_validator("corruptions")
    @classmethod
    def _known_corruptions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from corruptions.presets import choose_conditions  # not needed, nor its libraries loaded, by those who use none

        for name in names:
            choose_conditions([name])
        return names


class RegionConfig(Section):
    """Semantic-rich regions by LiDAR alone (`calico.regions`).

    The paper gives eps and min_points; the limits are ours, chosen by the share of labelled objects they keep (docs/regions.md).
    Those of the first author's prototype: `calico.regions.PROTOTYPE`.
    """

    method: Literal["dbscan_xy", "dbscan_xyz", "grid"] = "dbscan_xy"
    ground: Literal["gpf", "ransac"] = "gpf"
    eps_m: PositiveFloat = Field(0.75, description="DBSCAN radius; side of a cell for method 'grid'.")
    min_points: PositiveInt = 5
    area_m2: Range = Field((0.0, 60.0), description="Smallest and largest area of the convex hull seen from above.")
    top_m: Range = Field((0.3, 5.0), description="Height above ground of the highest point.")
    min_side_ratio: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0, description="Shorter over longer side of the rectangle of least area."
    )
    ego_radius_m: Annotated[float, Field(ge=0)] = Field(
        1.5, description="Clusters whose mean is nearer to the sensor than this are the vehicle itself."
    )
    ceiling_m: PositiveFloat | None = Field(
        None,
        description="Points higher above ground are left out before clustering, e.g. 4: cars under trees are kept, but so is "
        "more of walls and poles.",
    )
    cache_dir: Path | None = Field(None, description="Where regions are kept; default: the user's cache folder.")


class SampleConfig(Section):
    """Which points of a frame are contrasted."""

    rich: PositiveInt = Field(1024, description="N, most points in regions, spread evenly over the regions.")
    less: Annotated[int, Field(ge=0)] = Field(1024, description="M, most points outside regions; negatives only.")
    cell_m: PositiveFloat = Field(
        0.25, description="At most one point per square of this side: points at one place have one embedding."
    )


class ViewConfig(AugmentConfig):
    """Augmentation of pre-training's views: the same points in each, so no sensor may be dropped."""

    sensor_dropout: Annotated[float, Field(ge=0, le=0)] = 0.0


class PrcConfig(Section):
    """Point-region contrast on the LiDAR branch, and the baselines that share its code (`calico.losses.prc`)."""

    loss: Literal["prc", "pooled", "scene", "cell"] = Field(
        "prc",
        description="prc: alpha * PLRC + (1 - alpha) * RAPC; pooled: InfoNCE of region means; scene: of frame means; "
        "cell: of at most samples.rich BEV cells (BEVContrast).",
    )
    alpha: Annotated[float, Field(ge=0, le=1)] = 0.5
    temperature: PositiveFloat = 0.1
    negatives: Literal["frame", "batch"] = Field(
        "frame", description="Where negatives come from; batch: also other ranks."
    )
    hidden_channels: PositiveInt = 256
    embedding_channels: PositiveInt = 128
    augment: ViewConfig = ViewConfig(rotation_deg=90.0, scale=(0.9, 1.1), translation_m=0.5)
    train: ScheduleConfig = ScheduleConfig(epochs=20, learning_rate=1e-3)


class RadConfig(Section):
    """Region-aware distillation from the frozen LiDAR branch to the cameras (`calico.losses.rad`)."""

    loss: Literal["region_nce", "kl", "both", "dense"] = Field(
        "region_nce",
        description="dense: cosine distance in at most samples.rich occupied cells (BEVDistill without labels).",
    )
    teacher: Literal["lidar", "fused"] = "lidar"
    temperature: PositiveFloat = 0.1
    teacher_temperature: PositiveFloat = Field(0.05, description="tau_t of the KL form.")
    augment: ViewConfig = ViewConfig()
    train: ScheduleConfig = ScheduleConfig(epochs=20, learning_rate=1e-3)


class PretrainConfig(Section):
    """What happens before fine-tuning, without labels."""

    regions: RegionConfig = RegionConfig()
    samples: SampleConfig = SampleConfig()
    prc: PrcConfig = PrcConfig()
    rad: RadConfig = RadConfig()


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
