"""Where a curve halves: by hand, and on a real run."""

from __future__ import annotations

import math
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import numpy as np
import pytest

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico_eval.engines.open import open_engine
from calico_eval.engines.user import UserEngine
from calico_eval.evaluation.conditions import CLEAN
from calico_eval.evaluation.curve_request import parse_curve
from calico_eval.evaluation.jackknife import compute_half_width
from calico_eval.evaluation.plan import EvaluationPlan
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.submission import write_submission
from corruptions import corrupt_with
from reports.half_crossing import half_crossing
from reports.results_file import read_results
from reports.schema import Results
from tests.calico_eval.evaluations import plan_for, run_for

FRAMES = (0, 1, 3)
SEED = 3
BEAMS = "beam_missing.share_of_beams=0.2,0.5"


def test_half_crossing_by_hand() -> None:
    """Clean 0.6, half 0.3: from 0.5 at 200 m to 0.1 at 50 m, so half of the way."""
    values, scores = (400, 200, 50, 20), (0.58, 0.5, 0.1, 0.0)
    linear = half_crossing(values, scores, 0.6, "linear")
    assert (linear.where, linear.value) == ("inside", pytest.approx(125.0))
    logarithmic = half_crossing(values, scores, 0.6, "log")
    assert logarithmic.value == pytest.approx(100.0)  # sqrt(200 * 50)
    rising = half_crossing((0.1, 0.5, 0.9), (0.6, 0.4, 0.0), 0.6, "linear")
    assert rising.value == pytest.approx(0.6)  # a quarter of the way from 0.4 to 0


def test_the_first_of_several_crossings_counts_and_a_point_at_half_is_one() -> None:
    assert half_crossing((3, 2, 1), (0.9, 0.5, 0.9), 1.0, "linear").value == 2
    assert half_crossing((4, 3, 2, 1), (0.6, 0.4, 0.6, 0.1), 1.0, "linear").value == pytest.approx(
        3.5
    )
    assert half_crossing((3, 2), (0.5, 0.5), 1.0, "linear").value == 3


def test_outside_the_curve_there_is_no_number() -> None:
    assert half_crossing((3, 2), (0.9, 0.51), 1.0, "linear") == half_crossing(
        (30, 20), (1, 1), 1.0, "log"
    )
    assert half_crossing((3, 2), (0.9, 0.51), 1.0, "linear").where == "more severe"
    assert half_crossing((3, 2), (0.49, 0.2), 1.0, "linear").where == "milder"


def test_half_width_is_the_jackknife_of_a_mean() -> None:
    """Of a mean the jackknife gives the usual standard error: 1, 2, 3, 6 has variance 14/3."""
    sample = np.array([1.0, 2.0, 3.0, 6.0])
    left_out = [(sample.sum() - x) / 3 for x in sample]
    assert compute_half_width(left_out) == pytest.approx(3.182446 * math.sqrt(14 / 3 / 4), rel=1e-6)
    assert compute_half_width([*left_out, None]) is None
    assert compute_half_width([1.0]) is None


@pytest.fixture
def engine(cluster_detector_module: ModuleType) -> UserEngine:
    return UserEngine(cluster_detector_module.build(), "cluster", ("lidar",), "abc")


def plan_of(
    engines: list[Any], source: FrameSource, *curves: str, **settings: Any
) -> EvaluationPlan:
    defaults: dict[str, Any] = {"ranges": class_ranges(), "indices": FRAMES, "seed": SEED}
    return plan_for(
        engines, source, curves=[parse_curve(text) for text in curves], **(defaults | settings)
    )


def run_small(
    engine: UserEngine, source: FrameSource, out: Path, *curves: str, **settings: Any
) -> Results:
    plan = plan_of([engine], source, *curves, **settings)
    return run_for(plan, [engine], source, out, title="t", pictures=False, resume=out.exists())


DROP = "point_drop.share_dropped=0.1:0.98:4"


def test_a_curve_of_the_simulated_street(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    results = run_small(engine, street, tmp_path / "run", DROP)
    assert read_results(tmp_path / "run" / "results.json") == results
    assert [cell.condition.kind for cell in results.cells] == ["clean", *["curve"] * 4]
    (curve,) = results.curves
    assert (curve.model, curve.engine, curve.axis, curve.scale) == (
        "cluster",
        "user",
        "share_dropped",
        "linear",
    )
    assert curve.values == (0.1, 0.3933, 0.6867, 0.98)
    clean, *scores = (cell.metrics["mAP"].value or 0.0 for cell in results.cells)
    assert clean > scores[-1]
    found = curve.half["mAP"]
    assert found.value == pytest.approx(
        np.interp(-clean / 2, [-score for score in scores], curve.values)
    )
    assert found.higher_is_better
    assert "NDS" in curve.half
    assert "mIoU" not in curve.half, "the model draws no map"
    effect = results.cells[-1].effect
    assert effect is not None
    assert float(effect.measured["removed_share"] or 0) == pytest.approx(0.98, abs=0.02)


def test_curve_points_are_in_no_aggregate(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    assert run_small(engine, street, tmp_path / "a", DROP).summary == {}
    corruptions = {"corruptions": ("beam_missing",), "severities": (1, 5)}
    with_curve = run_small(engine, street, tmp_path / "b", DROP, **corruptions)
    without = run_small(engine, street, tmp_path / "c", **corruptions)
    assert with_curve.summary == without.summary
    assert without.curves == ()


def test_a_finished_curve_is_resumed_and_a_longer_one_is_another(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    run_small(engine, street, tmp_path / "run", DROP)
    before = (tmp_path / "run" / "results.json").read_bytes()
    run_small(engine, street, tmp_path / "run", DROP)
    assert (tmp_path / "run" / "results.json").read_bytes() == before
    with pytest.raises(
        CalicoError, match=r"conditions: 2 only there \(point_drop share_dropped=0.3933, "
    ):
        run_small(engine, street, tmp_path / "run", "point_drop.share_dropped=0.1:0.98:2")


def test_what_never_halves_says_on_which_side(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    mild = (
        run_small(engine, street, tmp_path / "a", "point_drop.share_dropped=0.01,0.02")
        .curves[0]
        .half["mAP"]
    )
    assert (mild.value, mild.lo, mild.method) == (None, None, "no interval")
    assert (mild.reason or "").startswith("above 2 %, the most severe value, if anywhere: ")
    strong = (
        run_small(engine, street, tmp_path / "b", "point_drop.share_dropped=0.98,0.99")
        .curves[0]
        .half["mAP"]
    )
    assert (strong.reason or "").startswith("below 98 %, the mildest value: ")


def test_a_curve_of_a_sensor_that_is_not_used_has_no_curve(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    assert run_small(engine, street, tmp_path / "a", "low_light.light_scale=0.9,0.5").curves == ()


def test_prediction_files_are_found_by_the_value(
    engine: UserEngine, street: FrameSource, tmp_path: Path
) -> None:
    folder = tmp_path / "stack"
    clean = [street[index] for index in FRAMES]
    for name, value in (
        ("clean", None),
        ("point_drop-share_dropped=0.25", 0.25),
        ("point_drop-share_dropped=0.9", 0.9),
    ):
        frames = (
            clean
            if value is None
            else [corrupt_with(frame, "point_drop", value, SEED) for frame in clean]
        )
        write_submission(
            folder / f"{name}.json", zip(frames, engine.predict(frames), strict=True), ["lidar"]
        )
    files = open_engine(f"theirs={folder}")
    engines = [engine, files]
    plan = plan_of(engines, street, "point_drop.share_dropped=0.25,0.9")
    results = run_for(plan, engines, street, tmp_path / "run", title="t", pictures=False)
    ours, theirs = results.curves
    assert theirs.half["mAP"].value == pytest.approx(ours.half["mAP"].value)
    with pytest.raises(
        CalicoError,
        match=r"no point_drop-share_dropped=0\.8\.json; there are clean\.json, point_drop-",
    ):
        plan_of(engines, street, "point_drop.share_dropped=0.25,0.8")


def test_one_corruption_has_one_curve(engine: UserEngine, street: FrameSource) -> None:
    with pytest.raises(
        CalicoError, match="point_drop has two curves; give all of its values in one --curve"
    ):
        plan_of([engine], street, DROP, "point_drop.share_dropped=0.2,0.3")


class WithoutRings:
    """A source whose points have no beam numbers."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source

    def __len__(self) -> int:
        return len(self._source)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)

    def __getitem__(self, index: int) -> Frame:
        frame = self._source[index]
        return frame.replace(ring=np.full_like(frame.ring, -1))


def test_a_curve_that_can_do_nothing_is_found_before_the_run(
    engine: UserEngine, street: FrameSource
) -> None:
    blind = cast(FrameSource, WithoutRings(street))
    with pytest.raises(
        CalicoError,
        match=r"beam_missing can do nothing to .*no beam numbers \(ring\); leave it out",
    ):
        plan_of([engine], blind, BEAMS)
    assert plan_of([engine], street, BEAMS).curves


def test_engines_that_are_there_for_attacks_have_no_curve(
    engine: UserEngine, street: FrameSource
) -> None:
    plan = plan_of([engine], street, DROP, attack_only=("cluster/user",))
    assert [job.condition for job in plan.jobs] == [CLEAN]


def test_cells_of_before_the_kind_was_called_curve_keep_their_ids(street: FrameSource) -> None:
    """The version that called a curve a sweep made these ids, so that --resume finds its cells."""
    engine = UserEngine(object(), "cluster", ("lidar",), "abc")  # type: ignore[arg-type]
    curve = "point_drop.share_dropped=0.1:0.98:2"
    plan = plan_of([engine], street, curve, corruptions=("fog",), severities=(2,))
    assert [job.id for job in plan.jobs] == [
        "adc902fccb440016",  # clean
        "eb12fc6318b663f0",  # fog 2
        "20754ef387538506",  # 10 % of the points dropped
        "2c01f94d0b338359",  # 98 %
    ]
