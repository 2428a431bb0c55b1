"""Protocols of engines whose gradients attacks follow. Our network and users' models meet them.

Attacks know these protocols and no network. `calico_eval.engines.torch.TorchEngine` implements them
for our own network, `calico_eval.engines.user_white_box.UserWhiteBox` for a user's object that
meets `calico_eval.engines.base.WhiteBox`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Protocol, cast

from calico.errors import CalicoError
from calico_eval.engines.base import Engine

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from calico.data.batch import Batch
    from calico.frame import Bool, Float32, Frame


class PointValues(Protocol):
    """What single points of one cloud are worth to an objective, to first order or measured.

    Attributes:
        loss: Objective on the cloud as it is.
        forwards: Passes of the frame through the model so far.
        backwards: Gradients taken so far.
        bad_gradients: NaN or infinite gradient entries so far. All were set to zero.
        dead_gradient: Whether a gradient was zero everywhere.
    """

    loss: float
    forwards: int
    backwards: int
    bad_gradients: int
    dead_gradient: bool

    def rate_removals(self) -> tuple[Tensor, ...]:
        """Estimate what the objective gains when points vanish.

        Returns:
            One or more (N,) estimates, one number per point slot. Each is an order in which points
            may be dropped. The attack measures which order is the best.
        """
        ...

    def rate_additions(self, added: Tensor, count: int) -> Tensor:
        """Estimate what the objective gains when points appear.

        Args:
            added: (K, 5) candidates, at most one per cell of `AttackLoss.find_cells`.
            count: Number of candidates that will be taken.

        Returns:
            (K,) gains, or minus infinity for a candidate that is of no use.
        """
        ...


class AttackLoss(Protocol):
    """The number that an attack raises, as a function of the batch under attack."""

    @property
    def cell_m(self) -> float:
        """Size of the cells of `find_cells` [m]: how finely the model sees where a point is."""
        ...

    @property
    def forwards(self) -> int:
        """Passes of the clean batch through the model that the objective itself took so far."""
        ...

    def __call__(self, batch: Batch) -> Tensor:
        """Compute the objective at the least cost.

        Args:
            batch: Batch that differs from the clean one in the attacked sensors only.

        Returns:
            (B,) one number per frame, differentiable in `batch.images` and `batch.points`.
        """
        ...

    def compute_whole(self, batch: Batch) -> Tensor:
        """Compute the objective through the model's own forward pass, for any batch of the frames.

        Args:
            batch: The frames as the engine would see them.

        Returns:
            (B,) one number per frame, differentiable as `__call__` is.
        """
        ...

    def find_cells(self, points: Tensor) -> Tensor:
        """Find the cell that each point falls into.

        Args:
            points: (K, 5) points.

        Returns:
            (K,) int64 numbers. Points of one cell share theirs.
        """
        ...

    def rate_points(self, batch: Batch) -> PointValues:
        """Take the gradient that tells what single points are worth.

        Args:
            batch: Batch of one frame.

        Returns:
            The values of that frame's points.
        """
        ...


class Inside(Protocol):
    """What sanity checks can look at inside a network that is known layer by layer."""

    def find_dead_branches(self, frame: Frame, objective: str) -> list[str]:
        """Name the sensor branches whose features get no gradient of the objective.

        Args:
            frame: Clean frame with its ground truth.
            objective: Name of the objective.

        Returns:
            Names for messages, e.g. "camera features".
        """
        ...

    def count_dead_peaks(self, frame: Frame) -> tuple[int, int]:
        """Count objects whose own logit feels no input: (objects without, objects looked at)."""
        ...

    def compare_forwards(self, frame: Frame) -> float:
        """Measure the largest difference of a logit between `AttackLoss` and the model itself."""
        ...

    def compare_passes(self, frames: Sequence[Frame]) -> tuple[float, float]:
        """Run two passes: (largest difference of a logit, largest logit)."""
        ...

    def find_smooth(self, points: Tensor) -> Tensor:
        """Mark the coordinates that may move by a millimetre without a jump of the network.

        Args:
            points: (B, N, 5) points.

        Returns:
            Bool mask of the same shape.
        """
        ...

    def plant_fault(self, frame: Frame, changed: Sequence[Frame]) -> WhiteBoxEngine | None:
        """Build a copy of the model that loses its objects on one changed frame.

        Args:
            frame: Clean frame.
            changed: Frames within a budget. The first triggers the fault, the others must not.

        Returns:
            The faulty copy, or None where the network has no head that could hold the fault.
        """
        ...


class WhiteBoxEngine(Engine, Protocol):
    """An engine whose gradients attacks can follow.

    Attributes:
        device: Where batches are put before they are given to the model.
        crosses_cells: Whether `attack_loss` offers a gradient that sees points change their cell.
        inside: The network's inside for sanity checks, or None for a model that shows none.
    """

    device: torch.device
    crosses_cells: bool

    @property
    def inside(self) -> Inside | None:
        """See the class."""
        ...

    @property
    def usual_objective(self) -> str:
        """Name of the objective that is raised where the user names none."""
        ...

    @property
    def probing_objective(self) -> str | None:
        """Name of an objective that every input should feel, or None where the model has none."""
        ...

    def check_objective(self, wanted: str) -> None:
        """Raise CalicoError where the model cannot compute the objective."""
        ...

    def choose_objective(self, wanted: str, frame: Frame) -> tuple[str, str]:
        """Choose the objective for one frame.

        Args:
            wanted: Name of the objective that the user asked for.
            frame: Clean frame with its ground truth.

        Returns:
            The objective's name and, where it is not the wanted one, the reason ("" otherwise).

        Raises:
            CalicoError: The model cannot compute the objective.
        """
        ...

    def find_second_objective(self, objective: str) -> tuple[str, str] | None:
        """Name and describe another objective on the same outputs, or return None."""
        ...

    def attack_mode(self) -> AbstractContextManager[None]:
        """Hold the model ready for gradients of its inputs, and put it back afterwards."""
        ...

    def attack_loss(
        self,
        objective: str,
        clean: Batch,
        sensors: Sequence[str],
        crossing_m: float | None = None,
    ) -> AttackLoss:
        """Make the function that an attack raises.

        Args:
            objective: Name, one that `check_objective` accepts.
            clean: Clean batch with its ground truth.
            sensors: Attacked sensors. The others stay as they are in `clean`.
            crossing_m: How far a point may go, for a gradient that sees points change their cell,
                or None for the true gradient. Ignored unless `crosses_cells`.

        Returns:
            The function, for batches of the same frames.
        """
        ...

    def count_crossings(self, before: Float32, after: Float32) -> int | None:
        """Count points that changed their cell.

        Args:
            before: (N, 5) points [m, LiDAR frame].
            after: (N, 5) the same points after the attack.

        Returns:
            The number of points, or None for a model whose cells are unknown.
        """
        ...

    def find_known(self, frame: Frame) -> Bool:
        """Tell which objects (M,) of a frame the model could find: class known, place in range."""
        ...

    def copy_double(self) -> WhiteBoxEngine:
        """Copy the engine with float64 weights.

        Raises:
            CalicoError: The model cannot be copied or does not compute in float64.
        """
        ...

    def hash_now(self) -> str:
        """Compute `sha256` from the weights as they are at this moment."""
        ...


def as_white_box(engine: Engine) -> WhiteBoxEngine | None:
    """Return the engine where it gives gradients, else None."""
    return cast("WhiteBoxEngine", engine) if hasattr(engine, "attack_loss") else None


def white_box_of(engine: Engine, what: str, sensors: Sequence[str]) -> WhiteBoxEngine:
    """Return the engine where it gives gradients and looks at all attacked sensors.

    Args:
        engine: Any engine.
        what: Beginning of the message, e.g. "attack pgd".
        sensors: Attacked sensors.

    Returns:
        The same engine.

    Raises:
        CalicoError: The engine gives no gradients or does not look at a sensor.
    """
    found = as_white_box(engine)
    if found is None:
        raise CalicoError(
            f"{what}: engine {engine.name} gives no gradients; expected a torch checkpoint or a "
            "model of your own with a method loss(batch). Attack such a model and evaluate the "
            "attacked frames on this engine, or choose an attack by queries"
        )
    blind = [sensor for sensor in sensors if sensor not in engine.sensors]
    if blind:
        raise CalicoError(
            f"{what}: sensor is '{blind[0]}', but model {engine.model_name} only looks at "
            f"{' and '.join(engine.sensors)}"
        )
    return found
