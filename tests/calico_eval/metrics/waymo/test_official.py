"""Our figures against the official program (TensorFlow op, 1.6.7), which `make waymo-env` installs.

The official program computes in float32, so that its AP differs from ours by some 1e-7. Counts are
equal. Of coinciding boxes it may match another one, see `assignment`.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.waymo.v1.objects import read_objects
from calico.frame import Float64
from calico_eval.metrics.waymo.counts import (
    FoundBoxes,
    TrueBoxes,
    assign_difficulties,
    count_matches,
)
from calico_eval.metrics.waymo.objects import LEAST_OVERLAPS, TOLERANT_OVERLAPS
from calico_eval.metrics.waymo.pool import WaymoPool, sum_over_cutoffs
from calico_eval.metrics.waymo.scorers import LongitudinalTolerantScorer, OverlapScorer
from tests.calico_eval.metrics.waymo.making import Pair, random_pair

REPOSITORY = Path(__file__).parents[4]
PYTHON = Path(os.environ.get("CALICO_WAYMO_PYTHON", REPOSITORY / ".venv-waymo" / "bin" / "python"))
SHARED = Path(os.environ.get("CALICO_SHARED_DATA", REPOSITORY.parent / "shared/data"))
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PYTHON.is_file(), reason="needs `make waymo-env` (Linux, Python 3.11, TensorFlow 2.13)"
    ),
]
Case = dict[str, Any]


def as_case(pairs: list[Pair], *, tolerant: bool = False) -> Case:
    """Frames as arrays of float32, which the official program takes."""
    found, true = [one.found for one in pairs], [one.true for one in pairs]
    numbers = np.arange(len(pairs))
    return {
        "found": np.concatenate([one.boxes for one in found]).astype(np.float32),
        "found_type": np.concatenate([one.labels for one in found]) + 1,
        "score": np.concatenate([one.scores for one in found]),
        "found_frame": np.repeat(numbers, [len(one.labels) for one in found]),
        "ignored": np.concatenate([one.ignored for one in found if one.ignored is not None]),
        "true": np.concatenate([one.boxes for one in true]).astype(np.float32),
        "true_type": np.concatenate([one.labels for one in true]) + 1,
        "true_frame": np.repeat(numbers, [len(one.labels) for one in true]),
        "level": np.concatenate([one.levels for one in true]),
        "tolerant": tolerant,
        "least": TOLERANT_OVERLAPS if tolerant else LEAST_OVERLAPS,
    }


def random_case(*, tolerant: bool = False) -> Case:
    rng = np.random.default_rng(11)
    return as_case([random_pair(rng, 30) for _ in range(40)], tolerant=tolerant)


def limit_case() -> Case:
    """Boxes at the limits of ranges, touching boxes, tiny ones, scores at cut-offs, half turns."""
    rng = np.random.default_rng(12)
    pairs = []
    for _ in range(40):
        pair = random_pair(rng, 25, steps=11)
        found, true = pair.found.boxes, pair.true.boxes
        for boxes, share in ((found, 0.3), (true, 0.3)):
            near = rng.random(len(boxes)) < share
            boxes[near, 1:3] = 0.0
            boxes[near, 0] = rng.choice([30.0, 50.0, -30.0, -50.0], int(near.sum()))
        true[rng.random(len(true)) < 0.1, 3] = 0.01
        touching = rng.random(len(true)) < 0.2
        true[touching] = np.roll(true, 1, axis=0)[touching]
        true[touching, 0] += true[touching, 3] * np.cos(true[touching, 6])
        true[touching, 1] += true[touching, 3] * np.sin(true[touching, 6])
        found[:, 3:6] *= rng.uniform(0.9, 1.1, (len(found), 3))
        pairs.append(pair)
    return as_case(pairs)


def coinciding_case() -> Case:
    """Objects and predictions in several copies, some turned by pi; no zones without labels."""
    rng = np.random.default_rng(13)
    pairs = []
    for _ in range(40):
        one = random_pair(rng, 12, steps=11).true
        again = rng.integers(0, len(one.labels), 8)
        boxes = np.concatenate([one.boxes, one.boxes[again]])
        boxes[len(one.labels) :: 2, 6] += np.pi
        labels = np.concatenate([one.labels, one.labels[again]])
        guess = rng.integers(0, len(labels), 40)
        found = boxes[guess].copy()
        found[::3, 6] += np.pi
        found[::4, :2] += rng.normal(0, 0.1, (len(found[::4]), 2))
        scores = (rng.integers(0, 101, 40) / 100).astype(np.float32)
        pairs.append(
            Pair(
                FoundBoxes(found, labels[guess], scores, np.zeros(40, np.bool_)),
                TrueBoxes(boxes, labels, rng.integers(1, 3, len(labels))),
            )
        )
    return as_case(pairs)


def lopsided_case() -> Case:
    """Frames with predictions alone, and with objects alone."""
    rng = np.random.default_rng(14)
    pairs = [random_pair(rng, 10) for _ in range(4)]
    nothing = random_pair(rng, 0)
    return as_case(
        [Pair(pairs[0].found, nothing.true), Pair(nothing.found, pairs[1].true), *pairs[2:]]
    )


def fixture_case() -> Case:
    """The boxes that the official tool documents its figures for."""
    folder = SHARED / "waymo_metrics"
    found = read_objects(folder / "fake_predictions.bin")
    true = read_objects(folder / "fake_ground_truths.bin")
    seen = np.flatnonzero(true.labels.num_points > 0)
    frames = {time: number for number, time in enumerate(np.unique(true.timestamps_us).tolist())}
    levels = assign_difficulties(true.labels.num_points, true.labels.detection_difficulty)
    return {
        "found": found.labels.boxes.astype(np.float32),
        "found_type": found.labels.types,
        "score": found.scores,
        "found_frame": np.array([frames[time] for time in found.timestamps_us.tolist()]),
        "ignored": found.in_no_label_zone,
        "true": true.labels.boxes[seen].astype(np.float32),
        "true_type": true.labels.types[seen],
        "true_frame": np.array([frames[time] for time in true.timestamps_us[seen].tolist()]),
        "level": levels[seen],
        "tolerant": False,
        "least": LEAST_OVERLAPS,
    }


CASES: dict[str, Callable[[], Case]] = {
    "random": random_case,
    "tolerant": lambda: random_case(tolerant=True),
    "limits": limit_case,
    "coinciding": coinciding_case,
    "lopsided": lopsided_case,
} | ({"fixture": fixture_case} if (SHARED / "waymo_metrics").is_dir() else {})


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Case]:
    """The official answers to all cases, of one process."""
    folder = tmp_path_factory.mktemp("official")
    for name, make in CASES.items():
        np.savez(folder / f"{name}.in.npz", **make())
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"TF_CPP_MIN_LOG_LEVEL": "3"}
    if "CALICO_WAYMO_PATH" in os.environ:
        environment["PYTHONPATH"] = os.environ["CALICO_WAYMO_PATH"]
    command = [str(PYTHON), str(REPOSITORY / "benchmarks" / "waymo_official.py"), str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return {name: dict(np.load(folder / f"{name}.out.npz")) for name in CASES}


def pool_of(case: Case) -> WaymoPool:
    scorer = (LongitudinalTolerantScorer if case["tolerant"] else OverlapScorer)(case["least"])
    counts = []
    for number in range(int(max(case["found_frame"].max(), case["true_frame"].max())) + 1):
        mine, theirs = case["found_frame"] == number, case["true_frame"] == number
        found = FoundBoxes(
            case["found"][mine].astype(np.float64),
            case["found_type"][mine] - 1,
            case["score"][mine],
            case["ignored"][mine],
        )
        true = TrueBoxes(
            case["true"][theirs].astype(np.float64),
            case["true_type"][theirs] - 1,
            case["level"][theirs],
        )
        counts.append(count_matches(found, true, 4, scorer))
    return WaymoPool.from_frames(counts)


def ours(case: Case) -> tuple[Float64, Float64]:
    """Our APs (2 or 3, 16, 2); tp, fp, fn at LEVEL_1, fn at LEVEL_2 (4, 16, 101)."""
    pool = pool_of(case)
    aps, n_gt = pool.compute_aps()
    tp, tp_level_1, fp = sum_over_cutoffs(pool)[:3]
    return aps, np.stack([tp, fp, n_gt[:, :1] - tp_level_1, n_gt[:, 1:] - tp])


def official_counts(answer: Case) -> Float64:
    curve = answer["curve"].reshape(16, 2, 101, 5)
    level_1, level_2 = curve[:, 0], curve[:, 1]
    return np.stack([level_1[..., 2], level_1[..., 3], level_1[..., 4], level_2[..., 4]])


@pytest.mark.parametrize("name", [name for name in CASES if name != "coinciding"])
def test_figures_and_counts_equal_the_official_ones(name: str, answers: dict[str, Case]) -> None:
    aps, counts = ours(CASES[name]())

    assert counts[0].max() >= 2
    np.testing.assert_array_equal(counts, official_counts(answers[name]))
    expected = answers[name]["aps"][: len(aps)]
    print(f"{name}: largest difference {abs(aps - expected).max():.2g}")
    np.testing.assert_allclose(aps, expected, atol=1e-6)


def test_of_coinciding_boxes_only_the_choice_differs(answers: dict[str, Case]) -> None:
    aps, counts = ours(CASES["coinciding"]())
    expected = official_counts(answers["coinciding"])

    assert counts[0].max() > 100
    for number in (0, 1, 3):
        np.testing.assert_array_equal(counts[number], expected[number])
    np.testing.assert_allclose(aps[0, :, 1], answers["coinciding"]["aps"][0, :, 1], atol=1e-6)
