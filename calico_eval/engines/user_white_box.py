"""Users' models whose gradients attacks can follow: an object with `predict` and `loss`.

See `calico_eval.engines.base.WhiteBox` for what the object is asked for.
"""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from calico.data.batch import Batch
from calico.device import pick_device, use_deterministic_algorithms
from calico.errors import CalicoError
from calico.frame import Bool, Float32, Frame
from calico_eval.engines.base import MODEL_LOSS
from calico_eval.engines.foreign import ForeignError, call_foreign, one_line
from calico_eval.engines.point_values import CELL_M, MeasuredPoints, find_cells
from calico_eval.engines.user import UserEngine
from calico_eval.engines.white_box import Inside

MAX_OBJECTS = 10_000
"""Objects of a user's model that are searched for modules."""
NO_BACKWARD = (
    "the attack takes the gradient itself, so return the loss as a tensor (B,), one number per "
    "frame, without calling backward() or detach()"
)


class UserWhiteBox(UserEngine):
    """Runs a user's object and lets attacks follow its loss.

    It implements `calico_eval.engines.white_box.WhiteBoxEngine`. Its one objective is "model_loss".

    Args:
        model: Object with `predict(frames)` and `loss(batch)`.
        model_name: Name in reports.
        sensors: What the model looks at.
        sha256: Identity without the weights: of source files and of what the model states.
        weights_named: Whether the model states which weights it has.
        device: Device of the batches that `loss` gets.
        weighs_points: Whether `loss` multiplies each point by `batch.point_mask`.
    """

    crosses_cells = False

    def __init__(
        self,
        model: Any,
        model_name: str,
        sensors: tuple[str, ...],
        sha256: str,
        *,
        weights_named: bool = True,
        device: str = "cpu",
        weighs_points: bool = False,
    ) -> None:
        self._identity = sha256
        self.device = pick_device(device)
        self._weighs_points = weighs_points
        modules = find_modules(model)
        super().__init__(
            model,
            model_name,
            sensors,
            hash_weights(sha256, modules),
            weights_named=weights_named or _hold_weights(modules),
        )

    @property
    def inside(self) -> Inside | None:
        """None, as the layers of a user's model are not known."""
        return None

    @property
    def usual_objective(self) -> str:
        """The model's own loss."""
        return MODEL_LOSS

    @property
    def probing_objective(self) -> str | None:
        """The model's own loss."""
        return MODEL_LOSS

    def check_objective(self, wanted: str) -> None:
        """Raise CalicoError for any objective but the model's own loss."""
        if wanted != MODEL_LOSS:
            raise CalicoError(
                f"attack objective '{wanted}': reads the heads of CALICO's network, and model "
                f"{self.model_name} is attacked through its own loss; expected '{MODEL_LOSS}'"
            )

    def choose_objective(self, wanted: str, frame: Frame) -> tuple[str, str]:
        """Return the model's own loss for every frame (see `WhiteBoxEngine.choose_objective`).

        Args:
            wanted: Name of the objective that the user asked for.
            frame: Clean frame.

        Returns:
            The same name, and "" as the reason.
        """
        self.check_objective(wanted)
        return wanted, ""

    def find_second_objective(self, objective: str) -> tuple[str, str] | None:
        """Return None, as a user's model has one loss."""
        return None

    @contextmanager
    def attack_mode(self) -> Iterator[None]:
        """Switch gradients and deterministic algorithms on. The model keeps its own mode."""
        with use_deterministic_algorithms(self.device), torch.enable_grad():
            yield

    def attack_loss(
        self,
        objective: str,
        clean: Batch,
        sensors: Sequence[str],
        crossing_m: float | None = None,
    ) -> UserLoss:
        """Make the function that an attack raises (see `WhiteBoxEngine.attack_loss`).

        Args:
            objective: "model_loss".
            clean: Clean batch, not used.
            sensors: Attacked sensors, not used.
            crossing_m: Not used, as the cells of a user's model are not known.

        Returns:
            The user's loss as a function of a batch.
        """
        self.check_objective(objective)
        return UserLoss(self._model, self.model_name, weighs_points=self._weighs_points)

    def count_crossings(self, before: Float32, after: Float32) -> int | None:
        """Return None, as the cells of a user's model are not known.

        Args:
            before: (N, 5) points.
            after: (N, 5) the same points after the attack.
        """
        return None

    def find_known(self, frame: Frame) -> Bool:
        """Mark every object (M,), as classes and range of a user's model are not known."""
        return np.ones(len(frame.boxes), np.bool_)

    def copy_double(self) -> UserWhiteBox:
        """Copy the model with float64 weights.

        Raises:
            CalicoError: The object cannot be copied.
        """
        where = f"model {self.model_name}: a copy in float64"

        def convert() -> Any:
            model = copy.deepcopy(self._model)
            for module in find_modules(model):
                module.double()
            return model

        return UserWhiteBox(
            call_foreign(convert, where),
            self.model_name,
            self.sensors,
            self._identity,
            weights_named=self.weights_named,
            device=str(self.device),
            weighs_points=self._weighs_points,
        )

    def hash_now(self) -> str:
        """Compute `sha256` from the weights as they are at this moment."""
        return hash_weights(self._identity, find_modules(self._model))


class UserLoss:
    """A user's loss as a function of a batch (see `calico_eval.engines.white_box.AttackLoss`).

    Args:
        model: Object with `loss(batch)`.
        model_name: Name in messages.
        weighs_points: Whether it multiplies each point by `batch.point_mask`.
    """

    cell_m = CELL_M

    def __init__(self, model: Any, model_name: str, *, weighs_points: bool) -> None:
        self._model, self._name, self._weighs_points = model, model_name, weighs_points

    @property
    def forwards(self) -> int:
        """Passes beside the calls, always 0."""
        return 0

    def __call__(self, batch: Batch) -> Tensor:
        """Compute the user's loss.

        Args:
            batch: Batch under attack. The user's code gets copies of images and points.

        Returns:
            (B,) the loss.

        Raises:
            CalicoError: The code raised, or returned something else than one number per frame.
        """
        where = f"model {self._name}, frame {', '.join(batch.tokens)}: loss"
        own = replace(
            batch,
            images=batch.images.clone(),
            points=batch.points.clone(),
            point_mask=batch.point_mask.clone(),
        )
        followed: list[Tensor] = []
        hooks = [
            one.register_hook(followed.append)  # type: ignore[no-untyped-call]
            for one in (own.images, own.points)
            if one.requires_grad
        ]
        try:
            found = call_foreign(lambda: self._model.loss(own), where)
        except ForeignError as error:
            if isinstance(error.__cause__, RuntimeError) and "does not require grad" in str(error):
                raise ForeignError(f"{error}; {NO_BACKWARD}") from error.__cause__
            raise
        finally:
            for hook in hooks:
                hook.remove()
        if not isinstance(found, Tensor):
            raise ForeignError(
                f"{where} returned {type(found).__name__}; expected a tensor ({len(batch)},)"
            )
        if found.shape != (len(batch),) or not found.is_floating_point():
            raise ForeignError(
                f"{where} returned {one_line(found.dtype)} of shape {tuple(found.shape)}; expected "
                f"floating-point numbers of shape ({len(batch)},), one per frame"
            )
        if followed:
            _check_graph(found, own, where)
        return found.to(batch.points.device)

    def compute_whole(self, batch: Batch) -> Tensor:
        """Compute the user's loss, as `__call__` does."""
        return self(batch)

    def find_cells(self, points: Tensor) -> Tensor:
        """Find the cell of each point (see `point_values.find_cells`)."""
        return find_cells(points)

    def rate_points(self, batch: Batch) -> MeasuredPoints:
        """See `AttackLoss.rate_points`."""
        return MeasuredPoints(self, batch, weighted=self._weighs_points)


def _check_graph(loss: Tensor, batch: Batch, where: str) -> None:
    """Check that a loss which took gradients itself has left the graph for those of the attack."""
    leaves = [one for one in (batch.images, batch.points) if one.requires_grad]
    try:
        torch.autograd.grad(loss.sum(), leaves, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise ForeignError(f"{where} called backward() itself: {NO_BACKWARD}") from error


def find_modules(model: Any) -> list[nn.Module]:
    """Find the torch modules of a user's object.

    Args:
        model: The object: a module itself, or one that holds modules in attributes, lists, tuples
            or dictionaries, at any depth.

    Returns:
        The modules, nearest first, in the order of their attributes' names.
    """
    found: list[nn.Module] = []
    seen: set[int] = set()
    todo = [model]
    while todo:
        one = todo.pop(0)
        if id(one) in seen or len(seen) > MAX_OBJECTS:
            continue
        seen.add(id(one))
        if isinstance(one, nn.Module):
            found.append(one)
        elif isinstance(one, dict):
            todo += list(one.values())
        elif isinstance(one, (list, tuple)):
            todo += list(one)
        elif type(one).__module__ != "builtins" and not isinstance(one, type):
            todo += [value for _, value in sorted(getattr(one, "__dict__", {}).items())]
    return found


def _hold_weights(modules: Sequence[nn.Module]) -> bool:
    """Tell whether any module has a parameter or a buffer."""
    return any(
        next(chain(module.parameters(), module.buffers()), None) is not None for module in modules
    )


def hash_weights(identity: str, modules: Sequence[nn.Module]) -> str:
    """Compute a hex digest that changes with the identity and with any weight or buffer.

    Args:
        identity: Digest of everything else.
        modules: Modules that hold weights.

    Returns:
        The digest; the identity itself without modules.
    """
    if not modules:
        return identity
    digest = hashlib.sha256(identity.encode())
    for number, module in enumerate(modules):
        for name, tensor in sorted(module.state_dict().items()):
            if isinstance(tensor, Tensor):
                digest.update(f"{number} {name} {tensor.dtype} {tuple(tensor.shape)}".encode())
                flat = tensor.detach().cpu().contiguous().reshape(-1)
                digest.update(flat.view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
