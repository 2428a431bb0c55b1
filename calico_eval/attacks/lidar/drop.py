"""Dropping the points that matter most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from calico.frame import Bool, Float64, Frame, Int64
from calico.seeds import make_generator
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.lidar.aim import azimuth_of, choose_object, count_removable, in_window
from calico_eval.attacks.lidar.cloud_loss import CloudLoss
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.whitebox.run import stream_seed
from calico_eval.engines.base import Engine


def drop_salient(
    loss: CloudLoss, frame: Frame, spec: AttackSpec, random: np.random.Generator
) -> Frame:
    """Drop the most salient points, in rounds that score anew; the best round counts.

    The saliency is `PointValues.rate_removals` of the engine. Every round tries each of its orders
    and goes on with the better one: points by what each is worth alone, and whole cells by what
    they are worth per point (a dense cell does not miss any one of its points). Nothing is random.

    Args:
        loss: The objective of a cloud.
        frame: The clean frame.
        spec: The attack. `steps` is the number of rounds.
        random: Not used.

    Source: Zheng et al., ICCV 2019, algorithm 1.
    """
    budget = count_removable(spec.threat, frame)
    free = _in_reach(frame, spec)
    keep: Bool = np.ones(len(frame.points), np.bool_)
    best, best_loss = frame, loss.value(frame.points)
    for step in range(1, spec.steps + 1):
        count = min(round(budget * step / spec.steps), int(free.sum())) - int((~keep).sum())
        if count <= 0:
            continue
        rows = np.flatnonzero(keep)
        tries: list[tuple[float, Bool]] = []
        for gain in loss.rate_removals(frame.points[keep]):
            order = _ordered(gain.cpu().numpy().astype(np.float64), rows, free)[:count]
            wanted = keep.copy()
            wanted[order] = False
            tries.append((loss.value(frame.points[wanted]), wanted))
        value, keep = max(tries, key=lambda one: one[0])
        if value > best_loss:
            best, best_loss = frame.take_points(keep), value
    return best


def drop_random(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Drop as many points as the budget allows at random, as the control of `drop_salient`.

    Args:
        engine: Not used.
        frames: The clean frames.
        spec: The attack.
        seed: Seed of the run.
    """
    done = []
    for frame in frames:
        random = make_generator(seed, "attack", spec.name, spec.sensor, frame.token)
        keep = np.ones(len(frame.points), np.bool_)
        keep[
            random.permutation(np.flatnonzero(_in_reach(frame, spec)))[
                : count_removable(spec.threat, frame)
            ]
        ] = False
        note = "no point in the window, or none may go: nothing was changed" if keep.all() else ""
        done.append(
            Crafted(
                frame.take_points(keep),
                AttackDetails(seed=stream_seed(frame, spec, seed), note=note),
            )
        )
    return done


def _ordered(gain: Float64, rows: Int64, free: Bool) -> Int64:
    """Rows of the frame from the largest gain to the smallest, those in reach only."""
    order: Int64 = rows[np.argsort(-gain, kind="stable")]
    return order[free[order]]


def _in_reach(frame: Frame, spec: AttackSpec) -> Bool:
    """(N,) the points of the threat's azimuth window, which is about the nearest object ahead."""
    offsets = frame.points[:, :3].astype(np.float64) - frame.ray_origins
    return in_window(offsets, azimuth_of(frame, choose_object(frame)[0]), spec.threat.window_deg)
