"""S2, S4, S5, S12, S15 and S16 on one frame, by the objective, and S3.

Attacks of rising strength run on the run's own budget. They replace the checks that compare
finished cells (`calico_eval.evaluation.sanity`) if the run did not hold such cells.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import torch

from calico.data.batch import collate_frames
from calico.frame import Bool, Frame
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.catalogue import ALGORITHMS
from calico_eval.attacks.run import attack_frames
from calico_eval.attacks.sanity.checklist import (
    Checklist,
    Verdict,
    compare_harm,
    not_run,
    worst_verdict,
)
from calico_eval.attacks.sanity.detected_objects import find_targets, found_objects
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.white_box import WhiteBoxEngine
from reports.schema import SanityCheck

STEPS = 8
"""Gradient steps of the attacks that are compared."""
UNBOUNDED_STEPS, UNBOUNDED_RANGE_M = 30, 100.0
HIDDEN = 0.99
"""Share of the objects that an unbounded attack must hide."""


@dataclass(frozen=True)
class SensorResult:
    """Result of one check for one sensor.

    Attributes:
        verdict: The verdict.
        message: What was measured, in words.
        measured: Rises of the objective, by name.
    """

    verdict: Verdict
    message: str
    measured: dict[str, float]


def check_unbounded(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame], seed: int
) -> SanityCheck:
    """Check that an unbounded attack hides everything (S3).

    Every pixel may take any value and every point may move 100 m along its ray. At least 99 % of
    the objects that are detected on the clean frame must be gone. It takes UNBOUNDED_STEPS forward
    and backward passes of PGD per frame. If an object is left, APGD makes twice as many, because
    its steps shrink. The better of the two counts on each frame. The attack starts from the clean
    frame, because unbounded noise hides everything by itself.

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
        seed: Seed of the run.
    """
    if not any(find_targets(engine, frame).any() for frame in frames):
        return not_run(
            checklist,
            "S3",
            "counts hidden objects, and the frames have none that the model could find",
        )
    threat = Threat(
        camera_levels=255 if "camera" in engine.sensors else 0,
        range_m=UNBOUNDED_RANGE_M if "lidar" in engine.sensors else 0.0,
    )
    before = [found_objects(engine, frame) for frame in frames]
    objects = sum(int(found.sum()) for found in before)
    if objects == 0:
        return not_run(
            checklist,
            "S3",
            "the model finds no object on the frames of the check: nothing can be hidden",
        )
    objective = "hide" if engine.inside is not None else engine.usual_objective
    pgd = AttackSpec("pgd", threat, objective, steps=UNBOUNDED_STEPS, random_start=False)
    longer = replace(pgd, name="apgd_decay", steps=2 * UNBOUNDED_STEPS)
    left = 0
    for frame, found in zip(frames, before, strict=True):
        here = _left(engine, frame, found, pgd, seed)
        left += min(here, _left(engine, frame, found, longer, seed)) if here else 0
    hidden = 1.0 - left / objects
    return checklist.check(
        "S3",
        "PASS" if hidden >= HIDDEN else "FAIL",
        "with no budget at all the attack hides everything, as it must"
        if hidden >= HIDDEN
        else f"even without a budget the attack leaves {left} of {objects} objects: it does not "
        "work on this model, whatever the budget; see S7, S8 and S13",
        frames=len(frames),
        objects_found_clean=objects,
        objects_left=left,
        share_hidden=hidden,
        threat=str(threat),
        steps=UNBOUNDED_STEPS,
    )


def _left(engine: WhiteBoxEngine, frame: Frame, found: Bool, spec: AttackSpec, seed: int) -> int:
    """How many of the objects that were found are found under the attack."""
    attacked = attack_frames(engine, [frame], spec, seed)[0].frame
    return int((found_objects(engine, attacked, frame) & found).sum())


def check_rising_strength(
    checklist: Checklist,
    engine: WhiteBoxEngine,
    frame: Frame,
    specs: Sequence[AttackSpec],
    seed: int,
) -> dict[str, SanityCheck]:
    """Check S2, S4, S5, S12, S15 and S16 by the rise of the objective on one frame.

    It takes about 9 STEPS forward and backward passes per spec.

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frame: Clean frame.
        specs: One attack per attacked sensor.
        seed: Seed of the run.

    Returns:
        Checks by number, each over all of `specs`.
    """
    parts: dict[str, list[SensorResult]] = {}
    for spec in specs:
        for id, part in _compare_strengths(engine, frame, spec, seed).items():  # noqa: A001
            parts.setdefault(id, []).append(part)
    checks = {}
    for id, found in parts.items():  # noqa: A001
        verdict = worst_verdict(part.verdict for part in found)
        message = "; ".join(
            dict.fromkeys(part.message for part in found if part.verdict == verdict)
        )
        measured = {name: value for part in found for name, value in part.measured.items()}
        checks[id] = checklist.check(
            id, verdict, f"on one frame, by the objective: {message}", frame=frame.token, **measured
        )
    return checks


def _compare_strengths(
    engine: WhiteBoxEngine, frame: Frame, spec: AttackSpec, seed: int
) -> dict[str, SensorResult]:
    """By id of the check."""
    objective, _ = engine.choose_objective(spec.objective, frame)
    base, steps = _plain_pgd(spec, objective)
    clean = _loss(engine, frame, frame, objective)

    def rise(one: AttackSpec) -> float:
        return (
            _loss(engine, attack_frames(engine, [frame], one, seed)[0].frame, frame, objective)
            - clean
        )

    at = spec.sensor
    full = rise(base)
    noise, fgsm, apgd = (rise(replace(base, name=name)) for name in ("noise", "fgsm", "apgd_decay"))
    longer, again = rise(replace(base, steps=2 * steps)), rise(replace(base, restarts=2))
    half = spec.threat.scaled(0.5)
    found = {
        "S4": _make_result(
            at,
            compare_harm(longer, full),
            "twice the steps do as much or more",
            "twice the steps do less: the search does not climb",
            {f"rise_{steps}_steps": full, f"rise_{2 * steps}_steps": longer},
        ),
        "S5": _make_result(
            at,
            worst_verdict(
                compare_harm(*two) for two in ((apgd, full), (full, fgsm), (fgsm, noise))
            ),
            "in order",
            "out of order; a single step or noise that beats many steps is the mark of masked "
            "gradients",
            {"rise_noise": noise, "rise_fgsm": fgsm, "rise_pgd": full, "rise_apgd_decay": apgd},
        ),
        "S12": _make_result(
            at,
            compare_harm(full, again),
            "a second start adds next to nothing",
            "a second start does more: use more restarts or steps",
            {"rise_1_start": full, "rise_2_starts": again},
        ),
        "S16": _make_result(
            at,
            "FAIL" if full <= max(noise, 0.0) else "PASS" if noise <= 0.5 * full else "WARN",
            "noise does less than half of it",
            "noise of the same norm does more than half of it: the attack has found little, or the "
            "budget drowns the data",
            {"rise_noise": noise, "rise_pgd": full},
        ),
    }
    if half.sensors == spec.threat.sensors:
        less = rise(replace(base, threat=half))
        found["S2"] = _make_result(
            at,
            compare_harm(full, less),
            "half the budget does less",
            "half the budget does more: the search does not climb",
            {"rise_half_the_budget": less, "rise_full_budget": full},
        )
    if engine.crosses_cells and (spec.threat.range_m or spec.threat.axis_m):
        found["S15"] = _compare_gradients(base, full, rise)
    return found


def _plain_pgd(spec: AttackSpec, objective: str) -> tuple[AttackSpec, int]:
    """PGD from one random start with the spec's budget, and its number of steps."""
    steps = STEPS if ALGORITHMS[spec.name].steps == 1 else min(spec.steps, STEPS)
    plain = replace(spec, name="pgd", objective=objective, steps=steps, restarts=1)
    return replace(plain, step_share=None, random_start=True), steps


def _compare_gradients(
    base: AttackSpec, rise: float, rise_of: Callable[[AttackSpec], float]
) -> SensorResult:
    """S15: compare the gradient that sees points change their cell with the true one.

    Args:
        base: The attack.
        rise: Rise of the objective by it.
        rise_of: Measures the rise by another attack.
    """
    other = rise_of(replace(base, straight_through=not base.straight_through))
    with_it, without = (rise, other) if base.straight_through else (other, rise)
    # Both are reported, and the run should use the stronger one.
    return _make_result(
        base.sensor,
        "PASS" if compare_harm(rise, other) == "PASS" else "WARN",
        "the run uses the stronger of the two gradients, or they are equal",
        "the other gradient is stronger; run with "
        f"straight_through={int(not base.straight_through)} and report the worse",
        {"rise_with_straight_through": with_it, "rise_with_the_true_gradient": without},
    )


def _make_result(
    at: str, verdict: Verdict, good: str, bad: str, rises: dict[str, float]
) -> SensorResult:
    return SensorResult(
        verdict,
        good if verdict == "PASS" else f"{at}: {bad}",
        {f"{at}_{name}": v for name, v in rises.items()},
    )


def _loss(engine: WhiteBoxEngine, frame: Frame, labelled: Frame, objective: str) -> float:
    """Compute the objective of `labelled`'s objects on the frame as an engine sees it."""
    batch, truth = (
        collate_frames([frame]).to(engine.device),
        collate_frames([labelled]).to(engine.device),
    )
    with engine.attack_mode(), torch.no_grad():
        return float(engine.attack_loss(objective, truth, engine.sensors).compute_whole(batch)[0])
