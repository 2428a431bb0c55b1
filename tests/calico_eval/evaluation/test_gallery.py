"""Which conditions the gallery shows."""

from __future__ import annotations

from calico_eval.attacks import AttackSpec, Threat
from calico_eval.evaluation.conditions import CLEAN, AttackCondition, CorruptionCondition
from calico_eval.evaluation.gallery import _choose_worst_jobs
from calico_eval.evaluation.plan import EvaluationPlan, Job
from reports.schema import Cell, Metric


def test_the_worst_attack_is_one_on_clean_frames_and_no_control() -> None:
    """As in the reports, where an attack on corrupted frames is neither the worst corruption nor
    the worst attack."""
    pgd, noise = (
        AttackSpec("pgd", Threat(camera_levels=8)),
        AttackSpec("noise", Threat(camera_levels=8)),
    )
    fog = CorruptionCondition.at_severity("fog", 5)
    values = {
        CLEAN: 0.6,
        CorruptionCondition.at_severity("fog", 1): 0.5,
        fog: 0.3,
        AttackCondition(pgd): 0.2,
        AttackCondition(noise): 0.1,
        AttackCondition(pgd, fog): 0.05,
    }
    jobs = tuple(Job(str(condition), condition, "a/torch", "a/torch") for condition in values)
    cells = {
        job.id: Cell(
            id=job.id,
            model="a",
            engine="torch",
            condition=job.condition.describe(),
            seed=0,
            metrics={"mAP": Metric(value=values[job.condition], n_frames=4, n_scenes=2)},
        )
        for job in jobs
    }
    chosen = _choose_worst_jobs(EvaluationPlan(jobs, (0, 1, 2, 3), {}, 0, 4), cells)
    assert [str(job.condition) for job in chosen] == ["fog 5", "camera_pgd 8/255"]
