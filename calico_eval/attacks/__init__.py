"""Adversarial attacks with budgets in physical units, measured on the delivered frame. See docs/attacks.md."""

from calico_eval.attacks.attack import AttackDetails, AttackedFrame, attack_frame
from calico_eval.attacks.budget import Budget, check_budget, measure_budget
from calico_eval.attacks.sanity import GradientCheck, dead_gradients
from calico_eval.attacks.threat import AttackSpec

__all__ = [
    "AttackDetails",
    "AttackSpec",
    "AttackedFrame",
    "Budget",
    "GradientCheck",
    "attack_frame",
    "check_budget",
    "dead_gradients",
    "measure_budget",
]
