"""How an attack on a frame went."""

from __future__ import annotations

from dataclasses import dataclass

from calico.frame import Frame
from calico_eval.attacks.budget.patch_area import Declared


@dataclass(frozen=True)
class AttackDetails:
    """How an attack went.

    objective: the one used; None where nothing was raised. note: why it is another than asked, or why nothing was done.
    seed: of this frame's random start or noise.
    loss_clean, loss_attacked: the objective on the clean frame and on the delivered (rounded) one; None where nothing was raised.
    losses: of the iterates, in order.
    forwards, backwards: passes of this frame's batch through the model, those for loss_clean and loss_attacked included.
    queries: frames shown to an engine for its predictions.
    gradient_share: share of each view's pixels, then share of the points (of the attacked sensors) that have a gradient other
        than zero at the first iterate; of a patch the share of its texels; empty without gradients.
    bad_gradients: NaN or infinite entries that were set to zero. dead_gradient: a gradient was zero everywhere ("hide" has none
        once every object is hidden).
    cell_crossings: points that changed their pillar; None where no point moved.
    nothing_to_attack: the threat allows nothing, or the frame has no data of the attacked sensors; the note says which.
    patches: where the changed pixels are, for the referee; None for an attack that is no patch.
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
