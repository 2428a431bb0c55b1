"""Attacks one frame: search in the model's input, deliver as a sensor would, measure what was delivered."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from calico.data.batch import collate
from calico.errors import CalicoError
from calico.frame import Frame
from calico.seeds import derive
from calico_eval.attacks.budget import Budget, measure_budget
from calico_eval.attacks.domain import Domain, make_domain
from calico_eval.attacks.forward import DetectionForward, white_box
from calico_eval.attacks.objectives import choose_objective, evaluate
from calico_eval.attacks.threat import AttackSpec, ObjectiveName
from calico_eval.attacks.torchattacks_adapter import LossModel, isolated_generators, run_pgd
from calico_eval.engines.base import Engine
from calico_eval.engines.torch import TorchEngine


@dataclass(frozen=True)
class AttackDetails:
    """How an attack went.

    objective: the one used; None where nothing was attacked. note: why it is another than asked, or why nothing was done.
    seed: of this frame's random start or noise.
    loss_clean, loss_attacked: the objective on the clean frame and on the delivered (rounded) one; None where nothing was
        attacked. The attack raises it.
    losses: of the iterates, in order.
    forwards, backwards: passes through the model, the two for loss_clean and loss_attacked included.
    gradient_share: share of pixels (one number per view) or of points (one number) with a gradient other than zero at the
        first iterate; empty for noise.
    bad_gradients: NaN or infinite entries that were set to zero. dead_gradient: a gradient was zero everywhere, which ended
        the attack ("hide" does so once every object is hidden).
    cell_crossings: points that changed their pillar; None for the camera.
    """

    objective: str | None
    note: str
    seed: int
    loss_clean: float | None = None
    loss_attacked: float | None = None
    losses: tuple[float, ...] = ()
    forwards: int = 0
    backwards: int = 0
    gradient_share: tuple[float, ...] = ()
    bad_gradients: int = 0
    dead_gradient: bool = False
    cell_crossings: int | None = None


@dataclass(frozen=True)
class AttackedFrame:
    """The delivered frame, the budget it used (measured from it, not believed), and how the attack went."""

    frame: Frame
    budget: Budget
    details: AttackDetails


def attack_frame(engine: Engine, frame: Frame, spec: AttackSpec, seed: int) -> AttackedFrame:
    """Attacks one frame with the model's own gradients. The model and the frame stay as they are.

    Args:
        engine: a TorchEngine; its model is used in evaluation mode.
        frame: with ground truth: "hide" and "det" aim at its objects.
        seed: of the run. The random start is drawn from (seed, attack, sensor, token), so that order does not matter.

    Raises:
        CalicoError: the engine gives no gradients, or its model does not look at the attacked sensor.
    """
    torch_engine = _white_box(engine, spec)
    stream = derive(seed, "attack", spec.name, spec.sensor, frame.token)
    reason = _nothing_to_attack(frame, spec)
    if reason:
        return AttackedFrame(frame, measure_budget(frame, frame), AttackDetails(None, reason, stream))
    objective, note = choose_objective(spec.objective, frame, torch_engine.config)
    with white_box(torch_engine):
        domain = make_domain(frame, spec, torch_engine.device)
        loss = _loss_model(torch_engine, domain, spec, objective)
        loss_clean = _delivered_loss(torch_engine, frame, objective)
        candidates = [domain.frame(x) for x in _search(domain, loss, spec, stream)]
        losses = [_delivered_loss(torch_engine, candidate, objective) for candidate in candidates]
        if spec.name != "noise" and spec.random_start and max(losses) < loss_clean:
            # an unlucky start: again from the clean frame
            again = [domain.frame(x) for x in _search(domain, loss, replace(spec, random_start=False), stream)]
            candidates += again
            losses += [_delivered_loss(torch_engine, candidate, objective) for candidate in again]
    best = int(np.argmax(losses))
    trace = loss.trace
    return AttackedFrame(
        candidates[best],
        measure_budget(frame, candidates[best]),
        AttackDetails(
            objective=objective,
            note=note,
            seed=stream,
            loss_clean=loss_clean,
            loss_attacked=losses[best],
            losses=tuple(trace.losses),
            forwards=1 + len(trace.losses) + len(losses),
            backwards=trace.backwards,
            gradient_share=_gradient_share(trace.first_gradient, spec, len(frame.images)),
            bad_gradients=trace.bad_gradients,
            dead_gradient=trace.dead,
            cell_crossings=_cell_crossings(frame, candidates[best], torch_engine) if spec.sensor == "lidar" else None,
        ),
    )


def _loss_model(engine: TorchEngine, domain: Domain, spec: AttackSpec, objective: ObjectiveName) -> LossModel:
    forward = DetectionForward(engine.model, domain.batch(domain.clean), spec.sensor)

    def loss(x: Tensor) -> Tensor:
        batch = domain.batch(x)
        return evaluate(objective, engine.model, forward(batch), batch)

    return LossModel(engine.model, loss)


def _delivered_loss(engine: TorchEngine, frame: Frame, objective: ObjectiveName) -> float:
    """The objective on a frame as the engine would see it: through collate and the model's own forward pass."""
    batch = collate([frame]).to(engine.device)
    with torch.no_grad():
        return float(evaluate(objective, engine.model, engine.model(batch), batch))


def _search(domain: Domain, loss: LossModel, spec: AttackSpec, seed: int) -> list[Tensor]:
    """The inputs worth delivering: the noise, or PGD's last iterate and its best one."""
    if spec.name == "noise":
        with isolated_generators(seed, domain.clean.device):
            signs = torch.randint(0, 2, domain.clean.shape).to(domain.clean) * 2.0 - 1.0
        return [(domain.clean + domain.eps * signs).clamp(0.0, 1.0)]
    last = run_pgd(loss, domain.clean, domain.eps, domain.step, spec.steps, spec.random_start, seed)
    best = loss.trace.best
    return [last] if best is None or torch.equal(best, last) else [last, best]


def _white_box(engine: Engine, spec: AttackSpec) -> TorchEngine:
    if not isinstance(engine, TorchEngine):
        raise CalicoError(
            f"attack {spec.name}: engine {engine.name} gives no gradients; expected the torch engine. "
            "Attack the torch model, and evaluate the attacked frames on this engine."
        )
    if spec.sensor not in engine.sensors:
        raise CalicoError(
            f"attack {spec.name}: sensor is '{spec.sensor}', but model {engine.model_name} only looks at "
            f"{' and '.join(engine.sensors)}"
        )
    return engine


def _nothing_to_attack(frame: Frame, spec: AttackSpec) -> str:
    if spec.eps == 0:
        return "eps is 0: nothing was changed"
    if spec.sensor == "camera" and not frame.images:
        return "the frame has no images: nothing was changed"
    if spec.sensor == "lidar" and len(frame.points) == 0:
        return "the frame has no points: nothing was changed"
    return ""


def _gradient_share(gradient: Tensor | None, spec: AttackSpec, views: int) -> tuple[float, ...]:
    if gradient is None:
        return ()
    if spec.sensor == "camera":
        alive = (gradient[0].reshape(views, 3, -1) != 0).any(dim=1)
        return tuple(float(share) for share in alive.float().mean(dim=1))
    return (float((gradient[0, 0] != 0).any(dim=1).float().mean()),)


def _cell_crossings(clean: Frame, attacked: Frame, engine: TorchEngine) -> int:
    rows, columns, inside = engine.config.grid.pillars.locate(clean.points[:, :2])
    new_rows, new_columns, new_inside = engine.config.grid.pillars.locate(attacked.points[:, :2])
    other_cell = (rows != new_rows) | (columns != new_columns)
    return int(((inside != new_inside) | (other_cell & inside & new_inside)).sum())
