"""The cells that keep the losses of their first frames: one or two of a run, to look at."""

from __future__ import annotations

from calico_eval.attacks import ALGORITHMS
from calico_eval.evaluation.plan import EvaluationPlan, Job

MOST_CELLS = 2


def choose_traced_jobs(plan: EvaluationPlan) -> tuple[Job, ...]:
    """Choose the cells that keep losses, at most `MOST_CELLS`.

    They are white-box attacks on clean frames: for each sensor, the one with most steps and then
    the largest budget. Universal attacks are left out, since they are learnt before, on other
    frames.
    """
    white = [
        (attack, job)
        for job in plan.jobs
        if (attack := job.attack) is not None
        and job.is_on_clean_frames
        and job.engine == job.source_engine
        and ALGORITHMS[attack.name].access == "gradients"
        and ALGORITHMS[attack.name].fit is None
    ]
    kept: dict[str, Job] = {}
    for attack, job in sorted(white, key=lambda pair: (-pair[0].steps, -pair[0].threat.main[1])):
        kept.setdefault(attack.sensor, job)
    return tuple(kept.values())[:MOST_CELLS]
