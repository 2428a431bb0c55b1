"""What objectives know besides the outputs: model, clean batch, ground truth and clean outputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar, cast

import numpy as np
import torch
from torch import Tensor

from calico.config.model import DetectionConfig
from calico.data.batch import Batch
from calico.data.targets import TaskTarget, center_targets
from calico.errors import CalicoError
from calico.models.calico import CalicoModel, Outputs
from calico_eval.engines.network.objectives.cells import (
    AT_TARGET_M,
    cells_around,
    flat_logits,
    near_objects,
    stack_rows,
)
from calico_eval.metrics.false_target import false_target

_T = TypeVar("_T")


@dataclass(frozen=True)
class Objects:
    """The M objects on the trunk grid whose class the model knows, of all frames of the batch.

    Attributes:
        frame: (M,) frame of each object.
        channel: (M,) channel of its class in the heat maps, in the order of `class_names`.
        task: (M,) detection task of its class.
        boxes: (M, 9) true boxes.
        cells: (M, K) cells (row * X + column) near each object, short rows filled with their first.
    """

    frame: Tensor
    channel: Tensor
    task: Tensor
    boxes: Tensor
    cells: Tensor


class Scene:
    """Everything that objectives derive from the clean batch, computed once per attack.

    An objective is asked at every step, and what it needs again is kept.

    Args:
        model: Network in evaluation mode.
        batch: Clean batch with its ground truth, whichever batch the outputs are of.
    """

    def __init__(self, model: CalicoModel, batch: Batch) -> None:
        self.model, self.batch, self.config = model, batch, model.config
        self._kept: dict[str, object] = {}
        self.forwards = 0
        """Passes of the batch through the model that `clean` took: 0 or 1."""

    def compute_once(self, name: str, make: Callable[[], _T]) -> _T:
        """Compute a value the first time, and return the same one afterwards.

        Args:
            name: Key of the value.
            make: Computes the value.

        Returns:
            The value.
        """
        if name not in self._kept:
            self._kept[name] = make()
        return cast("_T", self._kept[name])

    @cached_property
    def clean(self) -> Outputs:
        """The model's outputs on the clean batch, without gradients."""
        self.forwards += 1
        with torch.no_grad():
            outputs: Outputs = self.model(self.batch)
        return outputs

    @property
    def detection(self) -> DetectionConfig:
        """The detection head's settings."""
        if self.config.model.detection is None:
            raise CalicoError(
                "this objective reads boxes, and the model has no detection head (model.detection "
                "is null)"
            )
        return self.config.model.detection

    @cached_property
    def objects(self) -> Objects:
        """See `Objects`."""
        rows: list[tuple[int, int, Tensor, Tensor]] = []
        for index, (boxes, labels) in enumerate(
            zip(self.batch.boxes, self.batch.labels, strict=True)
        ):
            for row, of_class, cells in near_objects(
                boxes[:, :2].cpu().numpy(), labels.cpu().numpy(), self.config
            ):
                rows.append(
                    (index, of_class, boxes[row].cpu(), torch.from_numpy(np.flatnonzero(cells)))
                )
        tasks = [index for index, names in enumerate(self.detection.tasks) for _ in names]
        frame, channel, head = (
            torch.tensor(values, dtype=torch.int64)
            for values in ([r[0] for r in rows], [r[1] for r in rows], [tasks[r[1]] for r in rows])
        )
        boxes = torch.stack([r[2] for r in rows]) if rows else torch.zeros(0, 9)
        return Objects(
            *(
                part.to(self.device)
                for part in (frame, channel, head, boxes, stack_rows([r[3] for r in rows]))
            )
        )

    @cached_property
    def near(self) -> tuple[Tensor, Tensor]:
        """(M, K) the objects' cells as indices into `flat_logits`, and (M,) their frames.

        The indices lie in the map of each object's class.
        """
        rows, columns = self.model.trunk_grid.shape
        return self.objects.cells + self.objects.channel[
            :, None
        ] * rows * columns, self.objects.frame

    @cached_property
    def peaks(self) -> Tensor:
        """(M,) the cell near each object with the highest clean logit of its class.

        The object's box comes from there.
        """
        objects = self.objects
        cells, frame = self.near
        logits = flat_logits(self.clean)[frame[:, None], cells]
        return objects.cells.gather(1, logits.argmax(dim=1, keepdim=True))[:, 0]

    @cached_property
    def targets(self) -> tuple[tuple[TaskTarget, ...], ...]:
        """The training targets of every frame, for every task."""
        config, known = self.detection, self.model.taxonomy.names
        return tuple(
            tuple(
                center_targets(
                    (boxes,), (labels,), tuple(known.index(name) for name in names),
                    self.model.trunk_grid, config.gaussian_overlap, config.min_radius,
                )
                for names in config.tasks
            )
            for boxes, labels in zip(self.batch.boxes, self.batch.labels, strict=True)
        )  # fmt: skip

    @cached_property
    def false_objects(self) -> tuple[Tensor, Tensor]:
        """(T,) frames that have a `false_target`, and (T, K) its cells in the map of its class."""
        places = [false_target(boxes[:, :2].cpu().numpy()) for boxes in self.batch.boxes]
        frames = [index for index, place in enumerate(places) if place is not None]
        cells = [
            torch.from_numpy(
                np.flatnonzero(cells_around(np.array(place), AT_TARGET_M, self.config))
            )
            for place in places
            if place is not None
        ]
        return torch.tensor(frames, dtype=torch.int64, device=self.device), stack_rows(cells).to(
            self.device
        )

    @cached_property
    def map_cells(self) -> tuple[Tensor, Tensor]:
        """(B, K, Y, X) masks: cells known to be of a class, and cells known not to be.

        Raises:
            CalicoError: A frame has no map, or one of another grid than the model's.
        """
        masks, grid = self.batch.map_masks, self.config.grid.map
        classes = 0 if self.config.model.map is None else len(self.config.model.map.classes)
        if masks is None or masks.shape[1:] != (classes, *grid.shape):
            got = "no map masks" if masks is None else f"map masks {tuple(masks.shape[1:])}"
            raise CalicoError(
                f"this objective reads the map: got {got}, expected {(classes, *grid.shape)} as "
                "the model's"
            )
        return masks > 0.5, (masks >= 0) & (masks <= 0.5)

    @property
    def device(self) -> torch.device:
        """Device of the batch."""
        return self.batch.points.device
