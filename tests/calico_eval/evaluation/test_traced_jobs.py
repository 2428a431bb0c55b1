"""The cells that keep the losses of their frames."""

from __future__ import annotations

from calico.data.source import FrameSource
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.evaluation.traced_jobs import choose_traced_jobs
from calico_eval.metrics.nuscenes import class_ranges
from tests.calico_eval.evaluations import plan_for

PGD = AttackSpec("pgd", Threat(camera_levels=8), steps=4)


NOISE = AttackSpec("noise", Threat(camera_levels=8))


def plan_of(engine: TorchEngine, street: FrameSource, *attacks: AttackSpec) -> EvaluationPlan:
    return plan_for([engine], street, ranges=class_ranges(16.0), attacks=attacks, indices=(0, 3))


def test_traces_are_kept_of_the_longest_and_largest_attack_of_each_sensor(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    attacks = (
        PGD,
        NOISE,
        AttackSpec("pgd", Threat(camera_levels=2), steps=8),
        AttackSpec("pgd", Threat(camera_levels=4), steps=8),
        AttackSpec("pgd", Threat(range_m=0.1)),
        AttackSpec("pgd", Threat(range_m=0.1, camera_levels=1), steps=3),
    )
    found = [
        str(job.condition) for job in choose_traced_jobs(plan_of(small_engine, street, *attacks))
    ]
    assert found == ["lidar_pgd 0.1 m", "camera_pgd 4/255"]
    learnt = AttackSpec("universal", Threat(camera_levels=8), steps=4)
    plan = plan_for(
        [small_engine],
        street,
        ranges=class_ranges(),
        attacks=(learnt, PGD),
        indices=(3, 4),
        fit_source=street,
    )
    assert [str(job.condition) for job in choose_traced_jobs(plan)] == ["camera_pgd 8/255"], (
        "the other notes no losses of a frame"
    )
