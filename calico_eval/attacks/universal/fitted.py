"""Attacks that are learnt on the frames of other scenes and then applied, unchanged, to every evaluated frame."""

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

    craft: applies it, see `catalogue.Craft`. values: the tensor that was learnt. tokens, scenes: of the frames it was learnt on.
    loss_start, loss_end: mean of the objective over them, without and with it. forwards, backwards: passes of a frame.
    """

    craft: Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
    values: Tensor
    tokens: tuple[str, ...]
    scenes: tuple[str, ...]
    loss_start: float
    loss_end: float
    forwards: int
    backwards: int

    def describe(self) -> dict[str, float | int | str | None]:
        """For a cell's details: what it was learnt on, and a hash of what was learnt."""
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
    """`count` frames spread evenly over those of scenes that are not evaluated; all of them where there are no more.

    Raises:
        CalicoError: there is none.
    """
    free = [index for index in range(len(source)) if source.info(index).scene not in evaluated]
    if not free:
        raise CalicoError(
            f"data {source.name}: no frame to fit a universal attack on, all {len(source)} are of evaluated scenes; "
            "expected other scenes, e.g. the training split"
        )
    return [
        free[int(place)] for place in np.linspace(0, len(free) - 1, min(count, len(free))).round()
    ]


def usable(engine: WhiteBoxEngine, frames: Sequence[Frame], spec: AttackSpec) -> list[Frame]:
    """The frames that have something for the spec's objective to look at.

    Raises:
        CalicoError: none has.
    """
    found = [
        frame
        for frame in frames
        if engine.choose_objective(spec.objective, frame)[0] == spec.objective
    ]
    if not found:
        raise CalicoError(
            f"attack {spec.name}: none of the {len(frames)} frames to fit on has an object for objective '{spec.objective}'"
        )
    return found


def chunks(frames: Sequence[Frame]) -> Iterator[Sequence[Frame]]:
    """CHUNK frames at a time."""
    return (frames[start : start + CHUNK] for start in range(0, len(frames), CHUNK))


def needs_fit(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """In place of the craft of an attack that nothing was learnt for."""
    raise CalicoError(
        f"attack {spec.name}: is learnt on frames of other scenes before it is applied, and was given none; "
        "expected a fit source (the training split)"
    )
