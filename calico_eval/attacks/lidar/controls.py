"""Random returns in an azimuth window: the controls of spoofing and of optimised injection."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calico.frame import Frame
from calico.seeds import make_generator
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.lidar.aim import count_removable
from calico_eval.attacks.lidar.edit import Returns, add_returns, choose_within_budget, range_limits
from calico_eval.attacks.lidar.rays import rays_of
from calico_eval.attacks.lidar.spoof import DISTANCES_M, WINDOW_DEG
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine


def spoof_random(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Add as many random returns as the budget has, in the window and at the distances of `spoof`.

    Args:
        engine: Not used.
        frames: The clean frames.
        spec: The attack.
        seed: Seed of the run.
    """
    return [
        _scattered(
            frame,
            spec,
            seed,
            min(spec.threat.window_deg, WINDOW_DEG),
            (DISTANCES_M[0], DISTANCES_M[-1]),
        )
        for frame in frames
    ]


def inject_random(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Add as many random returns as the budget has, on any ray of the window ahead, at any range.

    Args:
        engine: Not used.
        frames: The clean frames.
        spec: The attack.
        seed: Seed of the run.
    """
    return [
        _scattered(frame, spec, seed, spec.threat.window_deg, (0.0, np.inf)) for frame in frames
    ]


def _scattered(
    frame: Frame, spec: AttackSpec, seed: int, window_deg: float, between_m: tuple[float, float]
) -> Crafted:
    rays = rays_of(frame)
    own = stream_seed(frame, spec, seed)
    random = make_generator(seed, "attack", spec.name, spec.sensor, frame.token)
    order = random.permutation(np.flatnonzero(rays.window(frame, 0.0, window_deg)))
    low, high = range_limits(rays, spec.threat.r_min_m)
    low, high = max(low, between_m[0]), min(high, between_m[1])
    if high <= low:
        return Crafted(
            frame,
            AttackDetails(seed=own, note="no range that a return could have: nothing was changed"),
        )
    chosen = order[
        choose_within_budget(
            rays, order, order[:0], spec.threat.points_added, count_removable(spec.threat, frame)
        )
    ]
    returns = Returns(
        chosen, random.uniform(low, high, len(chosen)), random.uniform(0.0, 1.0, len(chosen))
    )
    note = "" if len(chosen) else "no ray in the window: nothing was changed"
    return Crafted(add_returns(frame, rays, returns), AttackDetails(seed=own, note=note))
