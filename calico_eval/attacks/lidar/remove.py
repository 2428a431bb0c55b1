"""Removal: what a second laser can make a LiDAR lose in a sector.

PRA spoofs returns nearer than the sensor's least range, which its firmware filters out, so that the
true ones are gone. HFR (high frequency removal) fires faster than the sensor does: true returns are
lost, and noise at random ranges comes in. Both are modelled by what the cloud shows afterwards.
They need nothing of the model: the sector is about the nearest object ahead (`choose_object`).

Points of all sweeps are affected, in the same azimuth about their own sweep's sensor, because the
attacker fires all the while.

Source: Cao et al., You Can't See Me, USENIX Security 2023 (PRA); Sato et al., NDSS 2024 (HFR).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from calico.frame import Bool, Float64, Frame, Int64
from calico.seeds import make_generator
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.lidar.aim import azimuth_of, choose_object, count_removable, in_window
from calico_eval.attacks.lidar.rays import ORIGIN_M, RANGE_MARGIN_M
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine

ComputeAttack = Callable[[Engine, Sequence[Frame], AttackSpec, int], list[Crafted]]


def make_removal(
    probability: float = 1.0, *, noise: bool = False, elsewhere: bool = False
) -> ComputeAttack:
    """Make the attack that lets the points of a sector vanish.

    Args:
        probability: Probability of success, for each point on its own.
        noise: HFR: points do not vanish but return at random ranges on their rays, evenly between
            the threat's r_min_m and the frame's largest range. Those beyond the budget of added
            points vanish.
        elsewhere: The control: the sector is anywhere.
    """

    def compute_attack(
        engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
    ) -> list[Crafted]:
        return [_attack(frame, spec, seed) for frame in frames]

    def _attack(frame: Frame, spec: AttackSpec, seed: int) -> Crafted:
        random = make_generator(seed, "attack", spec.name, spec.sensor, frame.token)
        row, note = (-1, "") if elsewhere else choose_object(frame)
        center = float(random.uniform(-np.pi, np.pi)) if elsewhere else azimuth_of(frame, row)
        hit = _hit(frame, spec, center, probability, random)
        changed = _noisy(frame, spec, hit, random) if noise else frame.take_points(~hit)
        note = note if hit.any() else "no point in the sector: nothing was changed"
        return Crafted(changed, AttackDetails(seed=stream_seed(frame, spec, seed), note=note))

    return compute_attack


def _hit(
    frame: Frame, spec: AttackSpec, center: float, probability: float, random: np.random.Generator
) -> Bool:
    """(N,) the points that go.

    Those of the sector that are hit, the ones nearest to its middle where the budget has less.
    """
    offsets = frame.points[:, :3].astype(np.float64) - frame.ray_origins
    success = random.random(len(offsets)) < probability
    inside: Int64 = np.flatnonzero(in_window(offsets, center, spec.threat.window_deg) & success)
    azimuth = np.arctan2(offsets[inside, 1], offsets[inside, 0])
    away = np.abs((azimuth - center + np.pi) % (2 * np.pi) - np.pi)
    hit: Bool = np.zeros(len(offsets), np.bool_)
    hit[inside[np.argsort(away, kind="stable")[: count_removable(spec.threat, frame)]]] = True
    return hit


def _noisy(frame: Frame, spec: AttackSpec, hit: Bool, random: np.random.Generator) -> Frame:
    """The frame with the hit points at random ranges.

    Every one keeps its ray, ring, sweep, dt and intensity.
    """
    origins = frame.ray_origins
    offsets: Float64 = frame.points[:, :3].astype(np.float64) - origins
    ranges = np.linalg.norm(offsets, axis=1)
    low, high = spec.threat.r_min_m + RANGE_MARGIN_M, ranges.max(initial=0.0) - RANGE_MARGIN_M
    moved = random.permutation(np.flatnonzero(hit & (ranges > ORIGIN_M) & (high > low)))[
        : spec.threat.points_added
    ]
    points = frame.points.copy()
    far = random.uniform(low, max(low, high), len(moved))
    points[moved, :3] = origins[moved] + offsets[moved] * (far / ranges[moved])[:, None]
    keep = ~hit
    keep[moved] = True
    return frame.replace(points=points).take_points(keep)
