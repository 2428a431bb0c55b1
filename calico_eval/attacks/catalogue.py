"""Every attack there is, by name: what it needs, what it may change, where it comes from. The docs are made from this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from calico.errors import CalicoError
from calico_eval.attacks.gradient import apgd, fgsm, mifgsm, pgd
from calico_eval.attacks.search import noise, search
from calico_eval.attacks.suite import suite
from calico_eval.attacks.threat import Threat

if TYPE_CHECKING:
    from calico.frame import Frame
    from calico_eval.attacks.details import Crafted
    from calico_eval.attacks.spec import AttackSpec
    from calico_eval.engines.base import Engine

    Craft = Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
    """(engine, frames, spec, seed of the run) -> one Crafted per frame. Never looks at the budget that it used: others do."""

Access = Literal["gradients", "queries", "nothing"]

BALL = ("camera_levels", "camera_rms", "range_m", "axis_m", "intensity")
"""Threats with a `Domain`: what changes continuously."""

STANDARD = (Threat(camera_levels=4), Threat(range_m=0.1))


@dataclass(frozen=True)
class Algorithm:
    """An attack.

    access: what it needs of the model: gradients (torch only), predictions (any engine), or nothing (a control).
    allowances: the fields of `Threat` that it can use. standard: the threats that it is run with where none is given.
    title, source: for the docs.
    """

    name: str
    craft: Craft
    access: Access
    allowances: tuple[str, ...]
    standard: tuple[Threat, ...]
    title: str
    source: str

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
    Algorithm(
        "suite",
        suite,
        "gradients",
        BALL,
        STANDARD,
        "Standard suite: the worst of several per frame",
        "after Croce and Hein, ICML 2020",
    ),
    Algorithm("noise", noise, "nothing", BALL, STANDARD, "Random noise of the full norm (the control)", ""),
)

ALGORITHMS: dict[str, Algorithm] = {algorithm.name: algorithm for algorithm in _ALL}
