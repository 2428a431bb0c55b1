"""Settings of the stages: augmentation, fine-tuning, pre-training."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from calico.config.section import (
    Channels,
    Count,
    FactorRange,
    FilePath,
    Flag,
    Length,
    Limits,
    Number,
    PathText,
    Section,
    Share,
    Text,
    Whole,
)

Degrees = Annotated[Number, Field(ge=0, le=180)]
Temperature = Annotated[Number, Field(ge=1e-4, le=1000)]
BatchSize = Annotated[Whole, Field(ge=1, le=4096)]
MAX_PASTED = 50
"""Most objects of a class that a frame is filled up to."""
MAX_SAMPLES = 32768
"""Points of a frame that are contrasted; the matrix of their similarities has so many rows and
columns."""


class PasteConfig(Section):
    """Ground-truth paste: objects of other training frames are put into a frame.

    The images do not show them, so it is for models without cameras.
    """

    objects: Annotated[Whole, Field(ge=0, le=MAX_PASTED)] = Field(
        3, description="Objects of each class that a frame is filled up to."
    )
    counts: dict[Text, Annotated[Whole, Field(ge=0, le=MAX_PASTED)]] = Field(
        default_factory=dict, max_length=100, description="Other numbers, by class."
    )
    min_points: Count = Field(5, description="Fewest points of an object that is pasted.")
    max_stored: Annotated[Whole, Field(ge=1, le=100_000)] = Field(
        2000, description="Most objects of a class that are kept."
    )
    cache_dir: FilePath | None = Field(
        None, description="Where the objects are kept; default: the user's cache folder."
    )


class AugmentConfig(Section):
    """Training augmentation.

    The camera matrices are kept in step.
    """

    rotation_deg: Degrees = 22.5
    scale: FactorRange = (0.95, 1.05)
    flip_x: Flag = True
    flip_y: Flag = True
    translation_m: Annotated[Number, Field(ge=0, le=1000)] = 0.0
    image_resize: FactorRange = Field(
        (1.0, 1.0), description="Relative to the size that the backbone sees."
    )
    image_rotation_deg: Degrees = 0.0
    image_flip: Flag = False
    sensor_dropout: Share = Field(
        0.0, description="Probability that a frame loses one of its two sensors."
    )
    paste: PasteConfig | None = Field(
        None, description="Objects of other frames put into a frame; null: none."
    )


class ScheduleConfig(Section):
    """The optimisation of one stage."""

    epochs: Count = Field(
        10,
        description="Passes over the training split. With a label_fraction the frames left are "
        "repeated to its length, so "
        "that the number of steps does not depend on the number of labels.",
    )
    batch_size: BatchSize = 4
    learning_rate: Annotated[Number, Field(gt=0, le=100)] = Field(
        1e-3, description="Peak of the one-cycle schedule."
    )
    weight_decay: Annotated[Number, Field(ge=0, le=100)] = 0.01
    grad_clip: Annotated[Number, Field(gt=0, le=1e9)] = 35.0
    warmup_fraction: Annotated[Number, Field(gt=0, lt=1)] = 0.4
    validate_every: Count = Field(
        5,
        description="Epochs between validations (pre-training: diagnostics); the last is always "
        "validated.",
    )
    checkpoint_every: Count = Field(1, description="Epochs between checkpoints.")


class AdversarialConfig(Section):
    """Adversarial training by PGD on a share of the fine-tuning frames.

    The option `calico train --adversarial pgd` sets it.
    """

    camera_levels: Annotated[Whole, Field(ge=0, le=255)] = Field(
        4, description="Grey levels of 255."
    )
    range_m: Annotated[Number, Field(ge=0, le=1000)] = Field(
        0.1, description="Metres along a point's ray."
    )
    steps: Annotated[Whole, Field(ge=1, le=10_000)] = Field(
        3, description="Of PGD; each costs about as much as a training step."
    )
    share: Annotated[Number, Field(gt=0, le=1)] = Field(
        0.5, description="Probability that a frame is attacked."
    )


class TrainConfig(ScheduleConfig):
    """Fine-tuning with labels, and what comes before it."""

    init: PathText = Field(
        "calico",
        description="Where fine-tuning starts: random; prc (after PRC); calico (after PRC and "
        "RAD); scene_contrast (after "
        "one-vector-per-frame contrast); or a model file or run folder.",
    )
    label_fraction: Annotated[Number, Field(gt=0, le=1)] = Field(
        1.0, description="Share of the training frames used."
    )
    label_unit: Literal["frame", "scene"] = Field(
        "frame", description="What label_fraction is a share of."
    )
    class_balanced: Flag = Field(
        False, description="CBGS (Zhu et al. 2019): frames of rare classes are drawn more often."
    )
    corruptions: tuple[Text, ...] = Field(
        (),
        max_length=1000,
        description="Robust training: corruptions, several joined by +, or presets, one of which a "
        "share of the frames gets.",
    )
    corruption_share: Share = Field(
        0.5,
        description="Share of the frames that get one of train.corruptions: each condition equally "
        "often.",
    )
    adversarial: AdversarialConfig | None = Field(
        None, description="Adversarial training; null: none."
    )

    @field_validator("corruptions")
    @classmethod
    def _known_corruptions(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        from corruptions.presets import (
            choose_levels,
        )  # not needed, nor its libraries loaded, by those who use none

        for name in names:
            choose_levels([name])
        return names


class RegionConfig(Section):
    """Semantic-rich regions by LiDAR alone (`calico.regions`).

    The paper gives eps and min_points. The limits are ours: they were chosen by the share of
    labelled objects that they keep (docs/explanation/regions.md). Those of the first author's
    prototype: `calico.regions.PROTOTYPE`.
    """

    method: Literal["dbscan_xy", "dbscan_xyz", "grid"] = "dbscan_xy"
    ground: Literal["gpf", "ransac"] = "gpf"
    eps_m: Length = Field(0.75, description="DBSCAN radius; side of a cell for method 'grid'.")
    min_points: Count = 5
    area_m2: Limits = Field(
        (0.0, 60.0), description="Smallest and largest area of the convex hull seen from above."
    )
    top_m: Limits = Field((0.3, 5.0), description="Height above ground of the highest point.")
    min_side_ratio: Share = Field(
        0.0, description="Shorter over longer side of the rectangle of least area."
    )
    ego_radius_m: Annotated[Number, Field(ge=0, le=10_000)] = Field(
        1.5,
        description="Clusters whose mean is nearer to the sensor than this are the vehicle itself.",
    )
    ceiling_m: Length | None = Field(
        None,
        description="Points higher above ground are left out before clustering, e.g. 4: cars under "
        "trees are kept, but so is "
        "more of walls and poles.",
    )
    cache_dir: FilePath | None = Field(
        None, description="Where regions are kept; default: the user's cache folder."
    )


class SampleConfig(Section):
    """Which points of a frame are contrasted."""

    rich: Annotated[Whole, Field(ge=1, le=MAX_SAMPLES)] = Field(
        1024, description="N, most points in regions, spread evenly over the regions."
    )
    less: Annotated[Whole, Field(ge=0, le=MAX_SAMPLES)] = Field(
        1024, description="M, most points outside regions; negatives only."
    )
    cell_m: Length = Field(
        0.25,
        description="At most one point per square of this side: points at one place have one "
        "embedding.",
    )


class ViewConfig(AugmentConfig):
    """Augmentation of pre-training's views.

    All views need the same points, so no sensor is dropped.
    """

    sensor_dropout: Annotated[Number, Field(ge=0, le=0)] = 0.0
    paste: None = None


class PrcConfig(Section):
    """Point-region contrast on the LiDAR branch, and baselines that share its code.

    The losses are in `calico.losses.prc`.
    """

    loss: Literal["prc", "pooled", "scene", "cell"] = Field(
        "prc",
        description="prc: alpha * PLRC + (1 - alpha) * RAPC; pooled: InfoNCE of region means; "
        "scene: of frame means; "
        "cell: of at most samples.rich BEV cells (BEVContrast).",
    )
    alpha: Share = 0.5
    temperature: Temperature = 0.1
    hidden_channels: Channels = 256
    embedding_channels: Channels = 128
    augment: ViewConfig = ViewConfig(rotation_deg=90.0, scale=(0.9, 1.1), translation_m=0.5)
    train: ScheduleConfig = ScheduleConfig(epochs=20, learning_rate=1e-3)

    @model_validator(mode="before")
    @classmethod
    def _without_negatives(cls, tree: object) -> object:
        """Accept `negatives: frame` of earlier files, the only value that is left."""
        if not isinstance(tree, dict) or "negatives" not in tree:
            return tree
        if tree["negatives"] != "frame":
            raise ValueError(
                "negatives: 'batch' is gone, since it was made for training on several devices, "
                "which this version does not have; leave the key out (negatives of the same frame)"
            )
        return {key: value for key, value in tree.items() if key != "negatives"}


class RadConfig(Section):
    """Region-aware distillation from the frozen LiDAR branch to the cameras.

    The losses are in `calico.losses.rad`.
    """

    loss: Literal["region_nce", "kl", "both", "dense"] = Field(
        "region_nce",
        description="dense: cosine distance in at most samples.rich occupied cells (BEVDistill "
        "without labels).",
    )
    teacher: Literal["lidar", "fused"] = "lidar"
    temperature: Temperature = 0.1
    teacher_temperature: Temperature = Field(0.05, description="tau_t of the KL form.")
    augment: ViewConfig = ViewConfig()
    train: ScheduleConfig = ScheduleConfig(epochs=20, learning_rate=1e-3)


class PretrainConfig(Section):
    """What happens before fine-tuning, without labels."""

    regions: RegionConfig = RegionConfig()
    samples: SampleConfig = SampleConfig()
    prc: PrcConfig = PrcConfig()
    rad: RadConfig = RadConfig()
