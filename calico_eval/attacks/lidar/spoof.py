"""Spoofed vehicles: the trace of a real one, put at a free place, by queries alone.

The attacker copies the few points that a LiDAR has of a far or half hidden vehicle and plays them
back 5 to 8 m ahead.

Source: after Cao et al., CCS 2019, and Sun et al., USENIX Security 2020. Deviations: the trace is
put on the rays of the attacked sensor (one return per ray, and what it replaces or hides is
deleted) and cut to the azimuth window that the hardware reaches. Traces are tried by queries, first
many traces, then other places of the best one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from calico.errors import CalicoError
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks.details import AttackDetails, Crafted
from calico_eval.attacks.lidar.edit import add_returns
from calico_eval.attacks.lidar.phantom import Phantom, Place, Projector
from calico_eval.attacks.lidar.rays import Rays, rays_of
from calico_eval.attacks.lidar.vehicle_shapes import Trace, scene_traces
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.base import Engine

DISTANCES_M = (5.0, 6.0, 7.0, 8.0)
"""How far ahead of the sensor a phantom's nearest point stands."""
WINDOW_DEG = 10.0
"""The azimuth that a spoofing laser reaches (Cao et al. 2019: 8 degrees, Sun et al. 2020: 10); a
threat may allow less."""
NEAR_M = 2.0
"""A box this close to the phantom's centre has taken it for real."""
STAGES = (60, 100, 200)
"""Budgets in points that published attacks had. No trace is larger."""
QUERY_BATCH = 8
"""Frames of one call of the engine, which bounds the memory."""

FindTraces = Callable[[Frame], Sequence[Trace]]
"""The traces that an attacker of this frame has."""


@dataclass(frozen=True)
class Spoofed:
    """The outcome of a spoofing attack.

    Attributes:
        frame: The delivered frame.
        phantom: What was put in, or None if nothing could be.
        score_clean, score: Highest score of a box of the phantom's class within NEAR_M of its
            centre, without and with it.
        scores: Scores of all tries.
        queries: Frames for which the engine was asked for predictions.
    """

    frame: Frame
    phantom: Phantom | None
    score_clean: float = 0.0
    score: float = 0.0
    scores: tuple[float, ...] = ()
    queries: int = 0

    def success(self, threshold: float) -> bool:
        """Tell whether a box of at least this score appeared that the clean frame did not have."""
        return self.phantom is not None and self.score >= threshold > self.score_clean


def spoof_vehicle(
    engine: Engine, frames: Sequence[Frame], spec: AttackSpec, seed: int
) -> list[Crafted]:
    """Put a vehicle ahead, from the traces of the frame's own scene (`scene_traces`).

    It takes `spec.steps` queries and one of the clean frame. Nothing is random. The objective is
    the score at the target, whatever the spec names.

    Args:
        engine: The engine, which is asked for predictions.
        frames: The clean frames.
        spec: The attack.
        seed: Not used.
    """
    return [
        describe_outcome(spoof_frame(engine, frame, spec, scene_traces), spec) for frame in frames
    ]


def spoof_frame(engine: Engine, frame: Frame, spec: AttackSpec, find_traces: FindTraces) -> Spoofed:
    """Try `spec.steps` phantoms straight ahead and keep the one with the highest score.

    Args:
        engine: The engine, which is asked for predictions.
        frame: The clean frame.
        spec: The attack.
        find_traces: Function that returns the traces of vehicles to choose from.

    Raises:
        CalicoError: The engine does not use the LiDAR.
    """
    rays = rays_of(frame)
    allowed = rays.window(frame, 0.0, min(spec.threat.window_deg, WINDOW_DEG))
    projector = Projector(frame, rays, allowed, spec.threat)
    places = [Place(0.0, distance) for distance in DISTANCES_M]
    return best_phantom(
        engine, frame, rays, list_candidates(projector, find_traces(frame), places), spec
    )


def list_candidates(
    projector: Projector, traces: Sequence[Trace], places: Sequence[Place]
) -> list[list[Phantom]]:
    """List the phantoms that can be put at places, one list per trace, the most returns first.

    Traces of at most 60, 100 and 200 points (`STAGES`) take turns, of each kind those with the most
    returns first. A larger budget alone would favour wide vehicles, of which the window shows a
    part, and could do worse than a smaller one.

    Args:
        projector: Puts traces on the rays of the sensor.
        traces: Traces of vehicles.
        places: Places to try.
    """
    groups: list[list[Phantom]] = []
    for trace in traces:
        versions = (trace, trace.mirrored)
        put = [
            phantom
            for one in versions
            for place in places
            if (phantom := projector.put(one, place)) is not None
        ]
        if put:
            groups.append(sorted(put, key=lambda phantom: -len(phantom.returns)))
    groups.sort(key=lambda group: -len(group[0].returns))
    ranks = [
        [index for index, group in enumerate(groups) if len(group[0].trace) <= most]
        for most in STAGES
    ]
    turns = [index for turn in zip_longest(*ranks) for index in turn if index is not None]
    return [groups[index] for index in dict.fromkeys(turns)]


def best_phantom(
    engine: Engine, frame: Frame, rays: Rays, groups: Sequence[Sequence[Phantom]], spec: AttackSpec
) -> Spoofed:
    """Search for the phantom with the highest score.

    Two of three tries go to different traces, the others to further places of those that scored
    best.

    Args:
        engine: The engine, which is asked for predictions.
        frame: The clean frame.
        rays: Its rays.
        groups: Phantoms to try, one list per trace.
        spec: The attack.
    """
    if "lidar" not in engine.sensors:
        raise CalicoError(
            f"attack {spec.name}: sensor is 'lidar', but model {engine.model_name} only looks at "
            f"{' and '.join(engine.sensors)}"
        )
    if not groups:
        return Spoofed(frame, None)
    clean = engine.predict([frame])[0]
    firsts = [group[0] for group in groups[: -(-2 * spec.steps // 3)]]
    scores = _scores(engine, frame, rays, firsts)
    order = np.argsort([-score for score in scores], kind="stable")
    rest = [phantom for index in order for phantom in groups[index][1:]]
    rest += [group[0] for group in groups[len(firsts) :]]
    tried = firsts + rest[: spec.steps - len(firsts)]
    scores += _scores(engine, frame, rays, tried[len(firsts) :])
    before = [target_score(clean, phantom) for phantom in tried]
    best = int(np.argmax(np.array(scores) - np.array(before)))
    return Spoofed(
        frame=add_returns(frame, rays, tried[best].returns),
        phantom=tried[best],
        score_clean=before[best],
        score=scores[best],
        scores=tuple(scores),
        queries=1 + len(tried),
    )


def target_score(predictions: Predictions, phantom: Phantom) -> float:
    """Return the highest score of a box of the phantom's class within NEAR_M of its centre, or 0.

    Args:
        predictions: Predictions on the attacked frame.
        phantom: The phantom.
    """
    near = np.linalg.norm(predictions.boxes[:, :2] - phantom.center, axis=1) <= NEAR_M
    return float(
        predictions.scores[near & (predictions.labels == phantom.trace.label)].max(initial=0.0)
    )


def _scores(engine: Engine, frame: Frame, rays: Rays, phantoms: Sequence[Phantom]) -> list[float]:
    scores: list[float] = []
    for start in range(0, len(phantoms), QUERY_BATCH):
        some = phantoms[start : start + QUERY_BATCH]
        found = engine.predict([add_returns(frame, rays, phantom.returns) for phantom in some])
        scores += [target_score(one, phantom) for one, phantom in zip(found, some, strict=True)]
    return scores


def describe_outcome(done: Spoofed, spec: AttackSpec, note: str = "") -> Crafted:
    """Return the outcome with its details.

    Args:
        done: The outcome.
        spec: The attack.
        note: Text that comes before the description of the phantom.
    """
    if done.phantom is None:
        reason = (
            f"no vehicle trace of at most {spec.threat.points_added} points fits a free "
            "place: nothing was changed"
        )
        return Crafted(done.frame, AttackDetails(note="; ".join(filter(None, (note, reason)))))
    phantom = done.phantom
    what = (
        f"phantom {done.frame.taxonomy.names[phantom.trace.label]} of {len(phantom.returns)} "
        "points at "
        f"({phantom.center[0]:.1f}, {phantom.center[1]:.1f}) m, trace {phantom.trace.name}"
    )
    details = AttackDetails(
        objective="score at the target",
        note="; ".join(filter(None, (note, what))),
        loss_clean=done.score_clean,
        loss_attacked=done.score,
        losses=done.scores,
        queries=done.queries,
    )
    return Crafted(done.frame, details)
