"""Named choices of conditions, and how options become one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from calico.errors import CalicoError
from corruptions.presets import PRESETS

DEMO = (
    "fog", "camera_crash", "motion_blur", "low_light", "point_drop", "beam_missing", "crosstalk", "lidar_missing", "extrinsic",
)  # fmt: skip


@dataclass(frozen=True)
class Suite:
    """What an evaluation covers.

    corruptions: names, or presets. severities: empty for all that they have.
    attacks: names; steps: of theirs, None for the standard ones. frames: how many, spread over the split; None for all.
    """

    corruptions: tuple[str, ...]
    severities: tuple[int, ...] = ()
    attacks: tuple[str, ...] = ()
    steps: int | None = None
    frames: int | None = None


def suites() -> dict[str, Suite]:
    """The presets of `corruptions`, and `demo`: nine corruptions at three severities, two attacks, few frames."""
    demo = Suite(DEMO, (1, 3, 5), ("noise", "pgd"), steps=5, frames=10)
    return {"demo": demo, **{name: Suite((name,)) for name in PRESETS}}


def choose(
    suite: str | None,
    corruptions: Sequence[str],
    severities: Sequence[int],
    attacks: Sequence[str],
    curves: Sequence[str] = (),
) -> Suite:
    """The suite that the options describe: a named one with parts replaced, or `calico`, or the attacks or curves alone.

    Raises:
        CalicoError: an unknown suite.
    """
    known = suites()
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


def spread(available: int, wanted: int | None) -> list[int]:
    """`wanted` indices spread evenly over all; all where None or not fewer."""
    if wanted is not None and wanted < 1:
        raise CalicoError(f"--frames {wanted}: expected 1 or more")
    if wanted is None or wanted >= available:
        return list(range(available))
    return [int(i) for i in np.linspace(0, available - 1, wanted).round()]
