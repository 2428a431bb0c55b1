"""The table of all attacks: what each needs, what it may change, where it comes from.

The docs are made from this table.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Literal

from calico.errors import CalicoError
from calico_eval.attacks.blackbox.run import make_query_attack
from calico_eval.attacks.blackbox.search import nes, spsa, square
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.lidar.cloud_loss import follow_cloud
from calico_eval.attacks.lidar.controls import inject_random, spoof_random
from calico_eval.attacks.lidar.drop import drop_random, drop_salient
from calico_eval.attacks.lidar.frustum import spoof_in_frustum
from calico_eval.attacks.lidar.inject import attach_points, inject_points
from calico_eval.attacks.lidar.remove import make_removal
from calico_eval.attacks.lidar.spoof import spoof_vehicle
from calico_eval.attacks.patch.attack import (
    fit_board,
    grey_texture,
    patch_attack,
    patch_control,
    random_texture,
)
from calico_eval.attacks.patch.sites import board_sites, object_sites
from calico_eval.attacks.spec import check_choice
from calico_eval.attacks.success.rates import CREATED, SUCCESS_OF, Success
from calico_eval.attacks.torchattacks.adapter import WITH_QUERIES, make_attack
from calico_eval.attacks.torchattacks.table import TORCHATTACKS, Entry
from calico_eval.attacks.universal.fitted import refuse_unfitted
from calico_eval.attacks.universal.perturbation import apply_shared_noise, fit_universal
from calico_eval.attacks.whitebox.gradient import apgd, apgd_decay, fgsm, mifgsm, pgd
from calico_eval.attacks.whitebox.run import add_noise, make_search
from calico_eval.attacks.whitebox.worst_of_suite import run_suite
from calico_eval.engines.base import MODEL_LOSS

if TYPE_CHECKING:
    from calico.frame import Frame
    from calico_eval.attacks.details import Crafted
    from calico_eval.attacks.spec import AttackSpec
    from calico_eval.attacks.universal.fitted import Fitted
    from calico_eval.engines.base import Engine

    ComputeAttack = Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]
    """(engine, frames, spec, seed of the run) -> one Crafted per frame. Never looks at the budget
    that it used: others do."""

    Fit = Callable[[Engine, Sequence[Frame], AttackSpec, int], Fitted]
    """(engine, frames of other scenes, spec, seed of the run) -> what is applied to every frame."""

Access = Literal["gradients", "queries", "nothing"]

BALL = ("camera_levels", "camera_rms", "range_m", "axis_m", "intensity")
"""Threats with a `Domain`: what changes continuously."""

DROPPED = ("points_removed", "removed_share", "window_deg")
SPOOFED = ("points_added", "points_removed", "removed_share", "window_deg")

STANDARD = (Threat(camera_levels=4), Threat(range_m=0.1))
SHARES = tuple(Threat(removed_share=share) for share in (0.01, 0.05, 0.1, 0.2))
SECTORS = tuple(Threat(removed_share=1.0, window_deg=window) for window in (5.0, 10.0, 20.0, 40.0))
NOISY_SECTORS = tuple(
    Threat(points_added=100 * window, removed_share=1.0, window_deg=window)
    for window in (5, 10, 20, 40)
)
PHANTOMS = tuple(Threat(points_added=n, points_removed=n, window_deg=10.0) for n in (60, 100, 200))
INJECTED = tuple(Threat(points_added=n, points_removed=n) for n in (20, 60, 100, 164, 200))
HFR = "Sato et al., NDSS 2024; Cao et al., USENIX Security 2023"
PRA = "Cao et al., USENIX Security 2023"

LINF = ("camera_levels", "range_m", "axis_m", "intensity")
"""Those of them whose ball is an L-infinity one."""

QUERIES, TRIES = 200, 12
"""Standard effort of a search by queries, and of an attack that chooses among phantoms."""

PATCH, ON_OBJECTS, ON_BOARD = (
    ("patch_share",),
    (Threat(patch_share=0.1),),
    (Threat(patch_share=0.3),),
)
UNIVERSAL = ("camera_levels", "range_m")


@dataclass(frozen=True)
class Algorithm:
    """An attack.

    Attributes:
        name: Its name on the command line.
        compute_attack: The function that attacks frames.
        access: What it needs of the model: gradients, predictions (any engine), or nothing.
        allowances: Fields of `Threat` that it can use.
        standard: Threats that it is run with if the user gives none.
        title, source: For the docs.
        fit: Function that learns, before the first frame, what is applied to every frame. None if
            each frame stands alone.
        control: Whether it is a random control that an attack is compared with, and no attack
            itself.
        steps: Gradient steps or queries if the user gives none. An attack of one step always has 1.
        success: How to count successes of this attack, and of its random control. None: use the
            success measure of the chosen objective.
    """

    name: str
    compute_attack: ComputeAttack
    access: Access
    allowances: tuple[str, ...]
    standard: tuple[Threat, ...]
    title: str
    source: str
    fit: Fit | None = None
    control: bool = False
    steps: int = 10
    success: Success | None = None

    def adapt_objective(self, usual: str) -> str:
        """Choose the objective where the user named none.

        Args:
            usual: Usual objective of the model.

        Returns:
            "hide" instead of a model's own loss for an attack that sees predictions only or that
            has an aim of its own; else the usual objective.
        """
        own_aim = self.access == "queries" or self.success is not None
        return "hide" if usual == MODEL_LOSS and own_aim else usual

    def check(self, threat: Threat) -> None:
        """Check that the attack can use all of a threat.

        Raises:
            CalicoError: It does not use an allowance, or not together with another one.
        """
        unused = Threat()
        given = [
            f.name for f in fields(Threat) if getattr(threat, f.name) != getattr(unused, f.name)
        ]
        wrong = [name for name in given if name not in (*self.allowances, "r_min_m")]
        if wrong:
            raise CalicoError(
                f"attack {self.name}: does not use {', '.join(wrong)}; it uses "
                f"{', '.join(self.allowances)}"
            )
        if threat.camera_rms and "lidar" in threat.sensors:
            raise CalicoError(
                f"attack {self.name} with {threat}: a joint budget is L-infinity; expected "
                "camera_levels (4/255) in place of camera_rms"
            )


_ALL = (
    Algorithm(
        "pgd", make_search(pgd), "gradients", BALL, STANDARD,
        "Projected gradient descent", "Madry et al., ICLR 2018",
    ),
    Algorithm(
        "apgd", make_search(apgd), "gradients", BALL, STANDARD,
        "Auto-PGD", "Croce and Hein, ICML 2020",
    ),
    Algorithm(
        "apgd_decay", make_search(apgd_decay), "gradients", BALL, STANDARD,
        "Auto-PGD with a falling step, for few steps", "after Croce and Hein, ICML 2020",
    ),
    Algorithm(
        "fgsm", make_search(fgsm), "gradients", BALL, STANDARD,
        "Fast gradient sign method", "Goodfellow et al., ICLR 2015",
        steps=1,
    ),
    Algorithm(
        "mifgsm", make_search(mifgsm), "gradients", BALL, STANDARD,
        "Momentum iterative FGSM", "Dong et al., CVPR 2018",
    ),
    Algorithm(
        "suite", run_suite, "gradients", BALL, STANDARD,
        "Standard suite: the worst of several per frame", "after Croce and Hein, ICML 2020",
    ),
    Algorithm(
        "drop", follow_cloud(drop_salient), "gradients", DROPPED, SHARES,
        "Saliency-based dropping of points", "Zheng et al., ICCV 2019",
    ),
    Algorithm(
        "random_drop", drop_random, "nothing", DROPPED, SHARES,
        "Random dropping of points (the control of drop)", "",
        control=True,
    ),
    Algorithm(
        "remove", make_removal(), "nothing", DROPPED, SECTORS,
        "Physical removal: a sector's points vanish", PRA,
    ),
    Algorithm(
        "remove_90", make_removal(0.9), "nothing", DROPPED, SECTORS,
        "Physical removal, 90 % of the points", PRA,
    ),
    Algorithm(
        "remove_50", make_removal(0.5), "nothing", DROPPED, SECTORS,
        "Physical removal, 50 % of the points", PRA,
    ),
    Algorithm(
        "remove_scatter", make_removal(noise=True), "nothing", SPOOFED, NOISY_SECTORS,
        "High-frequency removal: a sector's points return at random ranges", HFR,
    ),
    Algorithm(
        "remove_elsewhere", make_removal(elsewhere=True), "nothing", DROPPED, SECTORS,
        "Removal of a random sector (the control of remove)", "",
        control=True,
    ),
    Algorithm(
        "spoof", spoof_vehicle, "queries", SPOOFED, PHANTOMS,
        "A spoofed vehicle 5 to 8 m ahead",
        "Cao et al., CCS 2019; Sun et al., USENIX Security 2020",
        steps=TRIES, success=CREATED,
    ),
    Algorithm(
        "spoof_random", spoof_random, "nothing", SPOOFED, PHANTOMS,
        "Random points ahead (the control of spoof)", "",
        control=True, success=CREATED,
    ),
    Algorithm(
        "frustum", spoof_in_frustum, "queries", SPOOFED, PHANTOMS,
        "A spoofed vehicle within the camera's view of a real object",
        "Hallyburton et al., USENIX Security 2022",
        steps=TRIES, success=CREATED,
    ),
    Algorithm(
        "inject", follow_cloud(inject_points), "gradients", SPOOFED, INJECTED,
        "Optimised points on the sensor's rays", "after Cao et al., CCS 2019",
    ),
    Algorithm(
        "attach", follow_cloud(attach_points), "gradients", SPOOFED, INJECTED,
        "Optimised points on the surfaces of objects", "after Xiang et al., CVPR 2019",
    ),
    Algorithm(
        "inject_random", inject_random, "nothing", SPOOFED, INJECTED,
        "Random points on the sensor's rays (the control of inject)", "",
        control=True,
    ),
    Algorithm(
        "square", make_query_attack(square), "queries", LINF, STANDARD,
        "Square attack: random search with windows", "Andriushchenko et al., ECCV 2020",
        steps=QUERIES,
    ),
    Algorithm(
        "nes", make_query_attack(nes), "queries", BALL, STANDARD,
        "Gradients estimated from Gaussian directions", "Ilyas et al., ICML 2018",
        steps=QUERIES,
    ),
    Algorithm(
        "spsa", make_query_attack(spsa), "queries", BALL, STANDARD,
        "Gradients estimated from directions of random signs", "Uesato et al., ICML 2018",
        steps=QUERIES,
    ),
    Algorithm(
        "noise", add_noise, "nothing", BALL, STANDARD,
        "Random noise of the full norm (the control)", "",
        control=True,
    ),
    Algorithm(
        "patch_object", patch_attack(object_sites), "gradients", PATCH, ON_OBJECTS,
        "Patches on the nearest objects", "Athalye et al., ICML 2018 (EOT)",
    ),
    Algorithm(
        "patch_object_random", patch_control(object_sites, random_texture),
        "nothing", PATCH, ON_OBJECTS,
        "Patches on objects with a random texture (a control)", "",
        control=True,
    ),
    Algorithm(
        "patch_object_grey", patch_control(object_sites, grey_texture),
        "nothing", PATCH, ON_OBJECTS,
        "Grey patches on objects (a control)", "",
        control=True,
    ),
    Algorithm(
        "patch_world", patch_attack(board_sites), "gradients", PATCH, ON_BOARD,
        "A board that stands in the world", "Athalye et al., ICML 2018 (EOT)",
    ),
    Algorithm(
        "patch_world_universal", refuse_unfitted, "gradients", PATCH, ON_BOARD,
        "A board with one texture for all scenes", "Brown et al., 2017",
        fit_board,
    ),
    Algorithm(
        "patch_world_random", patch_control(board_sites, random_texture),
        "nothing", PATCH, ON_BOARD,
        "A board with a random texture (a control)", "",
        control=True,
    ),
    Algorithm(
        "patch_world_grey", patch_control(board_sites, grey_texture), "nothing", PATCH, ON_BOARD,
        "A grey board (a control)", "",
        control=True,
    ),
    Algorithm(
        "universal", refuse_unfitted, "gradients", UNIVERSAL, STANDARD,
        "One perturbation for all frames", "Moosavi-Dezfooli et al., CVPR 2017",
        fit_universal,
    ),
    Algorithm(
        "universal_noise", apply_shared_noise, "nothing", UNIVERSAL, STANDARD,
        "One random perturbation of the full norm for all frames (the control)", "",
        control=True,
    ),
)  # fmt: skip

_TORCHATTACKS_ALLOWANCES = {
    "ta_pgdl2": ("camera_rms",),
    "ta_apgd": BALL,
    "ta_sinifgsm": ("camera_levels",),
    "ta_square": ("camera_levels",),
}
"""Allowances of attacks of torchattacks. All others use LINF."""


ONE_STEP = ("ta_fgsm", "ta_ffgsm")


def _of_torchattacks(entry: Entry) -> Algorithm:
    allowances = _TORCHATTACKS_ALLOWANCES.get(entry.used_as, LINF)
    standard = tuple(threat for threat in STANDARD if threat.main[0] in allowances)
    return Algorithm(
        entry.used_as,
        make_attack(entry.used_as),
        "queries" if entry.used_as in WITH_QUERIES else "gradients",
        allowances,
        standard or (Threat(camera_rms=2.0),),
        f"torchattacks.{entry.name}: {entry.why}",
        "torchattacks 3.5.1",
        steps=QUERIES if entry.used_as in WITH_QUERIES else 1 if entry.used_as in ONE_STEP else 10,
    )


ALGORITHMS: dict[str, Algorithm] = {
    algorithm.name: algorithm
    for algorithm in (*_ALL, *(_of_torchattacks(entry) for entry in TORCHATTACKS if entry.used_as))
}


def check_spec(spec: AttackSpec) -> AttackSpec:
    """Check an attack against the table of attacks, and normalise its effort.

    Args:
        spec: Attack to be made.

    Returns:
        The same spec, but with one step for an attack that takes a single step, whatever was given,
        so that equal attacks have equal specs.

    Raises:
        CalicoError: The attack or the objective does not exist, the attack cannot use the threat,
            or
            a patch is described for an attack that has none.
    """
    check_choice("attack", spec.name, ALGORITHMS)
    check_choice("attack objective", spec.objective, SUCCESS_OF)
    algorithm = ALGORITHMS[spec.name]
    algorithm.check(spec.threat)
    if spec.patch != PatchShape() and "patch_share" not in algorithm.allowances:
        raise CalicoError(
            f"attack {spec.name}: has no patch, but a size and place of patches is given; "
            "leave it out"
        )
    if algorithm.steps == 1 and (spec.steps > 1 or spec.step_share is not None):
        return replace(spec, steps=1, step_share=None)
    return spec
