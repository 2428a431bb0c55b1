"""One attack to be made: algorithm, threat, objective, effort."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from calico.errors import CalicoError
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.patch.shape import PatchShape


@dataclass(frozen=True)
class AttackSpec:
    """An attack as a sweep plans it.

    name: of an algorithm, see `catalogue.ALGORITHMS`.
    threat: what may change, and how far.
    objective: what the attack raises, see `objectives`.
    steps: gradient steps, or queries of a black-box attack; 1 of an attack that takes a single one.
    restarts: independent starts; the best one counts.
    step_share: step as a share of the radius; None means 2.5 / steps. Algorithms with a schedule of their own ignore it.
    random_start: the first start is a random place in the ball (the later ones always are).
    straight_through: gradients see points change their pillar (`straight_through`); LiDAR positions only. It is stronger
        than the true gradient where it was measured; S15 compares them.
    patch: size and place of patches, for patch attacks. fit_frames: frames of other scenes that a universal attack is learnt on.
    """

    name: str
    threat: Threat = field(default_factory=Threat)
    objective: str = "hide"
    steps: int = 10
    restarts: int = 1
    step_share: float | None = None
    random_start: bool = True
    straight_through: bool = True
    patch: PatchShape = field(default_factory=PatchShape)
    fit_frames: int = 32

    def __post_init__(self) -> None:
        from calico_eval.attacks.catalogue import ALGORITHMS
        from calico_eval.attacks.objectives import OBJECTIVES

        check_choice("attack", self.name, ALGORITHMS)
        check_choice("attack objective", self.objective, OBJECTIVES)
        if (
            ALGORITHMS[self.name].steps == 1 and self.steps > 1
        ):  # 50 steps of one step are one: one record, one cell
            object.__setattr__(self, "steps", 1)
            object.__setattr__(self, "step_share", None)
        for name in ("steps", "restarts", "fit_frames"):
            if getattr(self, name) < 1:
                raise CalicoError(
                    f"attack {self.name}: {name} is {getattr(self, name)}, expected 1 or more"
                )
        if not (math.isfinite(self.step) and self.steps * self.step >= 2 * (1 - 1e-9)):
            raise CalicoError(
                f"attack {self.name}: {self.steps} steps of {self.step_share:g} radii cannot cross the ball; expected "
                f"step_share >= {2 / self.steps:g} (or leave it out: 2.5 / steps)"
            )
        ALGORITHMS[self.name].check(self.threat)
        if self.patch != PatchShape() and "patch_share" not in ALGORITHMS[self.name].allowances:
            raise CalicoError(
                f"attack {self.name}: has no patch, but a size and place of patches is given; leave it out"
            )

    @property
    def step(self) -> float:
        """The step in effect, as a share of the radius."""
        return 2.5 / self.steps if self.step_share is None else self.step_share

    @property
    def crossing_m(self) -> float | None:
        """How far a point may go, for the gradient of pillar changes; None for the true gradient."""
        return (
            (self.threat.range_m or self.threat.axis_m or math.inf)
            if self.straight_through
            else None
        )

    @property
    def sensor(self) -> str:
        """'camera', 'lidar' or 'joint'; 'none' for a threat that allows nothing."""
        sensors = self.threat.sensors
        return "joint" if len(sensors) > 1 else sensors[0] if sensors else "none"


def check_choice(what: str, value: str, allowed: Iterable[str]) -> None:
    """Raises CalicoError with the allowed values, and the nearest of them, unless `value` is one."""
    names = list(allowed)
    if value in names:
        return
    near = difflib.get_close_matches(
        str(value), names, n=1, cutoff=0.65
    )  # 'radar' is no slip of 'lidar'
    hint = f"did you mean '{near[0]}'? Expected" if near else "expected"
    raise CalicoError(f"{what} '{value}': {hint} one of {', '.join(names)}")
