"""The sanity checks that compare finished cells: what is clear fails, what a few scenes may do by
chance warns."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest

from calico.taxonomy import NUSCENES
from calico_eval.attacks import AttackSpec, Threat
from calico_eval.evaluation.conditions import CLEAN, AttackCondition
from calico_eval.evaluation.plan import EvaluationPlan, Job
from calico_eval.evaluation.sanity_cells import CellChecks, grade_excess
from calico_eval.metrics.matching import DetectionStats
from calico_eval.metrics.segmentation import THRESHOLDS, SegmentationStats
from calico_eval.metrics.suffstats import FrameStats
from reports.schema import Cell, Metric, SanityCheck

OBJECTS, SCENES = 20, 8
ENGINE = "a/torch-cpu"
PGD = AttackSpec("pgd", Threat(camera_levels=8))


def frames(
    found: Sequence[int], scenes: int = SCENES, map_iou: float | None = None
) -> list[FrameStats]:
    """One frame per scene, or all in one; of its 20 cars `found` are found, and nothing else: AP
    grows with it. Its map has an IoU of map_iou; None for no map."""
    seen = None
    if map_iou is not None:
        hits = np.zeros((len(NUSCENES.map_names), len(THRESHOLDS)), np.int64)
        hits[0] = round(100 * map_iou)
        missed = np.zeros_like(hits)
        missed[0] = 100 - hits[0]
        seen = SegmentationStats(hits, np.zeros_like(hits), missed)
    result = []
    for scene, count in enumerate(found):
        errors = np.zeros((count, 5))
        n_gt = np.zeros(len(NUSCENES.names), np.int64)
        n_gt[0] = OBJECTS
        detection = DetectionStats(
            np.zeros(count, np.int64),
            np.linspace(0.9, 0.5, count, dtype=np.float32),
            np.ones((count, 4), bool),
            errors,
            n_gt,
        )
        result.append(FrameStats(f"f{scene}", f"s{scene % scenes}", detection, seen))
    return result


def checks(
    found: Mapping[AttackSpec, Sequence[int]],
    others: Mapping[Job, Sequence[int]] | None = None,
    details: Mapping[str, int] | None = None,
    scenes: int = SCENES,
    map_iou: float | None = None,
) -> dict[str, SanityCheck]:
    """The checks of engine a/torch-cpu; clean it finds 16 of 20 everywhere. map_iou: under attacks
    on the map; 0.5 elsewhere."""
    jobs = {Job("clean", CLEAN, ENGINE): [16] * SCENES}
    jobs |= {
        Job(f"job{i}", AttackCondition(spec), ENGINE, ENGINE): n
        for i, (spec, n) in enumerate(found.items())
    }
    jobs |= others or {}
    noted = {
        "frames_with_risen_loss": SCENES,
        "frames_unchanged": 0,
        "frames_not_attacked": 0,
        "bad_gradients": 0,
    } | (details or {})
    metric = Metric(value=0.5, n_frames=SCENES, n_scenes=SCENES)
    cells = {
        job.id: Cell(
            id=job.id,
            model="a",
            engine="torch-cpu",
            condition=job.condition.describe(),
            seed=0,
            metrics={"mAP": metric},
            details=dict(noted) if job.attack else {},
        )
        for job in jobs
    }
    plan = EvaluationPlan(tuple(jobs), tuple(range(SCENES)), {}, 0, 1)
    models = {ENGINE: "a", "a/onnx": "a", "b/torch-cpu": "b"}
    on_map = {job: job.attack is not None and job.attack.objective == "map_erase" for job in jobs}
    iou = {job: map_iou if on_map[job] or map_iou is None else 0.5 for job in jobs}
    stats = {job.id: frames(count, scenes, iou[job]) for job, count in jobs.items()}
    return {
        check.id: check for check in CellChecks(plan, cells, stats, ENGINE, models).make_checks()
    }


def of(check: SanityCheck) -> tuple[str, object]:
    return check.verdict, check.measured.get("pairs")


WORSE_IN_ONE_SCENE = [8] * (SCENES - 1) + [16]


@pytest.mark.parametrize(
    ("strong", "verdict"),
    [
        ([4] * SCENES, "PASS"),
        ([8] * SCENES, "PASS"),
        ([12] * SCENES, "FAIL"),
        (WORSE_IN_ONE_SCENE, "WARN"),
    ],
)
def test_a_larger_budget_more_steps_a_better_algorithm_must_not_do_less(
    strong: list[int], verdict: str
) -> None:
    """The weaker attack leaves 8 of 20 in every scene."""
    weak = [8] * SCENES
    assert of(checks({replace(PGD, threat=Threat(camera_levels=2)): weak, PGD: strong})["S2"]) == (
        verdict,
        1,
    )
    assert of(checks({PGD: weak, replace(PGD, steps=50): strong})["S4"]) == (verdict, 1)
    assert of(checks({replace(PGD, name="fgsm"): weak, PGD: strong})["S5"]) == (verdict, 1)
    assert of(checks({PGD: weak, replace(PGD, name="apgd_decay"): strong})["S5"]) == (verdict, 1)


def test_the_message_names_the_pair_the_difference_and_its_interval() -> None:
    message = checks({PGD: [8] * SCENES, replace(PGD, steps=50): WORSE_IN_ONE_SCENE})["S4"].message
    assert message.startswith(
        "more steps help the defender (by little, or within the interval): camera_pgd 8/255, 10 "
        "steps"
    )
    assert "against camera_pgd 8/255, 50 steps" in message
    assert "interval -" in message


def test_one_scene_gives_no_interval_and_so_no_failure() -> None:
    found = {PGD: [8] * SCENES, replace(PGD, steps=50): [12] * SCENES}
    assert checks(found, scenes=2)["S4"].verdict == "FAIL"
    assert checks(found, scenes=1)["S4"].verdict == "WARN"
    assert grade_excess(0.3, None) == "WARN"
    assert grade_excess(0.3, 0.29) == "FAIL"
    assert grade_excess(0.3, 0.31) == "WARN"
    assert grade_excess(0.009, 0.001) == "WARN"  # certain, and too small to fail a model for
    assert grade_excess(0.004, 0.0) == "PASS"


def test_attacks_that_differ_in_more_than_one_thing_are_not_compared() -> None:
    found = {
        PGD: [8] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=2), steps=50): [12] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=16), objective="det"): [16] * SCENES,
        AttackSpec("pgd", Threat(range_m=0.5)): [16] * SCENES,
    }
    assert {
        name: checks(found)[name].verdict for name in ("S2", "S4", "S5", "S6", "S12", "S16")
    } == dict.fromkeys(("S2", "S4", "S5", "S6", "S12", "S16"), "NOT RUN")
    joint = {
        AttackSpec("pgd", Threat(camera_levels=2, range_m=0.2)): [4] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=4, range_m=0.1)): [12]
        * SCENES,  # neither holds the other
    }
    assert checks(joint)["S2"].verdict == "NOT RUN"


def test_budgets_of_one_sensor_are_compared_although_joint_ones_lie_between_them() -> None:
    """Camera 2/255 < joint 2/255 + 0.1 m < camera 8/255 by the camera's levels, and the larger
    camera budget does less."""
    found = {
        AttackSpec("pgd", Threat(camera_levels=2)): [8] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=8)): [14] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=2, range_m=0.1)): [6] * SCENES,
        AttackSpec("pgd", Threat(camera_levels=8, range_m=0.3)): [4] * SCENES,
    }
    check = checks(found)["S2"]
    assert of(check) == ("FAIL", 4)
    assert "camera_pgd 2/255, 10 steps, 1 start against camera_pgd 8/255" in check.message


def test_restarts_that_do_more_harm_fail() -> None:
    assert (
        checks({PGD: [8] * SCENES, replace(PGD, restarts=5): [4] * SCENES})["S12"].verdict == "FAIL"
    )
    assert (
        checks({PGD: [8] * SCENES, replace(PGD, restarts=5): [8] * SCENES})["S12"].verdict == "PASS"
    )


def test_a_transfer_attack_that_beats_the_white_box_fails() -> None:
    def transferred(found: int) -> dict[Job, list[int]]:
        return {Job("transfer", AttackCondition(PGD), "a/onnx", "b/torch-cpu"): [found] * SCENES}

    assert of(checks({PGD: [8] * SCENES}, transferred(14))["S6"]) == ("PASS", 1)
    check = checks({PGD: [8] * SCENES}, transferred(4))["S6"]
    assert check.verdict == "FAIL"
    assert "the gradients are masked" in check.message


def test_black_box_and_transfer_are_each_compared_with_the_white_box() -> None:
    """A transfer that beats a few queries is no fault; one that beats the gradients is, whatever
    the queries do."""

    def beside(black: int, transfer: int) -> dict[Job, list[int]]:
        square = AttackCondition(AttackSpec("square", PGD.threat))
        made_on_b = AttackCondition(PGD).as_transfer("b/torch-cpu")
        return {
            Job("black", square, ENGINE, ENGINE): [black] * SCENES,
            Job("transfer", made_on_b, ENGINE, "b/torch-cpu"): [transfer] * SCENES,
        }

    assert of(checks({PGD: [4] * SCENES}, beside(14, 8))["S6"]) == ("PASS", 2)
    assert of(checks({PGD: [8] * SCENES}, beside(14, 4))["S6"]) == ("FAIL", 2)
    failed = checks({PGD: [8] * SCENES}, beside(4, 14))["S6"]
    assert of(failed) == ("FAIL", 2)
    assert "10 queries, 1 start" in failed.message


def test_an_attack_on_the_map_does_not_stand_for_one_on_the_boxes() -> None:
    """Square beats PGD on the boxes, while an attack on the map, which has its own metric, has the
    lowest figure of all."""
    square = AttackSpec("square", PGD.threat)
    found = {PGD: [8] * SCENES, replace(PGD, objective="map_erase"): [16] * SCENES}
    on_file = {Job("black", AttackCondition(square), "a/onnx", "a/onnx"): [4] * SCENES}
    assert of(checks(found, on_file, map_iou=0.05)["S6"]) == ("FAIL", 1)


def test_attacks_on_the_map_of_data_without_one_are_not_compared() -> None:
    attack = replace(PGD, objective="map_erase")
    found = checks(
        {
            attack: [8] * SCENES,
            replace(attack, steps=50): [8] * SCENES,
            replace(PGD, name="noise"): [8] * SCENES,
        }
    )
    assert {found[name].verdict for name in ("S4", "S5", "S16")} == {"NOT RUN"}


@pytest.mark.parametrize(
    ("attack", "noise", "verdict"),
    [
        (8, 14, "PASS"),  # 8 of 16 against 2 of 16
        (8, 13, "PASS"),
        (8, 10, "WARN"),
        (12, 8, "FAIL"),  # noise is stronger, everywhere
        (16, 16, "WARN"),  # neither does harm
    ],
)
def test_noise_must_be_far_weaker(attack: int, noise: int, verdict: str) -> None:
    check = checks({PGD: [attack] * SCENES, replace(PGD, name="noise"): [noise] * SCENES})["S16"]
    assert of(check) == (verdict, 1)


@pytest.mark.parametrize(
    ("details", "verdict"),
    [
        ({}, "PASS"),
        ({"bad_gradients": 3}, "WARN"),
        ({"frames_with_risen_loss": SCENES - 1}, "FAIL"),  # 87.5 %
        ({"frames_with_risen_loss": SCENES - 1, "frames_not_attacked": 1}, "PASS"),
        ({"frames_unchanged": 1}, "FAIL"),
        ({"frames_with_risen_loss": 0, "frames_not_attacked": SCENES}, "NOT RUN"),
    ],
)
def test_the_objective_must_rise_where_something_was_attacked(
    details: dict[str, int], verdict: str
) -> None:
    check = checks({PGD: [8] * SCENES}, details=details)["S9"]
    assert check.verdict == verdict


def test_the_objective_of_what_was_learnt_on_other_frames_must_rise_there() -> None:
    """A universal attack notes no loss of the frames that it is shown on: they are as few as
    none."""
    universal = AttackSpec("universal", PGD.threat)
    learnt = {"frames_with_risen_loss": 0, "fitted_frames": 4, "fitted_loss_start": -3}
    check = checks({universal: [8] * SCENES}, details=learnt | {"fitted_loss_end": -1})["S9"]
    assert (check.verdict, check.measured["attacked_frames"]) == ("PASS", 4)
    assert (
        checks({universal: [8] * SCENES}, details=learnt | {"fitted_loss_end": -3})["S9"].verdict
        == "FAIL"
    )


def test_the_reach_of_the_steps_is_reported() -> None:
    found = {PGD: [8] * SCENES, replace(PGD, steps=20, step_share=0.1): [8] * SCENES}
    check = checks(found)["S11"]
    assert (check.verdict, check.measured["attacks"]) == ("PASS", 2)
    assert check.measured["lowest_reach_in_radii"] == pytest.approx(2.0)
    ours = replace(
        PGD, name="apgd_decay", steps=5
    )  # 2 + 1.525 + 1.05 + 0.575 + 0.1, whatever step_share says
    assert checks({ours: [8] * SCENES})["S11"].measured["lowest_reach_in_radii"] == pytest.approx(
        5.25
    )
    published = replace(PGD, name="apgd", steps=5)  # 2 each, before they are halved
    assert checks({published: [8] * SCENES})["S11"].measured[
        "lowest_reach_in_radii"
    ] == pytest.approx(10)
    assert checks({replace(PGD, name="noise"): [8] * SCENES})["S11"].verdict == "NOT RUN"


def test_a_universal_attack_is_no_white_box_attack_on_a_frame() -> None:
    """A search on each frame may well do more harm than one change for all: that says nothing about
    gradients."""
    learnt = AttackSpec("universal", Threat(camera_levels=8))
    square = AttackCondition(AttackSpec("square", Threat(camera_levels=8), steps=200))
    asked = {Job("square", square, ENGINE, ENGINE): [4] * SCENES}
    assert checks({learnt: [12] * SCENES}, asked)["S6"].verdict == "NOT RUN"
    assert of(checks({learnt: [12] * SCENES, PGD: [2] * SCENES}, asked)["S6"]) == ("PASS", 1)
    assert of(checks({learnt: [2] * SCENES, PGD: [12] * SCENES}, asked)["S6"]) == ("FAIL", 1)
