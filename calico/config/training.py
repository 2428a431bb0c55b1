"""Settings of the stages: augmentation, fine-tuning, pre-training."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from calico.config.section import PositiveFloat, PositiveInt, Range, Section


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
