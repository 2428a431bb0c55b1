"""Which cells keep the losses of their first frames: one or two of a run, to look at."""

from __future__ import annotations

from calico_eval.attacks import ALGORITHMS
from calico_eval.evaluation.plan import EvaluationPlan, Job

CELLS = 2


def traced(plan: EvaluationPlan) -> tuple[Job, ...]:
    """Of the white-box attacks on clean frames, per sensor the one with most steps and then the largest budget; at most CELLS."""
    white = [
        (attack, job)
        for job in plan.jobs
        if (attack := job.condition.attack) is not None
        and job.condition.corrupted is None
        and job.engine == job.crafted_on
        and ALGORITHMS[attack.name].access == "gradients"
        and ALGORITHMS[attack.name].fit is None  # learnt before, on other frames
    ]
    kept: dict[str, Job] = {}
    for attack, job in sorted(white, key=lambda pair: (-pair[0].steps, -pair[0].threat.main[1])):
        kept.setdefault(attack.sensor, job)
    return tuple(kept.values())[:CELLS]
