"""Attacks that are learnt on frames of other scenes and then applied, unchanged, to every frame."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.attacks.details import Crafted
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.base import Engine
from calico_eval.engines.white_box import WhiteBoxEngine

CHUNK = 4
"""Frames that are shown to the model at once while fitting."""


@dataclass(frozen=True)
class Fitted:
    """What an attack learnt.

    Attributes:
        compute_attack: Function that applies it, see `catalogue.ComputeAttack`.
        values: The tensor that was learnt.
        tokens, scenes: The frames that it was learnt on.
        loss_start, loss_end: Mean of the objective over them, without and with it.
        forwards, backwards: Passes of a frame.
    """

    compute_attack: Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
    values: Tensor
    tokens: tuple[str, ...]
    scenes: tuple[str, ...]
    loss_start: float
    loss_end: float
    forwards: int
    backwards: int

    def describe(self) -> dict[str, float | int | str | None]:
        """Describe what the attack was learnt on, with a hash of the values, for details."""
        return {
            "fitted_frames": len(self.tokens),
            "fitted_scenes": len(set(self.scenes)),
            "fitted_on": " ".join(self.tokens),
            "fitted_sha256": hashlib.sha256(self.values.cpu().numpy().tobytes()).hexdigest(),
            "fitted_loss_start": self.loss_start,
            "fitted_loss_end": self.loss_end,
            "fitted_forwards": self.forwards,
            "fitted_backwards": self.backwards,
        }


def fit_indices(source: FrameSource, count: int, evaluated: Collection[str]) -> list[int]:
    """Choose frames spread evenly over those of scenes that are not evaluated.

    Args:
        source: The frames.
        count: Number of frames. All are taken if there are no more.
        evaluated: Scenes that are evaluated.

    Raises:
        CalicoError: Every scene is evaluated.
    """
    free = [index for index in range(len(source)) if source.info(index).scene not in evaluated]
    if not free:
        raise CalicoError(
            f"data {source.name}: no frame to fit a universal attack on, all {len(source)} are of "
            "evaluated scenes; expected other scenes, e.g. the training split"
        )
    return [
        free[int(place)] for place in np.linspace(0, len(free) - 1, min(count, len(free))).round()
    ]


def select_usable(engine: WhiteBoxEngine, frames: Sequence[Frame], spec: AttackSpec) -> list[Frame]:
    """Return the frames on which the spec's objective has something to do.

    Args:
        engine: The engine whose gradients are followed.
        frames: The frames.
        spec: The attack.

    Raises:
        CalicoError: No frame has.
    """
    found = [
        frame
        for frame in frames
        if engine.choose_objective(spec.objective, frame)[0] == spec.objective
    ]
    if not found:
        raise CalicoError(
            f"attack {spec.name}: none of the {len(frames)} frames to fit on has an object for "
            f"objective '{spec.objective}'"
        )
    return found


def split_chunks(frames: Sequence[Frame]) -> Iterator[Sequence[Frame]]:
    """Yield CHUNK frames at a time."""
    return (frames[start : start + CHUNK] for start in range(0, len(frames), CHUNK))


def refuse_unfitted(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Raise the error of an attack that must be learnt and was not.

    Args:
        engine: Not used.
        frames: Not used.
        spec: The attack.
        seed: Not used.

    Raises:
        CalicoError: Always.
    """
    raise CalicoError(
        f"attack {spec.name}: is learnt on frames of other scenes before it is applied, and was "
        "given none; expected a fit source (the training split)"
    )
