"""What is compared with what: variants, sizes, cells.

Protocol: docs/explanation/pretraining.md.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from calico.config.load import load_config
from calico.config.schema import Config
from calico.errors import CalicoError
from calico.regions.cache import REGIONS_VERSION
from calico.taxonomy import NUSCENES
from calico.train.stages import UNREAD, stage_config
from corruptions.preset import Level

LABELS = (0.01, 0.05, 0.1, 0.2, 0.5, 1.0)
SEEDS = (0, 1, 2)
LIDAR = ("model.camera=null", "augment.sensor_dropout=0")
CAMERA = ("model.lidar=null", "augment.sensor_dropout=0")


@dataclass(frozen=True)
class Variant:
    """A way to get a fine-tuned model.

    Attributes:
        name: Name on the command line.
        title: Name in the table.
        stages: Stages before fine-tuning.
        settings: Settings of pre-training and fine-tuning alike.
        finetune: Settings of fine-tuning only (a camera-only model starts from the cameras of a
            fused pre-training).
    """

    name: str
    title: str
    stages: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    finetune: tuple[str, ...] = ()


VARIANTS: dict[str, Variant] = {
    variant.name: variant
    for variant in (
        Variant("lidar-random", "LiDAR only, random init", (), LIDAR),
        Variant(
            "lidar-scene",
            "LiDAR only, scene-level contrast",
            ("prc",),
            (*LIDAR, "pretrain.prc.loss=scene"),
        ),
        Variant("lidar-prc", "LiDAR only, PRC (alpha 0.5)", ("prc",), LIDAR),
        Variant(
            "lidar-prc-a0",
            "LiDAR only, RAPC alone (alpha 0)",
            ("prc",),
            (*LIDAR, "pretrain.prc.alpha=0"),
        ),
        Variant(
            "lidar-prc-a1",
            "LiDAR only, PLRC alone (alpha 1)",
            ("prc",),
            (*LIDAR, "pretrain.prc.alpha=1"),
        ),
        Variant(
            "lidar-pooled",
            "LiDAR only, pooled regions",
            ("prc",),
            (*LIDAR, "pretrain.prc.loss=pooled"),
        ),
        Variant(
            "lidar-cell",
            "LiDAR only, cell contrast (BEVContrast)",
            ("prc",),
            (*LIDAR, "pretrain.prc.loss=cell"),
        ),
        Variant("fused-random", "fused, random init"),
        Variant("fused-prc", "fused, PRC + random camera", ("prc",)),
        Variant("fused-calico", "fused, CALICO (PRC + RAD)", ("prc", "rad")),
        Variant(
            "fused-kl",
            "fused, PRC + RAD with soft labels",
            ("prc", "rad"),
            ("pretrain.rad.loss=kl",),
        ),
        Variant(
            "fused-dense",
            "fused, PRC + dense distillation",
            ("prc", "rad"),
            ("pretrain.rad.loss=dense",),
        ),
        Variant("camera-random", "camera only, random init", (), CAMERA),
        Variant("camera-calico", "camera only, CALICO", ("prc", "rad"), (), CAMERA),
    )
}
CORE = (
    "lidar-random",
    "lidar-scene",
    "lidar-prc",
    "lidar-prc-a0",
    "lidar-prc-a1",
    "fused-random",
    "fused-prc",
    "fused-calico",
)
"""The variants that run by default."""


@dataclass(frozen=True)
class Size:
    """How large the benchmark is.

    Attributes:
        preset: Preset to start from.
        settings: Settings on top of the preset.
        pretraining: Settings on top of these, for pre-training only.
        condition: Condition of every frame that fine-tuning and the evaluation see, not of those of
            pre-training.
    """

    preset: str
    settings: tuple[str, ...] = ()
    pretraining: tuple[str, ...] = ()
    condition: Level | None = None


_LAPTOP = (
    "grid={x_range_m: [-24, 24], y_range_m: [-24, 24]}",
    "grid={map_x_range_m: [-24, 24], map_y_range_m: [-24, 24]}",
    "data.sim={train_scenes: 160, val_scenes: 10, test_scenes: 20, frames_per_scene: 5}",
    "pretrain.samples={rich: 512, less: 512}",
    "pretrain.prc.train={epochs: 12, learning_rate: 2.0e-3, validate_every: 3}",
    "pretrain.rad.train={epochs: 4, learning_rate: 2.0e-3, validate_every: 2}",
    "train={epochs: 4, label_unit: scene}",
    "augment.sensor_dropout=0",
)
_SHORT = (*_LAPTOP, "train.epochs=1")

SIZES: dict[str, Size] = {
    "ci": Size(
        "tiny",
        (
            "grid={x_range_m: [-24, 24], y_range_m: [-24, 24], pillar_m: 1.0}",
            "grid={map_x_range_m: [-24, 24], map_y_range_m: [-24, 24]}",
            "data.sim={train_scenes: 6, val_scenes: 4, test_scenes: 4, frames_per_scene: 2}",
            "model.camera.backbone_width=0.25",
            "pretrain.samples={rich: 256, less: 256}",
            "pretrain.prc.train={epochs: 20, learning_rate: 2.0e-3, validate_every: 20, "
            "checkpoint_every: 5}",
            "pretrain.rad.train={epochs: 4, learning_rate: 2.0e-3, validate_every: 4}",
            "train.epochs=4",
        ),
    ),
    "laptop": Size("tiny", _LAPTOP),
    "laptop-short": Size("tiny", _SHORT),
    "laptop-8-beams": Size("tiny", _SHORT, condition=Level("beams_reduced", 4)),
    "laptop-4-beams": Size("tiny", _SHORT, condition=Level("beams_reduced", 5)),
    "real": Size(
        "tiny",
        (
            "data={source: nuscenes, version: v1.0-mini, train_split: mini_train, val_split: "
            "mini_val, sweeps: 2}",
            "pretrain.samples={rich: 1024, less: 1024}",
            "pretrain.prc.train={epochs: 30, batch_size: 2, learning_rate: 2.0e-3, validate_every: "
            "30, checkpoint_every: 10}",
            "pretrain.rad.train={epochs: 20, batch_size: 2, learning_rate: 2.0e-3, validate_every: "
            "20, checkpoint_every: 10}",
            "train={epochs: 30, batch_size: 2, validate_every: 30, checkpoint_every: 10}",
        ),
        ("data.train_split=all",),
    ),
    "full": Size("nuscenes"),
}
"""Sizes by name.

`laptop-short` fine-tunes for 200 steps, at 5 % 20 passes over the labelled frames, the paper's 20
epochs. It shares the pre-training of `laptop` in one --work. `laptop-8-beams` and `laptop-4-beams`
are `laptop-short` for a car whose LiDAR has 8 or 4 of the simulator's 32 beams, pre-trained on the
drives of one that has them all. `real` is for one short sequence: pre-training sees all of its
keyframes, without labels.
"""


@dataclass(frozen=True)
class Cell:
    """One fine-tuned model of the table.

    Attributes:
        size: Size of the benchmark.
        variant: How the model is made.
        labels: Share of the labels.
        seed: Seed of the run.
    """

    size: str
    variant: Variant
    labels: float
    seed: int

    @property
    def name(self) -> str:
        """Name that is unique within a size.

        Also the file's name.
        """
        return f"{self.variant.name}-{100 * self.labels:g}pct-seed{self.seed}"

    def model_folder(self, work: Path) -> Path:
        """Return the folder where the fine-tuned model is trained and stays."""
        return work / "finetune" / self.size / self.name


def cells(
    size: str, variants: tuple[str, ...], labels: tuple[float, ...], seeds: tuple[int, ...]
) -> list[Cell]:
    """List the cells seed by seed.

    A table with few seeds is therefore there early. Variants that share pre-training stand
    together.

    Args:
        size: Size of the benchmark.
        variants: Names of variants.
        labels: Shares of labels.
        seeds: Seeds.

    Raises:
        CalicoError: A size or variant is unknown.
    """
    if size not in SIZES:
        raise CalicoError(f"benchmark size {size!r}: expected one of {', '.join(SIZES)}")
    for name in variants:
        if name not in VARIANTS:
            raise CalicoError(f"benchmark variant {name!r}: expected some of {', '.join(VARIANTS)}")
    return [
        Cell(size, VARIANTS[v], share, seed) for seed, share, v in product(seeds, labels, variants)
    ]


def groups(chosen: Sequence[Cell]) -> list[list[Cell]]:
    """Group the cells that are compared in robustness, the random initialisation first.

    Cells of a group have the same sensors, labels and seed.

    Raises:
        CalicoError: A group lacks its random initialisation, which mCE compares with, or the frames
            of a size are not clean.
    """
    for cell in chosen:
        if SIZES[cell.size].condition:
            raise CalicoError(
                f"benchmark --robust: the frames of size {cell.size} are not clean; use "
                f"laptop-short"
            )
    found: dict[tuple[str, float, int], list[Cell]] = {}
    for cell in chosen:
        found.setdefault((cell.variant.name.split("-")[0], cell.labels, cell.seed), []).append(cell)
    for (sensors, _, _), members in found.items():
        members.sort(key=lambda cell: cell.variant.name != f"{sensors}-random")
        if members[0].variant.name != f"{sensors}-random":
            raise CalicoError(
                f"benchmark --robust: needs the variant {sensors}-random, which the others are "
                f"compared with"
            )
    return list(found.values())


def config_of(cell: Cell, extra: tuple[str, ...] = ()) -> tuple[Config, Config]:
    """Return the configurations of pre-training and of fine-tuning.

    Args:
        cell: Cell to train.
        extra: Settings on top, e.g. the data's place.
    """
    size = SIZES[cell.size]
    base = (*size.settings, *cell.variant.settings, *extra)
    flags = {"seed": cell.seed, "train.init": "random"}
    pretraining = load_config(size.preset, None, (*base, *size.pretraining), flags)
    flags["train.label_fraction"] = cell.labels
    return pretraining, load_config(size.preset, None, (*base, *cell.variant.finetune), flags)


def stage_key(stage: str, config: Config, data_hash: str) -> str:
    """Name a pre-training by all that it depends on, so that cells share it.

    Args:
        stage: Stage of pre-training.
        config: Configuration of pre-training.
        data_hash: Hash of the frames that it sees.
    """
    unread: dict[str, Any] = {
        **dict.fromkeys(("name", "device", *UNREAD), True),
        "data": {
            "root": True,
            "cache_dir": True,
            "workers": True,
            "val_split": True,
            "sim": {"val_scenes", "test_scenes"},
        },
        "model": {"detection": {"score_threshold", "nms_iou", "nms_rounds", "max_boxes"}},
        "pretrain": {"regions": {"cache_dir"}},
    }
    own = stage_config(stage, config).model_dump(mode="json", exclude=unread)
    if own["taxonomy"] == NUSCENES.name:
        del own["taxonomy"]  # as it is in the records of versions that knew no other one
    content = json.dumps([own, data_hash, REGIONS_VERSION], sort_keys=True)
    return f"{stage}-{hashlib.sha256(content.encode()).hexdigest()[:12]}"
