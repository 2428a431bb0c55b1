"""Every attack there is, by name: what it needs, what it may change, where it comes from. The docs are made from this table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Literal

from calico.errors import CalicoError
from calico_eval.attacks.black_box import nes, spsa, square
from calico_eval.attacks.gradient import apgd, fgsm, mifgsm, pgd
from calico_eval.attacks.query_search import by_queries
from calico_eval.attacks.search import noise, search
from calico_eval.attacks.threat import Threat
from calico_eval.attacks.torchattacks_adapter import WITH_QUERIES, craft
from calico_eval.attacks.torchattacks_table import TORCHATTACKS, Entry

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

LINF = ("camera_levels", "range_m", "axis_m", "intensity")
"""Those of them whose ball is an L-infinity one."""


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
        "square",
        by_queries(square),
        "queries",
        LINF,
        STANDARD,
        "Square attack: random search with windows",
        "Andriushchenko et al., ECCV 2020",
    ),
    Algorithm(
        "nes",
        by_queries(nes),
        "queries",
        BALL,
        STANDARD,
        "Gradients estimated from Gaussian directions",
        "Ilyas et al., ICML 2018",
    ),
    Algorithm(
        "spsa",
        by_queries(spsa),
        "queries",
        BALL,
        STANDARD,
        "Gradients estimated from directions of random signs",
        "Uesato et al., ICML 2018",
    ),
    Algorithm("noise", noise, "nothing", BALL, STANDARD, "Random noise of the full norm (the control)", ""),
)

_TORCHATTACKS_ALLOWANCES = {
    "ta_pgdl2": ("camera_rms",),
    "ta_apgd": BALL,
    "ta_sinifgsm": ("camera_levels",),
    "ta_square": ("camera_levels",),
}
"""Of the others of torchattacks: LINF."""


def _of_torchattacks(entry: Entry) -> Algorithm:
    allowances = _TORCHATTACKS_ALLOWANCES.get(entry.used_as, LINF)
    standard = tuple(threat for threat in STANDARD if threat.main[0] in allowances)
    return Algorithm(
        entry.used_as,
        craft(entry.used_as),
        "queries" if entry.used_as in WITH_QUERIES else "gradients",
        allowances,
        standard or (Threat(camera_rms=2.0),),
        f"torchattacks.{entry.name}: {entry.why}",
        "torchattacks 3.5.1",
    )


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (*_ALL, *(_of_torchattacks(entry) for entry in TORCHATTACKS if entry.used_as))
}
