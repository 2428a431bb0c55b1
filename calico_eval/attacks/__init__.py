"""Adversarial attacks with budgets in physical units, measured on the delivered frame. See docs/attacks.md."""

from calico_eval.attacks.attack import AttackedFrame, attack_frame, attack_frames
from calico_eval.attacks.budget import Budget, check_budget, measure_budget
from calico_eval.attacks.catalogue import ALGORITHMS, Algorithm
from calico_eval.attacks.details import AttackDetails
from calico_eval.attacks.sanity import GradientCheck, dead_gradients
from calico_eval.attacks.spec import AttackSpec
from calico_eval.attacks.threat import Threat

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
    "dead_gradients",
    "measure_budget",
]
