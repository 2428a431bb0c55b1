"""The configuration of one attack: algorithm, threat, objective and effort."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass, field

from calico.errors import CalicoError
from calico_eval.attacks.budget.patch_shape import PatchShape
from calico_eval.attacks.budget.threat import Threat


@dataclass(frozen=True)
class AttackSpec:
    """Configuration of one attack.

    The class is plain data: it checks its own numbers only. `catalogue.check_spec` checks that the
    attack and its objective exist and that the attack can use the threat.

    Example:
        >>> AttackSpec("pgd", Threat(camera_levels=4), steps=20).sensor
        'camera'

    Attributes:
        name: Algorithm, a key of `catalogue.ALGORITHMS`.
        threat: What the attacker may change, and by how much.
        objective: Number that the attack raises, a key of `success.rates.SUCCESS_OF`. A model of
            the user's own has one objective, "model_loss".
        steps: Number of gradient steps (white-box attacks) or of model queries (black-box attacks).
            Attacks of a single step ignore it.
        restarts: Number of independent starts. The best one counts.
        step_share: Step size as a share of the budget's radius. None means 2.5 / steps. Algorithms
            with a schedule of their own ignore it.
        random_start: Whether the first start is a random place within the budget. Later starts
            always are.
        straight_through: Whether gradients see that a point changes its pillar, for LiDAR positions
            and for models that offer such a gradient (our own network does). It was the stronger
            gradient wherever it was measured. Sanity check S15 compares both.
        patch: Size and place of patches, for patch attacks.
        fit_frames: Number of frames of other scenes that a universal attack is learnt on.

    Raises:
        CalicoError: A number is out of its range, or the steps cannot cross the budget's radius.
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
        for name in ("steps", "restarts", "fit_frames"):
            if getattr(self, name) < 1:
                raise CalicoError(
                    f"attack {self.name}: {name} is {getattr(self, name)}, expected 1 or more"
                )
        if not (math.isfinite(self.step) and self.steps * self.step >= 2 * (1 - 1e-9)):
            raise CalicoError(
                f"attack {self.name}: {self.steps} steps of {self.step_share:g} radii cannot cross "
                "the ball; expected "
                f"step_share >= {2 / self.steps:g} (or leave it out: 2.5 / steps)"
            )

    @property
    def step(self) -> float:
        """The step in effect, as a share of the radius."""
        return 2.5 / self.steps if self.step_share is None else self.step_share

    @property
    def crossing_m(self) -> float | None:
        """How far a point may go, for the gradient of pillar changes.

        None for the true gradient.
        """
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
    """Check that a value is one of the allowed ones.

    Args:
        what: Kind of the value, for the message.
        value: The value.
        allowed: The allowed values.

    Raises:
        CalicoError: It is not. The message holds the allowed values, and the nearest of them.
    """
    names = list(allowed)
    if value in names:
        return
    near = difflib.get_close_matches(
        str(value), names, n=1, cutoff=0.65
    )  # 'radar' is no slip of 'lidar'
    hint = f"did you mean '{near[0]}'? Expected" if near else "expected"
    raise CalicoError(f"{what} '{value}': {hint} one of {', '.join(names)}")
