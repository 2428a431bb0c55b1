"""S13: a vulnerability that is known to lie inside the budget is planted, and the run's own attacks must find it.

After the active tests of Zimmermann et al. ("Increasing confidence in adversarial robustness evaluations", NeurIPS 2022), which
read the planted answer from the attacked model's own features, so that whatever masks their gradients hides the plant too.
Deviation: a direction of the features in place of a trained binary classifier.

A random corner of the ball is the trigger. In the BEV features, w is the shortest direction along which the trigger lies at 1 and
the clean frame and eight other random corners at 0. The heat maps of the planted model fall slowly with the place along w up to
one half and then steeply, until at the trigger nothing is found any more; other noise does next to nothing.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from calico.data.batch import collate
from calico.frame import Frame
from calico.models.heads.center import TaskOutput
from calico.seeds import derive
from calico_eval.attacks.attack import attack_frames
from calico_eval.attacks.domain import Domain, make_domain
from calico_eval.attacks.forward import white_box
from calico_eval.attacks.objectives import KAPPA
from calico_eval.attacks.sanity.found import found_objects
from calico_eval.attacks.sanity.sheet import Sheet, Verdict, not_run, worst
from calico_eval.attacks.spec import AttackSpec
from calico_eval.engines.torch import TorchEngine
from reports.schema import SanityCheck

OTHERS = 8
"""Random corners that must not trigger."""
SEARCHES = ("pgd", "apgd_decay", "mifgsm")
"""Attacks of many steps on one frame, which must find it."""
SLOPE, KNEE = 0.1, 0.5
"""Share of the fall that is spread over all places, and the place from which on the rest comes."""


@dataclass(frozen=True)
class Plant:
    """A model with a planted vulnerability for one frame, and a frame within the budget that triggers it."""

    engine: TorchEngine
    trigger: Frame


class PlantedHead(nn.Module):
    """The detection head, with its heat maps lowered by up to `depth` with the place of the features along w. Batches of one."""

    clean: Tensor
    w: Tensor

    def __init__(self, head: nn.Module, clean: Tensor, w: Tensor, depth: float) -> None:
        super().__init__()
        self.head, self.depth = head, depth
        self.register_buffer("clean", clean)
        self.register_buffer("w", w)

    def forward(self, bev: Tensor) -> tuple[TaskOutput, ...]:
        """See the class."""
        place = ((bev - self.clean) * self.w).sum(dim=(1, 2, 3)).clamp(max=1.0)
        fall = SLOPE * place + (1.0 - SLOPE) * ((place - KNEE) / (1.0 - KNEE)).clamp(min=0.0)
        lowered = (self.depth * fall)[:, None, None, None]
        return tuple(replace(task, heatmap=task.heatmap - lowered) for task in self.head(bev))


def plant(engine: TorchEngine, frame: Frame, spec: AttackSpec, seed: int) -> Plant:
    """Plants a vulnerability within the spec's ball about the frame."""
    domain = make_domain([frame], spec.threat, engine.device)
    corners = [
        domain.corner([torch.Generator().manual_seed(derive(seed, "S13", frame.token, index))])
        for index in range(1 + OTHERS)
    ]
    model = copy.deepcopy(engine.model)
    with white_box(engine), torch.no_grad():
        clean = engine.model(collate([frame]).to(engine.device))
        shifts = (
            torch.stack([_features(engine, domain, x) - clean.bev for x in corners])
            .flatten(1)
            .double()
        )
        wanted = torch.zeros(len(shifts), dtype=torch.float64, device=shifts.device)
        wanted[0] = 1.0
        w = torch.linalg.pinv(shifts) @ wanted
        peak = max(float(task.heatmap.max()) for task in clean.tasks)
    w_map = w.to(clean.bev.dtype).reshape(clean.bev.shape)
    model.center = PlantedHead(model.center, clean.bev, w_map, max(peak, 0.0) + 2 * KAPPA)  # type: ignore[arg-type,assignment]
    planted = TorchEngine(model, engine.config, str(engine.device), engine.model_name)
    return Plant(planted, domain.frames(corners[0])[0])


def planted_is_found(
    sheet: Sheet,
    engine: TorchEngine,
    frames: Sequence[Frame],
    specs: Sequence[AttackSpec],
    seed: int,
) -> SanityCheck:
    """S13 on one frame with each of `specs` (attacks by gradients within a ball). One attack each.

    A miss of an attack that is not in `SEARCHES` (a single step, a perturbation for many frames) is only a warning.
    """
    if engine.config.model.detection is None:
        return not_run(
            sheet,
            "S13",
            "the planted vulnerability is in the detection head, and the model has none",
        )
    frame = max(frames, key=lambda one: int(found_objects(engine, one).sum()))
    if not found_objects(engine, frame).any():
        return not_run(
            sheet,
            "S13",
            "the model finds no object on the frames of the check: nothing can be hidden",
        )
    verdicts: list[Verdict] = []
    measured: dict[str, float | int | str] = {}
    missed = []
    for spec in specs:
        planted = plant(engine, frame, spec, seed)
        before = int(found_objects(planted.engine, frame).sum())
        at_trigger = int((found_objects(planted.engine, planted.trigger, frame)).sum())
        attacked = attack_frames(planted.engine, [frame], replace(spec, objective="hide"), seed)[
            0
        ].frame
        after = int(found_objects(planted.engine, attacked, frame).sum())
        name = f"{spec.sensor}_{spec.name}"
        measured |= {
            f"{name}_objects": before,
            f"{name}_at_the_trigger": at_trigger,
            f"{name}_after_the_attack": after,
        }
        if at_trigger == before:
            verdicts.append("NOT RUN")  # the features do not hold the trigger: nothing was planted
        elif after > at_trigger:
            missed.append(name)
            verdicts.append("FAIL" if spec.name in SEARCHES else "WARN")
        else:
            verdicts.append("PASS")
    verdict = worst(verdicts)
    message = {
        "PASS": "the attacks find a vulnerability that is known to be there",
        "WARN": f"{', '.join(missed)} misses a vulnerability that is known to be there, as may be its nature: run PGD too",
        "FAIL": f"a change within the budget hides objects, and the attack did not find it ({', '.join(missed)}): it is too "
        "weak for this model, or its gradients are masked; use more steps, other attacks, and see S7 and S8",
        "NOT RUN": "no random change within the budget reaches the features enough to plant anything there; try a larger budget",
    }[verdict]
    return sheet.check("S13", verdict, message, frame=frame.token, **measured)


def _features(engine: TorchEngine, domain: Domain, x: Tensor) -> Tensor:
    """(1, C, Y, X) BEV features of the delivered frame."""
    bev: Tensor = engine.model(collate(domain.frames(x)).to(engine.device)).bev
    return bev
