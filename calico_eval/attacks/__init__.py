"""Adversarial attacks with budgets in physical units, measured on the delivered frame.

See docs/reference/attacks.md. Names are loaded on use, so that `budget` runs without torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from calico.extras import require_extra

if TYPE_CHECKING:
    from calico_eval.attacks.budget.measure import Budget, check_budget, measure_budget
    from calico_eval.attacks.budget.saved import load_attacked, save_attacked
    from calico_eval.attacks.budget.threat import Threat
    from calico_eval.attacks.budget.verify import verify_attacked
    from calico_eval.attacks.catalogue import ALGORITHMS, Algorithm, check_spec
    from calico_eval.attacks.details import AttackDetails
    from calico_eval.attacks.run import AttackedFrame, attack_frame, attack_frames
    from calico_eval.attacks.sanity import GradientCheck, dead_gradients
    from calico_eval.attacks.spec import AttackSpec

_HOMES = {
    "run": ("AttackedFrame", "attack_frame", "attack_frames"),
    "budget.measure": ("Budget", "check_budget", "measure_budget"),
    "catalogue": ("ALGORITHMS", "Algorithm", "check_spec"),
    "details": ("AttackDetails",),
    "sanity": ("GradientCheck", "dead_gradients"),
    "budget.saved": ("load_attacked", "save_attacked"),
    "spec": ("AttackSpec",),
    "budget.threat": ("Threat",),
    "budget.verify": ("verify_attacked",),
}
_WITH_TORCH = ("run", "catalogue", "sanity")

__all__ = [
    "ALGORITHMS",
    "Algorithm",
    "AttackDetails",
    "AttackSpec",
    "AttackedFrame",
    "Budget",
    "GradientCheck",
    "Threat",
    "attack_frame",
    "attack_frames",
    "check_budget",
    "check_spec",
    "dead_gradients",
    "load_attacked",
    "measure_budget",
    "save_attacked",
    "verify_attacked",
]


def __getattr__(name: str) -> object:
    for module, names in _HOMES.items():
        if name in names:
            if module in _WITH_TORCH:
                require_extra(f"{__name__}.{name}", "train")
            return getattr(import_module(f"{__name__}.{module}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
