"""Checks that an attack figure means something (S1 to S16, docs/reference/attacks.md).

See `active` for their cost.
"""

from calico_eval.attacks.sanity.active import FRAMES, active_checks
from calico_eval.attacks.sanity.checklist import TITLES, Checklist, not_run, worst_verdict
from calico_eval.attacks.sanity.gradients import GradientCheck, dead_gradients

__all__ = [
    "FRAMES",
    "TITLES",
    "Checklist",
    "GradientCheck",
    "active_checks",
    "dead_gradients",
    "not_run",
    "worst_verdict",
]
