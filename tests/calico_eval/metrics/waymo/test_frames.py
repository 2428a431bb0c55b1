"""Waymo's figures from frames and predictions to results, through the file of statistics."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Float32, Float64, Frame
from calico.geometry.frames import from_yaw
from calico.predictions import Predictions
from calico.taxonomy import NUSCENES, WAYMO, ObjectClass, Taxonomy
from calico_eval.metrics.from_boxes import detection_metrics
from calico_eval.metrics.intervals import paired_difference
from calico_eval.metrics.pool import StatsPool
from calico_eval.metrics.suffstats import (
    FrameStats,
    compute_frame_stats,
    load_stats,
    save_stats,
)
from calico_eval.metrics.summary import compute_metrics
from calico_eval.metrics.waymo.frames import (
    count_frame,
    count_frame_tolerantly,
    list_tolerant_overlaps,
)
from calico_eval.metrics.waymo.pool import WaymoPool, sum_over_cutoffs
from reports.known_metrics import known_metric

VEHICLE = [10.0, 0.0, 0.0, 4.5, 2.0, 1.6, 0.0, 0.0, 0.0]


def boxes_at(*places: float) -> Float32:
    boxes = np.array([VEHICLE] * len(places), np.float32).reshape(-1, 9)
    boxes[:, 0] = places
    return boxes


def make_frame(
    boxes: Float32,
    num_points: list[int],
    *,
    difficulty: list[int] | None = None,
    camera_synced: Float32 | None = None,
    ego_T_lidar: Float64 | None = None,
    scene: str = "a",
    taxonomy: Taxonomy = WAYMO,
) -> Frame:
    count = len(boxes)
    truth = Boxes(
        boxes,
        np.zeros(count, np.int64),
        np.full(count, -1, np.int64),
        np.array(num_points, np.int64),
        difficulty=None if difficulty is None else np.array(difficulty, np.int64),
        camera_synced=camera_synced,
    )
    pose = np.eye(4) if ego_T_lidar is None else ego_T_lidar
    return Frame.of_labels(f"{scene}{count}", scene, 0.0, pose, np.eye(4), truth, taxonomy)


def predict(boxes: Float32, score: float = 0.9) -> Predictions:
    count = len(boxes)
    return Predictions(boxes, np.full(count, score, np.float32), np.zeros(count, np.int64))


def test_objects_without_points_are_dropped_and_few_points_are_level_2() -> None:
    counts = count_frame(
        make_frame(boxes_at(10, 20, 35, 45), [0, 5, 6, 100], difficulty=[0, 0, 0, 2]),
        predict(boxes_at(10)),
    )

    assert counts.n_gt[0].tolist() == [1, 3]
    assert counts.n_gt[3:6].tolist() == [[0, 1], [1, 2], [0, 0]]
    assert counts.tp.sum() == 0
    assert sum_over_cutoffs(WaymoPool.from_frames([counts]))[2, 0, 0] == 1


def test_ranges_are_those_of_the_vehicle_frame() -> None:
    pose = from_yaw(np.pi / 2, [5.0, 0.0, 2.0])
    frame = make_frame(boxes_at(29.0), [9], ego_T_lidar=pose)

    # In the vehicle frame the object is at (5, 29, 2), 29.5 m away; without the pose it is at 29 m.
    counts = count_frame(frame, predict(boxes_at(29.0)))
    assert counts.n_gt[3:6, 1].tolist() == [1, 0, 0]
    further = count_frame(make_frame(boxes_at(29.7), [9], ego_T_lidar=pose), predict(boxes_at()))
    assert further.n_gt[3:6, 1].tolist() == [0, 1, 0]


def test_objects_beyond_every_range_of_nuscenes_count() -> None:
    frame = make_frame(boxes_at(200.0), [9])
    stats = compute_frame_stats(frame, predict(boxes_at(200.0)), WAYMO.ranges())

    figures = compute_metrics([stats], with_intervals=False)
    assert figures["AP_L1/vehicle/50m+"].value == 1.0
    assert figures["AP/vehicle"].value is None


def test_tolerant_counts_use_the_boxes_at_the_time_of_the_cameras() -> None:
    synced = boxes_at(12.0, np.nan)[:, :7]
    frame = make_frame(boxes_at(10.0, 20.0), [9, 9], camera_synced=synced)
    counts = count_frame_tolerantly(frame, predict(boxes_at(12.5)))

    assert counts is not None
    assert counts.n_gt[0].tolist() == [1, 1]
    assert counts.tp.sum() == 2  # the class and its range
    # Along the line of sight from (1.43, 0, 2.18): g = (10.57, 0, -2.18), p = (11.07, 0, -2.18).
    g, p = np.array([10.57, 0, -2.18]), np.array([11.07, 0, -2.18])
    distance = np.linalg.norm(g)
    affinity = 1 - abs(p @ g / distance - distance) / (0.1 * distance)
    assert counts.weights[1].max() == pytest.approx(affinity, abs=1e-6)


def test_tolerant_counts_need_the_boxes_of_the_cameras() -> None:
    assert count_frame_tolerantly(make_frame(boxes_at(10), [9]), predict(boxes_at())) is None
    empty = count_frame_tolerantly(make_frame(boxes_at(), []), predict(boxes_at(10)))
    assert empty is not None
    assert empty.fp.sum() == 2


def test_tolerant_overlaps_are_02_below_the_others() -> None:
    assert list_tolerant_overlaps(WAYMO) == (0.5, 0.3, 0.3)
    strict = Taxonomy("own", (ObjectClass("a", min_overlap=0.2), ObjectClass("b", min_overlap=1)))
    assert list_tolerant_overlaps(strict) == (0.1, 0.8)


@pytest.fixture
def stats() -> list[FrameStats]:
    """Three scenes; in the last one, the object is missed."""
    result = []
    for scene, shift in (("a", 0.1), ("b", 0.3), ("c", 9.0)):
        for place in (10.0, 40.0):
            truth = boxes_at(place, place + 15)
            frame = make_frame(truth, [3, 30], camera_synced=truth[:, :7], scene=scene)
            found = predict(boxes_at(place + shift, 70.0), 0.5 + shift / 20)
            result.append(compute_frame_stats(frame, found, WAYMO.ranges()))
    return result


def test_every_figure_is_known_and_has_its_counts(stats: list[FrameStats]) -> None:
    figures = compute_metrics(stats)

    assert {"mAPH_L2", "mAP_L1_present", "APH_L2/vehicle/0-30m", "LET-mAPL", "mAP", "NDS"} < {
        *figures
    }
    assert all(known_metric(name) is not None for name in figures)
    assert figures["AP_L1/vehicle"].n_objects == 6
    assert figures["AP_L2/vehicle"].n_objects == 12
    assert figures["APH_L2/vehicle/30-50m"].n_objects == 3
    assert figures["mAPH_L2"].n_objects == 12
    # At the cut-off 0.5, 4 of 12 objects are found by 12 predictions. Above it, 2 by 8.
    assert figures["AP_L2/vehicle"].value == pytest.approx(4 / 12 * 4 / 12)
    assert figures["mAPH_L2"].value == pytest.approx((figures["APH_L2/vehicle"].value or 0) / 3)
    assert figures["mAPH_L2_present"].value == figures["APH_L2/vehicle"].value
    absent = figures["AP_L1/cyclist/30-50m"]
    assert absent.value is None
    assert absent.reason == "no ground truth objects of class cyclist in 30-50m at LEVEL_1"


def test_intervals_leave_out_one_scene_after_the_other(stats: list[FrameStats]) -> None:
    found = compute_metrics(stats)["AP_L2/vehicle"]
    pool = StatsPool.from_frames(stats)
    scenes = np.repeat(np.arange(3), 2)
    left_out = np.array(
        [pool.compute_values(scenes != number)["AP_L2/vehicle"] for number in range(3)]
    )

    error = np.sqrt(2 / 3 * ((left_out - left_out.mean()) ** 2).sum())
    assert found.value is not None
    assert found.hi is not None
    assert found.hi == pytest.approx(min(found.value + 4.302653 * error, 1.0), rel=1e-6)
    assert found.method == "scene jackknife, t, 95%"
    few = compute_metrics(stats)["mAPH_L2"].method
    assert few is not None
    assert few.endswith("in none: pedestrian, cyclist")


def test_a_model_is_compared_with_itself(stats: list[FrameStats]) -> None:
    assert paired_difference(stats, stats)["APH_L1/vehicle"].value == 0.0


def test_what_is_written_is_read(stats: list[FrameStats], tmp_path: Path) -> None:
    save_stats(tmp_path / "cell.parquet", stats)
    back = load_stats(tmp_path / "cell.parquet")

    assert compute_metrics(back) == compute_metrics(stats)
    for one, other in zip(stats, back, strict=True):
        for mine, theirs in ((one.waymo, other.waymo), (one.tolerant, other.tolerant)):
            assert mine is not None
            assert theirs is not None
            for name in vars(mine):
                np.testing.assert_array_equal(getattr(mine, name), getattr(theirs, name))


def test_files_of_before_and_files_without_cameras_are_read(
    stats: list[FrameStats], tmp_path: Path
) -> None:
    path = tmp_path / "cell.parquet"
    choices: tuple[set[str], ...] = ({"waymo", "let"}, {"waymo"}, set())
    for kept in choices:
        part = [
            replace(
                one,
                waymo=one.waymo if "waymo" in kept else None,
                tolerant=one.tolerant if "let" in kept else None,
            )
            for one in stats
        ]
        save_stats(path, part)
        figures = compute_metrics(load_stats(path))
        assert ("APH_L2/vehicle" in figures) == ("waymo" in kept)
        assert ("LET-AP/vehicle" in figures) == ("let" in kept)
        starts = {name.partition("_")[0] for name in pq.read_schema(path).names}
        assert starts & {"waymo", "let"} == kept


def test_counts_of_another_layout_are_refused(
    stats: list[FrameStats], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "cell.parquet"
    save_stats(path, stats)
    monkeypatch.setattr("calico_eval.metrics.suffstats.LAYOUT", "other")

    with pytest.raises(CalicoError, match="not per-frame statistics of this version"):
        load_stats(path)


def test_nuscenes_frames_have_no_such_figures(tmp_path: Path) -> None:
    frame = make_frame(boxes_at(10), [9], taxonomy=NUSCENES)
    stats = [compute_frame_stats(frame, predict(boxes_at(10)), NUSCENES.ranges())]
    save_stats(tmp_path / "cell.parquet", stats)

    assert stats[0].waymo is None
    assert not any("_L2" in name for name in compute_metrics(stats))
    assert "waymo_cells" not in pq.read_schema(tmp_path / "cell.parquet").names


def test_boxes_without_frames() -> None:
    box = boxes_at(10.0)
    found = [(box, [0.9], [0])]

    alone = detection_metrics(found, [(box, [0])], taxonomy=WAYMO)
    assert alone["APH_L1/vehicle/0-30m"] == 1.0
    few = detection_metrics(found, [(box, [0], None, [5])], taxonomy=WAYMO)
    assert few["AP_L2/vehicle"] == 1.0
    assert np.isnan(few["AP_L1/vehicle"])
    none = detection_metrics(found, [(box, [0], [-1], [0])], taxonomy=WAYMO)
    assert none["mAP_L2"] == 0.0
    own = Taxonomy("own", (ObjectClass("truck", min_overlap=0.7),), scoring=("nuscenes", "waymo"))
    assert detection_metrics(found, [(box, [0])], taxonomy=own)["AP_L1/truck"] == 1.0
    assert not any("LET" in name for name in alone)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([1, 2], r"num_points are int64 of shape \(2,\), expected whole numbers of shape \(1,\)"),
        ([0.5], "num_points are float64"),
        ([-1], "num_points holds -1, expected 0 or more"),
    ],
)
def test_wrong_numbers_of_points_are_refused(points: list[float], message: str) -> None:
    box = boxes_at(10.0)

    with pytest.raises(CalicoError, match=rf"truth\[0\]: {message}"):
        detection_metrics([(box, [0.9], [0])], [(box, [0], None, points)], taxonomy=WAYMO)
