"""What a stage of training learns: a module whose `forward` turns a batch into losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

import torch
from torch import Tensor, nn

from calico.config.schema import Config
from calico.config.training import ScheduleConfig
from calico.errors import CalicoError
from calico.models.calico import CalicoModel

if TYPE_CHECKING:
    from typing_extensions import Self

Measure = Callable[[CalicoModel, Config], dict[str, float | None]]
"""Score a model in evaluation mode, or describe its features."""


class TrainingBatch(Protocol):
    """What the loop needs of a batch."""

    @property
    def tokens(self) -> tuple[str, ...]:
        """Names of the frames, for messages."""
        ...

    def to(self, device: torch.device | str) -> Self:
        """Return the same batch on a device."""
        ...


BatchT = TypeVar("BatchT", bound=TrainingBatch)
BatchT_co = TypeVar("BatchT_co", bound=TrainingBatch, covariant=True)


class Loader(Protocol[BatchT_co]):
    """Makes the batches of a task.

    It is pickled into worker processes.
    """

    def __call__(self, epoch: int, positions: Sequence[int], indices: Sequence[int]) -> BatchT_co:
        """Make one batch.

        Args:
            epoch: Number of the epoch. Augmentation differs between epochs.
            positions: Places of the frames in the epoch. A frame that comes up twice in an epoch
                is augmented differently each time.
            indices: Frames of the source.
        """
        ...


class Task(nn.Module, ABC, Generic[BatchT]):
    """One stage of training.

    Calling the task on a batch gives its losses.

    The loop calls the module itself and nothing inside it. Wrappers that act on `forward`, such as
    `DistributedDataParallel`, therefore see every use of the weights.

    Attributes:
        name: Name of the stage, part of its random streams.
        config: Configuration that the run depends on.
        schedule: Settings of the optimiser.
        loader: Makes the batches.
        frames: Indices that epochs draw from.
        epoch_length: Frames in an epoch.
    """

    name: str

    def __init__(
        self,
        config: Config,
        schedule: ScheduleConfig,
        loader: Loader[BatchT],
        frames: list[int],
        epoch_length: int,
    ) -> None:
        super().__init__()
        self.config, self.schedule, self.loader = config, schedule, loader
        self.frames, self.epoch_length = frames, epoch_length

    if TYPE_CHECKING:

        def __call__(self, batch: BatchT) -> dict[str, Tensor]:
            """Call `forward`.

            Torch declares this method without types.
            """
            ...

    @property
    def stored(self) -> nn.Module:
        """The module whose weights the training state keeps, under the names of its state dict."""
        return self

    @abstractmethod
    def forward(self, batch: BatchT) -> dict[str, Tensor]:
        """Return the loss terms of a batch by name, `total` among them."""

    @abstractmethod
    def measure_quality(self) -> dict[str, float | None]:
        """Return validation scores or diagnostics.

        They are logged and never fed back.
        """

    @abstractmethod
    def save_files(self, folder: Path) -> None:
        """Write the stage's model files into a folder, each atomically."""


@dataclass(frozen=True)
class Plan:
    """Step counts of a run, fixed before its first step.

    Attributes:
        steps_per_epoch: Steps in each epoch, at least one.
        total_steps: Steps of the whole run.
    """

    steps_per_epoch: int
    total_steps: int

    @staticmethod
    def from_task(task: Task[BatchT]) -> Plan:
        """Count the steps of a task.

        Raises:
            CalicoError: The task has no frames.
        """
        if not task.frames:
            raise CalicoError(f"stage {task.name}: no frames to train on")
        steps = max(1, task.epoch_length // task.schedule.batch_size)
        return Plan(steps, steps * task.schedule.epochs)
