"""Supervised training: detection and map segmentation, from random or pre-trained weights."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from torch import Tensor, nn

from calico.config.schema import Config
from calico.config.training import AugmentConfig
from calico.data.augment import augment_frame
from calico.data.batch import Batch, collate_frames
from calico.data.paste import PasteObjects, paste_objects
from calico.data.paste_database import StoredObjects, open_database
from calico.data.source import FrameSource, check_classes
from calico.data.targets import TargetMaker
from calico.errors import CalicoError
from calico.frame import Frame
from calico.losses.supervised import compute_losses
from calico.models.calico import CalicoModel
from calico.seeds import derive_seed, make_generator
from calico.train.checkpoint import MODEL_FILE, save_model
from calico.train.robust import training_conditions
from calico.train.sampler import balanced_frames, label_subset
from calico.train.task import Measure, Task
from corruptions.preset import Level

Adversary = Callable[[CalicoModel, Batch], Batch]
"""Attack a training batch on the model as it is (see `calico_eval.adversarial_training`)."""


@dataclass(frozen=True)
class LabelledLoader:
    """Makes batches of augmented frames with their labels (see `calico.train.task.Loader`).

    Attributes:
        source: Frames to draw from.
        augment: Settings of the augmentation.
        image_size: Height and width that the network sees [px]. None keeps the images' sizes.
        seed: Seed of the run.
        conditions: Corruptions of robust training. A frame gets one of them before its
            augmentation. Without any, no random number is drawn.
        share: Share of the frames that get one.
        targets: Makes the targets of the detection head; None for a model without.
        pasted: Objects for `augment.paste`.
    """

    source: FrameSource
    augment: AugmentConfig
    image_size: tuple[int, int] | None
    seed: int
    conditions: tuple[Level, ...] = ()
    share: float = 0.0
    targets: TargetMaker | None = None
    pasted: StoredObjects | None = None

    def __call__(self, epoch: int, positions: Sequence[int], indices: Sequence[int]) -> Batch:
        """Make one batch (see `calico.train.task.Loader`)."""
        frames = []
        for position, index in zip(positions, indices, strict=True):
            frame = self._corrupted(self._filled(index, epoch, position), epoch, position)
            rng = make_generator(self.seed, "augment", epoch, position, frame.token)
            frames.append(
                augment_frame(frame, self.augment, self.source.map_grid, rng, self.image_size)
            )
        batch = collate_frames(frames, raw_images=True)
        if self.targets is None:
            return batch
        return replace(batch, targets=self.targets.make_targets(batch.boxes, batch.labels))

    def _filled(self, index: int, epoch: int, position: int) -> Frame:
        """Load a frame, and paste objects into it if that is asked for."""
        frame, settings = self.source[index], self.augment.paste
        if self._objects is None or settings is None:
            return frame
        rng = make_generator(self.seed, "paste", epoch, position, frame.token)
        return paste_objects(frame, self._objects, settings, rng)

    @cached_property
    def _objects(self) -> PasteObjects | None:
        """What may be pasted; read once in each process."""
        return None if self.pasted is None else self.pasted.load()

    def __getstate__(self) -> dict[str, object]:
        return {name: value for name, value in self.__dict__.items() if name != "_objects"}

    def _corrupted(self, frame: Frame, epoch: int, position: int) -> Frame:
        """Put a frame under a condition, which differs between epochs, or return it unchanged."""
        if not self.conditions:
            return frame
        rng = make_generator(self.seed, "corrupt", epoch, position, frame.token)
        if rng.random() >= self.share:
            return frame
        chosen = self.conditions[rng.integers(len(self.conditions))]
        return chosen.corrupt_frame(frame, derive_seed(self.seed, "corrupt", epoch))


class Finetune(Task[Batch]):
    """Training with labels, from random or pre-trained weights.

    A share of the labels is drawn once, by seed. An epoch keeps the length of the whole split, so
    that the number of steps is the same for every share (section 4 of the paper's protocol). Class
    balancing changes which frames an epoch is made of, not its length.

    Args:
        config: Configuration of the run.
        source: Training frames.
        model: Network to train. Its weights are changed.
        measure: Validation.
        adversary: Attacks every batch (adversarial training). It is needed if `train.adversarial`
            is set.

    Attributes:
        model: The network.
        notes: Which corruptions of `train.corruptions` are left out, and why.

    Raises:
        CalicoError: `train.adversarial` is set and there is no adversary, or `train.corruptions`
            names a corruption that has no effect here, or the data have other classes than the
            model.
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
                "train.adversarial is set, but there is no adversary; expected one, as "
                "`calico train` gives"
            )
        check_classes(config, source.taxonomy, source.name, "the model")
        conditions, notes = training_conditions(config, source)
        loader = LabelledLoader(
            source,
            _augmentation(config),
            config.model.camera.image_size if config.model.camera else None,
            config.seed,
            conditions,
            config.train.corruption_share,
            None
            if config.model.detection is None
            else TargetMaker.from_config(config.model.detection, model.trunk_grid, model.taxonomy),
            find_pasted(config, source),
        )
        super().__init__(config, config.train, loader, _frames(config, source), len(source))
        self.model, self.notes = model, notes
        self._measure, self._adversary = measure, adversary

    @property
    def stored(self) -> nn.Module:
        """The network: its weights keep their own names in the training state."""
        return self.model

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Return the detection and map terms of a batch."""
        if self._adversary is not None:
            batch = self._adversary(self.model, batch)
        return compute_losses(self.model, self.model(batch), batch)

    def measure_quality(self) -> dict[str, float | None]:
        """Return the scores on the validation split."""
        return self._measure(self.model.eval(), self.config)

    def save_files(self, folder: Path) -> None:
        """Write `model.safetensors` into a folder."""
        save_model(folder / MODEL_FILE, self.model, self.config)


def find_pasted(
    config: Config, source: FrameSource, progress: Callable[[int, int], None] | None = None
) -> StoredObjects | None:
    """Open the objects for `augment.paste`, which are cut out of the frames if need be.

    Args:
        config: Configuration of the run.
        source: Training frames. Only those are used whose labels the run may use.
        progress: Called with (frames done, frames in all) while objects are cut out.

    Returns:
        None if the configuration pastes nothing.

    Raises:
        CalicoError: The model has a camera, a class is unknown, or there is nothing to paste.
    """
    settings = config.augment.paste
    if settings is None:
        return None
    if config.model.camera is not None:
        raise CalicoError(
            "augment.paste: the images would not show the pasted objects, and the model has a "
            "camera; expected a model without one. Set model.camera or augment.paste to null"
        )
    unknown = sorted(set(settings.counts) - set(source.taxonomy.names))
    if unknown:
        raise CalicoError(
            f"augment.paste.counts: unknown class {unknown[0]}; expected some of "
            f"{', '.join(source.taxonomy.names)}"
        )
    train = config.train
    frames = label_subset(source, train.label_fraction, config.seed, train.label_unit)
    return open_database(source, frames, settings, progress)


def _augmentation(config: Config) -> AugmentConfig:
    """The settings of the augmentation.

    A model of one sensor has none to drop.
    """
    if config.model.camera is None or config.model.lidar is None:
        return config.augment.model_copy(update={"sensor_dropout": 0.0})
    return config.augment


def _frames(config: Config, source: FrameSource) -> list[int]:
    """The frames whose labels the run may use, balanced by class if the configuration asks."""
    if not len(source):
        return []
    train = config.train
    frames = label_subset(source, train.label_fraction, config.seed, train.label_unit)
    return balanced_frames(source, frames) if train.class_balanced and frames else frames
