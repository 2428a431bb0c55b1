"""Supervised training: detection and map segmentation, from random or pre-trained weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor

from calico.config.schema import Config
from calico.config.training import AugmentConfig
from calico.data.augment import augment
from calico.data.batch import Batch, collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.models.calico import CalicoModel
from calico.seeds import derive_seed, make_generator
from calico.train.checkpoint import MODEL_FILE, save_model
from calico.train.robust import training_conditions
from calico.train.sampler import balanced_frames, label_subset
from corruptions.preset import Level

Measure = Callable[[CalicoModel, Config], dict[str, float | None]]
"""Scores a model in evaluation mode, or says something about its features."""
Adversary = Callable[[CalicoModel, Batch], Batch]
"""Attacks a training batch on the model as it is (see `calico_eval.adversarial_training`)."""


@dataclass(frozen=True)
class LabelledLoader:
    """Augmented frames with their labels.

    conditions: of which a share of the frames gets one, before the augmentation. With none of them no random number is drawn.
    """

    source: FrameSource
    augment: AugmentConfig
    image_size: tuple[int, int] | None
    seed: int
    conditions: tuple[Level, ...] = ()
    share: float = 0.0

    def __call__(self, epoch: int, positions: Sequence[int], indices: Sequence[int]) -> Batch:
        """See `calico.train.loop.Loader`."""
        frames = []
        for position, index in zip(positions, indices, strict=True):
            frame = self._corrupted(self.source[index], epoch, position)
            rng = make_generator(self.seed, "augment", epoch, position, frame.token)
            frames.append(augment(frame, self.augment, self.source.map_grid, rng, self.image_size))
        return collate_frames(frames)

    def _corrupted(self, frame: Frame, epoch: int, position: int) -> Frame:
        """The frame under a condition, another one in every epoch; or as it is."""
        if not self.conditions:
            return frame
        rng = make_generator(self.seed, "corrupt", epoch, position, frame.token)
        if rng.random() >= self.share:
            return frame
        chosen = self.conditions[rng.integers(len(self.conditions))]
        return chosen.corrupt_frame(frame, derive_seed(self.seed, "corrupt", epoch))


class Finetune:
    """The task of `calico.train.loop.fit` for training with labels.

    A share of the labels is drawn once, by seed; an epoch keeps the length of the whole split (paper.md section 4: the number of
    fine-tuning steps is the same for every share). Class balancing changes which frames an epoch is made of, not its length.

    Args:
        adversary: attacks every batch (adversarial training); needed where `train.adversarial` is set.

    Attributes:
        notes: which corruptions of `train.corruptions` are left out, and why.
    """

    name = "finetune"

    def __init__(
        self,
        config: Config,
        source: FrameSource,
        model: CalicoModel,
        measure: Measure,
        adversary: Adversary | None = None,
    ) -> None:
        if config.train.adversarial is not None and adversary is None:
            raise CalicoError(
                "train.adversarial is set, but there is no adversary; expected one, as `calico train` gives"
            )
        self.config, self.module, self.schedule, self._measure = (
            config,
            model,
            config.train,
            measure,
        )
        self._adversary = adversary
        share, unit = config.train.label_fraction, config.train.label_unit
        self.frames = label_subset(source, share, config.seed, unit) if len(source) else []
        self.epoch_length = len(source)
        if config.train.class_balanced and self.frames:
            self.frames = balanced_frames(source, self.frames)
        camera = config.model.camera
        # A model of one sensor has none to spare.
        alone = camera is None or config.model.lidar is None
        conditions, self.notes = training_conditions(config, source)
        self.loader = LabelledLoader(
            source,
            config.augment.model_copy(update={"sensor_dropout": 0.0}) if alone else config.augment,
            camera.image_size if camera else None,
            config.seed,
            conditions,
            config.train.corruption_share,
        )

    def losses(self, batch: Batch) -> dict[str, Tensor]:
        """Detection and map terms."""
        self.module.train()
        if self._adversary is not None:
            batch = self._adversary(self.module, batch)
        return self.module.loss(self.module(batch), batch)

    def measure(self) -> dict[str, float | None]:
        """The scores on the validation split."""
        return self._measure(self.module.eval(), self.config)

    def save(self, folder: Path) -> None:
        """`model.safetensors`."""
        save_model(folder / MODEL_FILE, self.module, self.config)
