"""How an attack on a frame went."""

from __future__ import annotations

from dataclasses import dataclass

from calico.frame import Frame
from calico_eval.attacks.budget.patch_area import Declared


@dataclass(frozen=True)
class AttackDetails:
    """How an attack on a frame went.

    Attributes:
        objective: Name of the objective that was maximised, or None for attacks that maximise
            nothing.
        note: Why a different objective was used than requested, or why the frame was not attacked.
            It is empty otherwise.
        seed: Seed of this frame's random start or noise.
        loss_clean, loss_attacked: The objective on the clean frame and on the delivered (rounded)
            one, or None for attacks that maximise nothing.
        losses: The objective at the iterates, in order.
        forwards, backwards: Passes of this frame's batch through the model, those for `loss_clean`
            and `loss_attacked` included.
        queries: Frames for which an engine was asked for predictions.
        gradient_share: Share of each view's pixels, then share of the points (of the attacked
            sensors) that have a gradient other than zero at the first iterate. For a patch it is
            the share of its texels. Empty without gradients.
        bad_gradients: NaN or infinite entries that were set to zero.
        dead_gradient: Whether a gradient was zero everywhere ("hide" has none once every object is
            hidden).
        cell_crossings: Points that changed their pillar, or None if no point moved.
        nothing_to_attack: Whether the threat allows nothing, or the frame has no data of the
            attacked sensors. The note says which.
        patches: Where the changed pixels are, to be checked, or None for an attack without patches.
    """

    objective: str | None = None
    note: str = ""
    seed: int = 0
    loss_clean: float | None = None
    loss_attacked: float | None = None
    losses: tuple[float, ...] = ()
    forwards: int = 0
    backwards: int = 0
    queries: int = 0
    gradient_share: tuple[float, ...] = ()
    bad_gradients: int = 0
    dead_gradient: bool = False
    cell_crossings: int | None = None
    nothing_to_attack: bool = False
    patches: Declared | None = None


@dataclass(frozen=True)
class Crafted:
    """A frame that an attack made, and how."""

    frame: Frame
    details: AttackDetails
