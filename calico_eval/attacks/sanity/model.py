"""S1, S10, S14: attacks see the model itself, the model repeats, and nothing changes in passing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch

from calico.data.batch import collate_frames
from calico.frame import Frame
from calico.predictions import Predictions
from calico_eval.attacks.budget.saved import frame_sha256
from calico_eval.attacks.budget.threat import Threat
from calico_eval.attacks.sanity.checklist import Checklist, Verdict
from calico_eval.attacks.search_space.joint import make_domain
from calico_eval.engines.white_box import WhiteBoxEngine
from reports.schema import SanityCheck

ROUNDING = 1e-5
"""Largest difference of a user's loss, relative to it where it is above 1, that is put down to
another layout of the same numbers in memory."""
GPU_NOISE = 1e-3
"""Largest difference of two forward passes on a GPU, relative to the largest logit, that is put
down to the order of its sums."""


def check_zero_budget(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame], repeats: bool
) -> SanityCheck:
    """Check that a budget of zero gives the clean frame and its predictions (S1).

    The centre of every search space is delivered as the clean frame, byte for byte, with its
    predictions. The forward pass that attacks use gives the model's outputs.

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
        repeats: Whether the model repeats, as S10 found.
    """
    threats = [Threat(camera_levels=8)] if "camera" in engine.sensors else []
    threats += (
        [Threat(range_m=0.1), Threat(axis_m=0.1, intensity=0.1)]
        if "lidar" in engine.sensors
        else []
    )
    changed = 0
    for threat in threats:
        domain = make_domain(frames, threat, engine.device)
        delivered = domain.deliver_frames(domain.clean)
        changed += sum(
            frame_sha256(a) != frame_sha256(b) for a, b in zip(frames, delivered, strict=True)
        )
    predictions = [_bytes(p) for p in engine.predict(frames)]
    again = [_bytes(p) for p in engine.predict(delivered)]
    other = sum(a != b for a, b in zip(predictions, again, strict=True))
    off = max(_forward_difference(engine, frame) for frame in frames)
    verdict: Verdict = "PASS"
    message = (
        "what an attack starts from is the clean frame, and what it differentiates is the model"
    )
    if changed or other or off > (0.0 if engine.inside is not None else ROUNDING):
        verdict = "FAIL" if repeats or changed else "WARN"
        message = (
            "an attack without a budget changes the answer"
            + ("" if repeats else " (but so does any second forward pass, see S10)")
            + ": its figures mix the attack with something else"
        )
    return checklist.check(
        "S1",
        verdict,
        message,
        frames=len(frames),
        frames_changed=changed,
        predictions_changed=other,
        **{f"largest_{_measured(engine)}_difference": off},
    )


def check_repeats(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame]
) -> SanityCheck:
    """Check that two forward passes on the same batch are equal (S10).

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
    """
    off, largest = _compare_passes(engine, frames)
    verdict: Verdict = "PASS"
    message = "the same frame gives the same answer"
    if off > 0:
        small = engine.device.type != "cpu" and off <= GPU_NOISE * largest
        verdict = "WARN" if small else "FAIL"
        message = (
            "sums in another order on this device: figures repeat up to rounding only"
            if small
            else "the model answers at random: a gradient of one pass says little about the next. "
            "Switch off dropout, or attack "
            "the mean over many passes (expectation over transformation, Athalye et al. 2018)"
        )
    return checklist.check(
        "S10",
        verdict,
        message,
        frames=len(frames),
        **{f"largest_{_measured(engine)}_difference": off},
        **{f"largest_{_measured(engine)}": largest},
    )


def check_untouched(
    checklist: Checklist,
    engine: WhiteBoxEngine,
    frames: Sequence[Frame],
    before: Sequence[str],
    run_sha256: str,
) -> SanityCheck:
    """Check that the attacks changed neither the model nor the clean frames (S14).

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
        before: `frame_sha256` of the frames before the attacks.
        run_sha256: Hash of weights and preprocessing at the start of the run.
    """
    now = engine.hash_now()
    mutated = sum(old != frame_sha256(frame) for old, frame in zip(before, frames, strict=True))
    same = now == run_sha256
    return checklist.check(
        "S14",
        "PASS" if same and not mutated else "FAIL",
        "model, preprocessing and clean frames are as before"
        if same and not mutated
        else "attacking changed the model or the clean frames in place: every figure after the "
        "first attack is of something else",
        model_before=run_sha256[:16],
        model_after=now[:16],
        frames=len(frames),
        frames_mutated=mutated,
    )


def _bytes(predictions: Predictions) -> bytes:
    arrays = (predictions.boxes, predictions.scores, predictions.labels, predictions.map_probs)
    return b"|".join(b"" if array is None else array.tobytes() for array in arrays)


def _measured(engine: WhiteBoxEngine) -> str:
    """Name what passes are compared by: "logit" of our network, "loss" of a user's model."""
    return "loss" if engine.inside is None else "logit"


def _forward_difference(engine: WhiteBoxEngine, frame: Frame) -> float:
    """Compare the pass that attacks follow with the model's own.

    If the model shows no inside, losses are compared, on the centre of a search space and on the
    clean frame. The difference is relative to the loss if that is above 1.
    """
    if engine.inside is not None:
        return engine.inside.compare_forwards(frame)
    batch = collate_frames([frame]).to(engine.device)
    raised = engine.attack_loss(engine.usual_objective, batch, engine.sensors)
    off = 0.0
    with engine.attack_mode(), torch.no_grad():
        for sensor in engine.sensors:
            threat = Threat(camera_levels=8) if sensor == "camera" else Threat(range_m=0.1)
            domain = make_domain([frame], threat, engine.device)
            here, there = (
                float(raised(domain.make_batch(domain.clean))),
                float(raised.compute_whole(batch)),
            )
            off = max(off, abs(here - there) / max(1.0, abs(there)))
    return off


def _compare_passes(engine: WhiteBoxEngine, frames: Sequence[Frame]) -> tuple[float, float]:
    """Run two passes on the same frames: (largest difference, largest value).

    If the model shows no inside, the losses are compared. Different predictions count as an
    infinite difference.
    """
    if engine.inside is not None:
        return engine.inside.compare_passes(frames)
    batch = collate_frames(frames).to(engine.device)
    raised = engine.attack_loss(engine.usual_objective, batch, engine.sensors)
    with engine.attack_mode(), torch.no_grad():
        first, second = raised.compute_whole(batch), raised.compute_whole(batch)
    one, other = engine.predict(frames), engine.predict(frames)
    same = all(_bytes(a) == _bytes(b) for a, b in zip(one, other, strict=True))
    off = float((first - second).abs().max()) if same else math.inf
    return off, float(first.abs().max())
