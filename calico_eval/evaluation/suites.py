"""Named choices of conditions, and how options become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.errors import CalicoError
from corruptions.presets import PRESETS

DEMO = (
    "fog", "camera_crash", "motion_blur", "low_light", "point_drop", "beam_missing", "crosstalk",
    "lidar_missing", "extrinsic",
)  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """A named choice of what an evaluation covers.

    Attributes:
        corruptions: Names of corruptions, or of presets of `corruptions`.
        severities: Levels, or none for all that the corruptions have.
        attacks: Names of attacks.
        steps: Steps of those attacks, or None for their standard number.
        frames: Number of frames, spread over the split, or None for all.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...] = ()
    attacks: tuple[str, ...] = ()
    steps: int | None = None
    frames: int | None = None


def list_suites() -> dict[str, Suite]:
    """List the suites by name: the presets of `corruptions`, and `demo`.

    The demo holds nine corruptions at three severities and two attacks, on few frames.
    """
    demo = Suite(DEMO, (1, 3, 5), ("noise", "pgd"), steps=5, frames=10)
    return {"demo": demo, **{name: Suite((name,)) for name in PRESETS}}


def choose_suite(
    suite: str | None,
    corruptions: Sequence[str],
    severities: Sequence[int],
    attacks: Sequence[str],
    curves: Sequence[str] = (),
) -> Suite:
    """Choose the suite that the options of a command describe.

    Args:
        suite: Name of a suite, whose parts the other options replace. None takes `calico`, or no
            corruptions if attacks or curves are given.
        corruptions: Names of corruptions or presets.
        severities: Levels.
        attacks: Names of attacks.
        curves: Texts of curves; they are only counted here.

    Raises:
        CalicoError: There is no such suite.
    """
    known = list_suites()
    if suite is not None and suite not in known:
        raise CalicoError(f"unknown suite {suite!r}; expected one of {', '.join(known)}")
    base = (
        known[suite] if suite else Suite(() if attacks or curves else known["calico"].corruptions)
    )
    return Suite(
        corruptions=tuple(corruptions) or base.corruptions,
        severities=tuple(severities) or base.severities,
        attacks=tuple(attacks) or base.attacks,
        steps=None if attacks else base.steps,
        frames=base.frames,
    )


def spread_indices(available: int, wanted: int | None) -> list[int]:
    """Spread indices evenly over a data set.

    Args:
        available: Number of frames that there are.
        wanted: Number of frames to choose. None, or at least `available`, chooses all.

    Raises:
        CalicoError: `wanted` is less than 1.
    """
    if wanted is not None and wanted < 1:
        raise CalicoError(f"--frames {wanted}: expected 1 or more")
    if wanted is None or wanted >= available:
        return list(range(available))
    return [int(i) for i in np.linspace(0, available - 1, wanted).round()]
