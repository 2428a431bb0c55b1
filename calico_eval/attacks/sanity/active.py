"""The sanity checks that run the model on a few frames of a run.

They are S1, S3, S7, S8, S10, S13, S14, and the single-frame forms of S2, S4, S5, S12, S15, S16.
Their cost does not grow with the number of frames or conditions of the run. This is what they cost
in forward (F) and backward (B) passes of one frame, on two frames of a model with both sensors:

* S1 and S10 take 10 F, and S7 takes 8 F and up to 22 B.
* S8 takes 64 F in float64.
* S3 takes 60 F and B.
* S13 takes one attack for each attack of the run, at most three.
* The single-frame checks take 72 F and B for each attacked sensor.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields

from calico.frame import Frame
from calico.seeds import derive_seed
from calico_eval.attacks.budget.saved import frame_sha256
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.catalogue import ALGORITHMS, BALL
from calico_eval.attacks.sanity.checklist import Checklist, not_run
from calico_eval.attacks.sanity.detected_objects import find_targets
from calico_eval.attacks.sanity.gradients import check_gradients_agree, check_gradients_arrive
from calico_eval.attacks.sanity.model import check_repeats, check_untouched, check_zero_budget
from calico_eval.attacks.sanity.planted_vulnerability import SEARCHES, check_planted_is_found
from calico_eval.attacks.sanity.single_frame import check_rising_strength, check_unbounded
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.white_box import WhiteBoxEngine
from reports.schema import SanityCheck

FRAMES = 2
"""Frames that the checks look at."""
ATTACKS = 3
"""Attacks of the run that S13 tries."""


def active_checks(
    engine: WhiteBoxEngine,
    frames: Sequence[Frame],
    specs: Sequence[AttackSpec],
    seed: int,
    run_sha256: str,
) -> dict[str, Callable[[], list[SanityCheck]]]:
    """List all active checks of one engine, in groups by name ("S1, S10").

    They are made in this order. Each gives the same by itself.

    Args:
        engine: The engine.
        frames: Clean frames, of which the FRAMES with most objects are used.
        specs: The attacks of the run.
        seed: Seed of the run.
        run_sha256: The engine's hash from before the run's attacks.
    """
    checklist = Checklist(engine.model_name, engine.name)
    seed = derive_seed(seed, "sanity")
    chosen = sorted(frames, key=lambda frame: -int(find_targets(engine, frame).sum()))[:FRAMES]
    before = [frame_sha256(frame) for frame in chosen]
    alone = [
        spec for spec in specs if ALGORITHMS[spec.name].fit is None
    ]  # a universal attack has no frame of its own
    in_a_ball = [
        spec
        for spec in alone
        if ALGORITHMS[spec.name].access == "gradients" and _is_ball(spec.threat)
    ]
    return {
        "S1, S10": lambda: _passes(checklist, engine, chosen),
        "S3": lambda: [check_unbounded(checklist, engine, chosen, seed)],
        "S7, S8": lambda: _gradients(checklist, engine, chosen, seed),
        "S13": lambda: [
            check_planted_is_found(checklist, engine, chosen, _distinct(in_a_ball), seed)
            if in_a_ball
            else not_run(checklist, "S13", "the run has no attack by gradients within a ball")
        ],
        "S2, S4, S5, S12, S15, S16 on one frame": lambda: list(
            check_rising_strength(
                checklist, engine, chosen[0], _strongest(in_a_ball), seed
            ).values()
        ),
        "S14": lambda: [check_untouched(checklist, engine, chosen, before, run_sha256)],
    }


def _passes(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame]
) -> list[SanityCheck]:
    """S10, and S1, which compares bit for bit where passes repeat."""
    s10 = check_repeats(checklist, engine, frames)
    return [s10, check_zero_budget(checklist, engine, frames, s10.verdict == "PASS")]


def _gradients(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame], seed: int
) -> list[SanityCheck]:
    """S7 and S8."""
    objective = engine.probing_objective
    if objective is None:
        return [
            not_run(checklist, name, "the model has no head that an objective reads")
            for name in ("S7", "S8")
        ]
    return [
        check_gradients_arrive(checklist, engine, frames, objective),
        check_gradients_agree(checklist, engine, frames, objective, seed),
    ]


def _is_ball(threat: Threat) -> bool:
    unused = Threat()
    return bool(threat.sensors) and all(
        field.name in (*BALL, "r_min_m")
        or getattr(threat, field.name) == getattr(unused, field.name)
        for field in fields(Threat)
    )


def _distinct(specs: Sequence[AttackSpec]) -> list[AttackSpec]:
    """Choose the largest budget of every algorithm and sensor, at most ATTACKS specs.

    Attacks that must find the deliberate vulnerability come first.
    """
    kept: dict[tuple[str, str], AttackSpec] = {}
    for spec in sorted(specs, key=lambda spec: (spec.name not in SEARCHES, -spec.threat.main[1])):
        kept.setdefault((spec.sensor, spec.name), spec)
    return list(kept.values())[:ATTACKS]


def _strongest(specs: Sequence[AttackSpec]) -> list[AttackSpec]:
    """Choose the spec with the largest budget of every sensor."""
    kept: dict[str, AttackSpec] = {}
    for spec in sorted(specs, key=lambda spec: -spec.threat.main[1]):
        kept.setdefault(spec.sensor, spec)
    return list(kept.values())
