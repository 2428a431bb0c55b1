"""The training state: all that it takes to go on with a run that was stopped.

`state.pt` holds optimiser, schedule, weights and position of one stage, sealed, with the name of
the stage and a digest of the run that it belongs to. Nothing but tensors and plain values is
unpickled, and all of it is compared with what the run expects before it is used. The bytes are a
function of the content: a run that was stopped and resumed leaves the same file.
"""

from __future__ import annotations

import io
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from calico.errors import CalicoError
from calico.files import FileError, check_seal, read_bytes, seal_zip, write_atomic

STATE_FILE = "state.pt"
_MOVING = (
    "lr",
    "last_epoch",
    "_step_count",
    "_last_lr",
    "_is_initial",
    "_get_lr_called_within_step",
)
"""Numbers of optimiser and schedule that change while a run goes on; all others are settings."""
MAX_BYTES = 24 << 30
"""Largest training state that is read."""


@dataclass(frozen=True)
class TrainingState:
    """The position of a run, and all that it needs to go on from there.

    Random streams are functions of (seed, step), so that the position is all their state.

    Attributes:
        stage: Name of the stage.
        run: Digest of all that decides the run (see `log.RunLog`).
        step: Steps done.
        optimizer: State dictionary of the optimiser.
        scheduler: State dictionary of the schedule.
        weights: State dictionary of the task's stored module.
    """

    stage: str
    run: str
    step: int
    optimizer: dict[str, Any]
    scheduler: dict[str, Any]
    weights: dict[str, torch.Tensor]


def save_state(path: Path, state: TrainingState) -> None:
    """Write the training state with a seal, atomically.

    Equal states give equal bytes.

    Args:
        path: File to write.
        state: State to write.
    """
    buffer = io.BytesIO()
    torch.save(_canonical(vars(state), {}), buffer)
    write_atomic(path, seal_zip(buffer.getvalue()))


def load_state(path: Path, stage: str, run: str) -> TrainingState:
    """Read a training state of ours.

    Args:
        path: The file.
        stage: Name of the stage that it must belong to.
        run: Digest of the run that it must belong to.

    Raises:
        CalicoError: The file is missing or damaged, or belongs to another stage or run. The message
            says how to go on.
    """
    where = f"training state {path}"
    if not path.exists():
        raise CalicoError(f"{where}: not found; nothing to resume (start without --resume)")
    try:
        content = read_bytes(path, MAX_BYTES, "training state")
        check_seal(content, where)
    except FileError as error:
        raise CalicoError(f"{error}; {_way_on(path, stage)}") from None
    try:
        state = TrainingState(
            **torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
        )
    # torch raises RuntimeError, UnpicklingError, EOFError, KeyError ... for broken files
    except Exception as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CalicoError(f"{where}: cannot be read ({reason}); {_way_on(path, stage)}") from error
    for what, found, expected in (("stage", state.stage, stage), ("run", state.run, run)):
        if found != expected:
            raise CalicoError(
                f"{where}: is of the {what} {found!r}, expected {expected!r}; "
                f"{_way_on(path, stage)}"
            )
    return state


def restore_state(
    path: Path,
    state: TrainingState,
    module: nn.Module,
    optimizer: torch.optim.Optimizer,
    scheduler: torch.optim.lr_scheduler.LRScheduler,
    possible_steps: Iterable[int],
) -> int:
    """Put a training state into the objects of a run, after checking all its parts.

    Args:
        path: Where the state was read, for the messages.
        state: What `load_state` returned.
        module: Module that gets the weights, fresh.
        optimizer: Optimiser of the run, fresh.
        scheduler: Schedule of the run, fresh.
        possible_steps: Steps at which a state of this run can stand.

    Returns:
        The number of steps done.

    Raises:
        CalicoError: A part does not fit the run. The message says which.
    """
    problem = _mismatch(state.weights, dict(module.state_dict()), "weights")
    problem = problem or _mismatch(
        state.optimizer, _filled(optimizer, state.optimizer), "optimizer"
    )
    problem = problem or _mismatch(state.scheduler, scheduler.state_dict(), "scheduler")
    if problem is None and (type(state.step) is not int or state.step not in possible_steps):
        problem = f"step is {str(state.step)[:40]}, where no checkpoint of this run stands"
    if problem is None and state.scheduler.get("last_epoch") != state.step:
        problem = (
            f"the schedule stands at {str(state.scheduler.get('last_epoch'))[:40]}, the run "
            f"at step {state.step}"
        )
    if problem:
        raise CalicoError(f"training state {path}: {problem}; {_way_on(path, state.stage)}")
    module.load_state_dict(state.weights)
    optimizer.load_state_dict(state.optimizer)
    scheduler.load_state_dict(state.scheduler)
    return state.step


def _way_on(path: Path, stage: str) -> str:
    return (
        f"it cannot be gone on from: train this stage again (--stage {stage} --overwrite, or "
        f"delete {path.parent})"
    )


def _canonical(value: Any, texts: dict[str, str]) -> Any:
    """Copy a state so that its pickled bytes depend on nothing but its values.

    Pickle writes an object that it meets again as a reference, and the objects that are shared in a
    fresh state are not those that are shared in a loaded one. Here equal texts are one object, and
    no other two values share one.
    """
    if isinstance(value, dict):
        keys = sorted(value, key=lambda key: (isinstance(key, str), key))
        return {_canonical(key, texts): _canonical(value[key], texts) for key in keys}
    if isinstance(value, list | tuple):
        return type(value)([_canonical(item, texts) for item in value])
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().contiguous().clone()
    return texts.setdefault(value, value) if isinstance(value, str) else value


def _filled(optimizer: torch.optim.Optimizer, stored: Any) -> dict[str, Any]:
    """Return what this optimiser's state looks like after a step.

    Parameters without moments in the stored state are left out.
    """
    expected = optimizer.state_dict()
    parameters = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    there = stored.get("state", {}) if isinstance(stored, dict) else {}
    numbers = (
        range(len(parameters))
        if not isinstance(there, dict)
        else [n for n in range(len(parameters)) if n in there]
    )
    moments = {
        n: {"step": torch.tensor(0.0), "exp_avg": parameters[n], "exp_avg_sq": parameters[n]}
        for n in numbers
    }
    return {**expected, "state": moments}


def _mismatch(found: Any, expected: Any, name: str) -> str | None:
    """Say where a stored value differs from the run's, or None if it does not.

    Keys, lengths, types, shapes and settings are compared.
    """
    if isinstance(expected, torch.Tensor):
        kind = (
            (tuple(found.shape), found.dtype)
            if isinstance(found, torch.Tensor)
            else type(found).__name__
        )
        wanted = (tuple(expected.shape), expected.dtype)
        return None if kind == wanted else f"{name} is {kind}, expected {wanted}"
    if isinstance(expected, dict):
        if not isinstance(found, dict) or found.keys() != expected.keys():
            keys = (
                sorted(map(str, found.keys() ^ expected.keys())) if isinstance(found, dict) else []
            )
            return (
                f"{name} has other entries than this run's "
                f"({', '.join(keys[:3]) or type(found).__name__})"
            )
        pairs = [(found[key], expected[key], f"{name}.{key}") for key in expected]
    elif isinstance(expected, list | tuple):
        if not isinstance(found, list | tuple) or len(found) != len(expected):
            return f"{name} has another length than this run's"
        pairs = [
            (a, b, f"{name}[{k}]") for k, (a, b) in enumerate(zip(found, expected, strict=True))
        ]
    elif name.split(".")[-1].partition("[")[0] in _MOVING:
        good = isinstance(found, int | float) and math.isfinite(found)
        return None if good else f"{name} is {found!r:.40}, expected a finite number"
    else:
        same = (
            not isinstance(found, torch.Tensor) and found == expected
        )  # equal tensors are no truth value
        return None if same else f"{name} is {found!r:.40}, expected {expected!r:.40}"
    return next((problem for pair in pairs if (problem := _mismatch(*pair))), None)
