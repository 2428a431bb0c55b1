"""S7: no dead gradients. S8: gradients are those of the function that is attacked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, replace
from statistics import median

import torch
from torch import Tensor

from calico.data.batch import Batch, collate_frames
from calico.errors import CalicoError
from calico.frame import Frame
from calico.seeds import derive_seed
from calico_eval.attacks.sanity.checklist import Checklist, Verdict, not_run
from calico_eval.engines.white_box import WhiteBoxEngine
from reports.schema import SanityCheck

DIRECTIONS = 8
"""Random directions per frame and input."""
STEP = 1e-6
"""Step of the finite differences in float64: share of the pixel range, or metres."""
UNKNOWN_STEP, SHAKE = 1e-8, 1e-4
"""The step for a model whose jumps are not known, and the random shift of its clean input.

Simulated points may lie exactly on a border of a model's cells, where its loss jumps. Shaken, one
of N points is within a step of a border with a probability of about N x 1e-8 m / cell size.
"""
GOOD_COSINE, CLOSE_COSINE = 0.9, 0.99


@dataclass(frozen=True)
class GradientCheck:
    """The inputs that the gradient of an objective reaches on one frame.

    Attributes:
        view_share: Share of each view's pixels with a finite gradient other than zero, empty for a
            model without cameras.
        point_share: The same share of the points, or None for a model without LiDAR or a frame
            without
            points.
        bad: Number of entries that are NaN or infinite.
        dead: Names of the inputs that get no gradient at all ("view 2", "points"). Gradient masking
            looks like this, and an attack on such an input says nothing about robustness.
    """

    view_share: tuple[float, ...]
    point_share: float | None
    bad: int
    dead: tuple[str, ...]


def dead_gradients(
    engine: WhiteBoxEngine, frame: Frame, objective: str | None = None
) -> GradientCheck:
    """Take the gradient of an objective on the clean frame at every pixel and every point.

    Args:
        engine: Model whose gradients are looked at.
        frame: Clean frame with its ground truth.
        objective: Name of the objective, or None for the engine's `probing_objective`, which each
            input in range should feel.

    Returns:
        The places that the gradient arrives at.

    Raises:
        CalicoError: The model has nothing that an objective reads.
    """
    name = objective or engine.probing_objective
    if name is None:
        raise CalicoError(f"model {engine.model_name}: has no head that an objective reads")
    batch = collate_frames([frame]).to(engine.device)
    images, points = batch.images.requires_grad_(True), batch.points.requires_grad_(True)
    with engine.attack_mode():
        batch = replace(batch, images=images, points=points)
        loss = engine.attack_loss(name, batch, engine.sensors).compute_whole(batch).sum()
        gradients = (
            torch.autograd.grad(loss, [images, points], allow_unused=True)
            if loss.requires_grad
            else (None, None)
        )
    on_images, on_points = (
        torch.zeros(1) if gradient is None else gradient for gradient in gradients
    )
    view_share: tuple[float, ...] = ()
    if "camera" in engine.sensors:
        view_share = tuple(
            _share(on_images[0, view, :, : image.shape[0], : image.shape[1]].flatten(1).T)
            if on_images.ndim == 5
            else 0.0
            for view, image in enumerate(frame.images)
        )
    point_share = None
    if "lidar" in engine.sensors and len(frame.points):
        point_share = _share(on_points[0, :, :3]) if on_points.ndim == 3 else 0.0
    dead = [f"view {view}" for view, share in enumerate(view_share) if share == 0]
    dead += ["points"] if point_share == 0 else []
    bad = sum(int((~torch.isfinite(gradient)).sum()) for gradient in (on_images, on_points))
    return GradientCheck(view_share, point_share, bad, tuple(dead))


def _share(gradient: Tensor) -> float:
    """Rows of (N, C) with a finite entry other than zero, as a share."""
    alive = (torch.isfinite(gradient) & (gradient != 0)).any(dim=1)
    return float(alive.float().mean())


def check_gradients_arrive(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame], objective: str
) -> SanityCheck:
    """Check that gradients reach every input (S7).

    The gradient of `objective` reaches every view, the points and both branches. The gradient of
    each detected object's peak reaches an input. It takes three backward passes per frame and one
    per object.

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
        objective: Name of the objective.
    """
    checks = [dead_gradients(engine, frame, objective) for frame in frames]
    always = sorted(set.intersection(*(set(check.dead) for check in checks)))
    sometimes = sorted({name for check in checks for name in check.dead} - set(always))
    inside = engine.inside
    branches = sorted(
        {name for frame in frames for name in inside.find_dead_branches(frame, objective)}
        if inside is not None
        else set()
    )
    peaks = [(0, 0) if inside is None else inside.count_dead_peaks(frame) for frame in frames]
    dead_objects, objects = (sum(pair) for pair in zip(*peaks, strict=True))
    bad = sum(check.bad for check in checks)
    views = [share for check in checks for share in check.view_share]
    points = [check.point_share for check in checks if check.point_share is not None]
    verdict: Verdict = "PASS"
    message = "every input and every object has a gradient to follow"
    if always or branches or bad or 10 * dead_objects > objects:
        where = [
            *always,
            *branches,
            *([f"{dead_objects} of {objects} objects"] if dead_objects else []),
        ]
        where += [f"{bad} NaN or infinite entries"] if bad else []
        verdict = "FAIL"
        message = (
            f"no usable gradient: {', '.join(where)}. An attack by gradients cannot work there, "
            "and its figures say nothing "
            "about robustness; look for detach, rounding, argmax or saturation in the model"
        )
    elif sometimes or dead_objects:
        verdict = "WARN"
        message = (
            "no gradient on some frames or objects "
            f"({', '.join(sometimes) or f'{dead_objects} of {objects} objects'})"
        )
    return checklist.check(
        "S7",
        verdict,
        message,
        frames=len(frames),
        objective=objective,
        lowest_view_share=min(views, default=None),
        lowest_point_share=min(points, default=None),
        dead_inputs=", ".join([*always, *branches, *sometimes]) or "none",
        objects=objects,
        objects_without_gradient=dead_objects,
        bad_entries=bad,
    )


def check_gradients_agree(
    checklist: Checklist, engine: WhiteBoxEngine, frames: Sequence[Frame], objective: str, seed: int
) -> SanityCheck:
    """Check autograd against central differences in float64 (S8).

    The differences are taken along DIRECTIONS random directions (each entry +-1), for the images
    and for x, y, z of the points that are not at a border of the grid. The cosine of the two sets
    of slopes estimates the cosine of the two gradients, masked parts included. It takes 2
    DIRECTIONS forward passes per frame and sensor.

    Args:
        checklist: The engine's checks.
        engine: The engine.
        frames: Clean frames.
        objective: Name of the objective.
        seed: Seed of the directions.
    """
    inputs = {"camera": "images", "lidar": "points"}
    measured: dict[str, float | None] = {}
    try:
        for sensor in engine.sensors:
            found = sorted(
                measure_agreement(
                    engine, frame, inputs[sensor], objective, derive_seed(seed, "S8", i)
                )
                for i, frame in enumerate(frames)
            )
            measured[f"{inputs[sensor]}_cosine_median"] = median(found)
            measured[f"{inputs[sensor]}_cosine_lowest"] = found[0]
    except CalicoError as error:
        return not_run(checklist, "S8", f"finite differences need float64: {error}")
    medians = {name: value or 0.0 for name, value in measured.items() if name.endswith("median")}
    wrong = [name.partition("_")[0] for name, value in medians.items() if value < GOOD_COSINE]
    partly = [name.partition("_")[0] for name, value in medians.items() if value < CLOSE_COSINE]
    verdict: Verdict = "FAIL" if wrong else "WARN" if partly else "PASS"
    message = {
        "PASS": "autograd gives the slope that the function has",
        "WARN": f"autograd misses a part of the slope through {' and '.join(partly)}: look for a "
        "detach or a no_grad on the way",
        "FAIL": f"autograd does not give the slope through {' and '.join(wrong)}: something on the "
        "way is cut, rounded or "
        "replaced in the backward pass; attacks by gradients go the wrong way",
    }[verdict]
    return checklist.check(
        "S8",
        verdict,
        message,
        frames=len(frames),
        directions=DIRECTIONS,
        objective=objective,
        **measured,
    )


def measure_agreement(
    engine: WhiteBoxEngine, frame: Frame, field: str, objective: str, seed: int
) -> float:
    """Compare autograd with central differences in float64 for one frame and one input.

    Args:
        engine: Model whose gradients are compared.
        frame: Clean frame with its ground truth.
        field: "images" or "points" of the batch.
        objective: Name of the objective.
        seed: Seed of the random directions.

    Returns:
        The cosine of `check_gradients_agree`, or 0 if either set of slopes is all zero.

    Raises:
        CalicoError: The model does not compute in float64.
    """
    double = engine.copy_double()
    batch = _double(collate_frames([frame])).to(engine.device)
    raised = double.attack_loss(objective, batch, engine.sensors)

    def loss(values: Tensor) -> Tensor:
        changed = replace(batch, **{field: values})  # type: ignore[arg-type]
        return raised.compute_whole(changed).sum()

    clean: Tensor = getattr(batch, field)
    step = STEP
    if engine.inside is None:
        step = UNKNOWN_STEP
        shift = torch.rand(clean.shape, generator=torch.Generator().manual_seed(seed)) - 0.5
        clean = clean + SHAKE * shift.to(clean)
    free = _smooth(clean, batch, engine) if field == "points" else torch.ones_like(clean).bool()
    stream = torch.Generator().manual_seed(seed)
    with double.attack_mode():
        leaf = clean.clone().requires_grad_(True)
        value = loss(leaf)
        gradient = (
            torch.autograd.grad(value, leaf, allow_unused=True)[0] if value.requires_grad else None
        )
        analytic, numeric = [], []
        for _ in range(DIRECTIONS):
            signs = torch.randint(0, 2, clean.shape, generator=stream).to(clean) * 2.0 - 1.0
            direction = signs * free
            analytic.append(0.0 if gradient is None else float((gradient * direction).sum()))
            numeric.append(_slope(loss, clean, step * direction) / step)
    a, n = torch.tensor(analytic, dtype=torch.float64), torch.tensor(numeric, dtype=torch.float64)
    length = float(a.norm() * n.norm())
    return float(a @ n) / length if length > 0 else 0.0


def _slope(loss: Callable[[Tensor], Tensor], clean: Tensor, step: Tensor) -> float:
    """Half the difference of the loss one step ahead and one step back."""
    with torch.no_grad():
        return float((loss(clean + step) - loss(clean - step)) / 2)


def _smooth(points: Tensor, batch: Batch, engine: WhiteBoxEngine) -> Tensor:
    """Mask x, y, z of the points where the network is known not to jump.

    A model that shows no inside may jump anywhere, see UNKNOWN_STEP.
    """
    if engine.inside is not None:
        return engine.inside.find_smooth(points)
    free = torch.zeros_like(points, dtype=torch.bool)
    free[..., :3] = batch.point_mask[..., None]
    return free


def _double(batch: Batch) -> Batch:
    changes: dict[str, object] = {"boxes": tuple(boxes.double() for boxes in batch.boxes)}
    for item in fields(batch):
        value = getattr(batch, item.name)
        if isinstance(value, Tensor) and value.dtype == torch.float32:
            changes[item.name] = value.double()
    return replace(batch, **changes)  # type: ignore[arg-type]
