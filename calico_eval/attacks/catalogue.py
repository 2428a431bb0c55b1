"""Every attack there is, by name: what it needs, what it may change, where it comes from. The docs are made from this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from calico.errors import CalicoError
from calico_eval.attacks.fit import needs_fit
from calico_eval.attacks.gradient import apgd, fgsm, mifgsm, pgd
from calico_eval.attacks.patch import fit_board, grey_texture, patch_attack, patch_control, random_texture
from calico_eval.attacks.patch_sites import board_sites, object_sites
from calico_eval.attacks.search import noise, search
from calico_eval.attacks.threat import Threat
from calico_eval.attacks.universal import universal, universal_noise

if TYPE_CHECKING:
    from calico.frame import Frame
    from calico_eval.attacks.details import Crafted
    from calico_eval.attacks.fit import Fitted
    from calico_eval.attacks.spec import AttackSpec
    from calico_eval.engines.base import Engine

    Craft = Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
    """(engine, frames, spec, seed of the run) -> one Crafted per frame. Never looks at the budget that it used: others do."""

    Fit = Callable[[Engine, Sequence[Frame], AttackSpec, int], Fitted]
    """(engine, frames of other scenes, spec, seed of the run) -> what is applied to every frame."""

Access = Literal["gradients", "queries", "nothing"]

BALL = ("camera_levels", "camera_rms", "range_m", "axis_m", "intensity")
"""Threats with a `Domain`: what changes continuously."""

STANDARD = (Threat(camera_levels=4), Threat(range_m=0.1))

PATCH, ON_OBJECTS, ON_BOARD = ("patch_share",), (Threat(patch_share=0.1),), (Threat(patch_share=0.3),)
UNIVERSAL = ("camera_levels", "range_m")


@dataclass(frozen=True)
class Algorithm:
    """An attack.

    access: what it needs of the model: gradients (torch only), predictions (any engine), or nothing (a control).
    allowances: the fields of `Threat` that it can use. standard: the threats that it is run with where none is given.
    title, source: for the docs. fit: learns what is applied to every frame, before the first; None where each frame stands alone.
    """

    name: str
    craft: Craft
    access: Access
    allowances: tuple[str, ...]
    standard: tuple[Threat, ...]
    title: str
    source: str
    fit: Fit | None = None

    def check(self, threat: Threat) -> None:
        """Raises CalicoError for a threat that this attack does not use, or not all of."""
        unused = Threat()
        given = [f.name for f in fields(Threat) if getattr(threat, f.name) != getattr(unused, f.name)]
        wrong = [name for name in given if name not in (*self.allowances, "r_min_m")]
        if wrong:
            raise CalicoError(
                f"attack {self.name}: does not use {', '.join(wrong)}; it uses {', '.join(self.allowances)}"
            )


_ALL = (
    Algorithm("pgd", search(pgd), "gradients", BALL, STANDARD, "Projected gradient descent", "Madry et al., ICLR 2018"),
    Algorithm("apgd", search(apgd), "gradients", BALL, STANDARD, "Auto-PGD", "Croce and Hein, ICML 2020"),
    Algorithm(
        "fgsm", search(fgsm), "gradients", BALL, STANDARD, "Fast gradient sign method", "Goodfellow et al., ICLR 2015"
    ),
    Algorithm(
        "mifgsm", search(mifgsm), "gradients", BALL, STANDARD, "Momentum iterative FGSM", "Dong et al., CVPR 2018"
    ),
    Algorithm("noise", noise, "nothing", BALL, STANDARD, "Random noise of the full norm (the control)", ""),
    Algorithm(
        "patch_object", patch_attack(object_sites), "gradients", PATCH, ON_OBJECTS,
        "Patches on the nearest objects", "Athalye et al., ICML 2018 (EOT)",
    ),
    Algorithm(
        "patch_object_random", patch_control(object_sites, random_texture), "nothing", PATCH, ON_OBJECTS,
        "Patches on objects with a random texture (a control)", "",
    ),
    Algorithm(
        "patch_object_grey", patch_control(object_sites, grey_texture), "nothing", PATCH, ON_OBJECTS,
        "Grey patches on objects (a control)", "",
    ),
    Algorithm(
        "patch_world", patch_attack(board_sites), "gradients", PATCH, ON_BOARD,
        "A board that stands in the world", "Athalye et al., ICML 2018 (EOT)",
    ),
    Algorithm(
        "patch_world_universal", needs_fit, "gradients", PATCH, ON_BOARD,
        "A board with one texture for all scenes", "Brown et al., 2017", fit_board,
    ),
    Algorithm(
        "patch_world_random", patch_control(board_sites, random_texture), "nothing", PATCH, ON_BOARD,
        "A board with a random texture (a control)", "",
    ),
    Algorithm(
        "patch_world_grey", patch_control(board_sites, grey_texture), "nothing", PATCH, ON_BOARD,
        "A grey board (a control)", "",
    ),
    Algorithm(
        "universal", needs_fit, "gradients", UNIVERSAL, STANDARD,
        "One perturbation for all frames", "Moosavi-Dezfooli et al., CVPR 2017", universal,
    ),
    Algorithm(
        "universal_noise", universal_noise, "nothing", UNIVERSAL, STANDARD,
        "One random perturbation of the full norm for all frames (the control)", "",
    ),
)  # fmt: skip

ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in _ALL}
