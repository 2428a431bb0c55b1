"""The spec refuses what makes no sense; the referee sees every change of a frame."""

from dataclasses import replace

import numpy as np
import pytest

from calico.errors import CalicoError
from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, check_budget, measure_budget

CAMERA = AttackSpec("pgd", "camera", 4)
RAY = AttackSpec("pgd", "lidar", 0.1)
BOX = AttackSpec("pgd", "lidar", 0.1, geometry="box")


@pytest.fixture
def frame() -> Frame:
    """Two small views, 60 points of two sweeps (the older one measured from 3 m behind), no objects."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 20, (60, 5)).astype(np.float32)
    points[:, 3:] = rng.uniform(0, 1, (60, 2))
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, 0, 3] = -3.0
    return Frame(
        token="f", scene="s", timestamp_s=0.0, points=points, ring=np.full(60, -1, np.int16),
        sweep_index=(np.arange(60) % 2).astype(np.int16), sweep_T=sweep_T,
        images=tuple(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8) for _ in range(2)),
        camera_K=np.tile(np.eye(3), (2, 1, 1)), camera_T_lidar=np.tile(np.eye(4), (2, 1, 1)), camera_time_s=np.zeros(2),
        ego_T_lidar=np.eye(4), global_T_lidar=np.eye(4), boxes=Boxes.empty(),
    )  # fmt: skip


def moved(frame: Frame, row: int, xyz: tuple[float, float, float]) -> Frame:
    points = frame.points.copy()
    points[row, :3] = xyz
    return frame.replace(points=points)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"name": "pdg"}, "did you mean 'pgd'"),
        ({"sensor": "lidr"}, "did you mean 'lidar'"),
        ({"sensor": "radar"}, "expected one of camera, lidar$"),
        ({"objective": "hid"}, "did you mean 'hide'"),
        ({"geometry": "rey"}, "did you mean 'ray'"),
        ({"eps": -1}, "expected 0 or more grey levels"),
        ({"eps": float("nan")}, "expected 0 or more grey levels"),
        ({"sensor": "lidar", "eps": -0.1}, "expected 0 or more metres"),
        ({"eps": 8 / 255}, "whole number of grey levels"),
        ({"eps": 300}, "whole number of grey levels"),
        ({"steps": 0}, "expected 1 or more"),
        ({"steps": 10, "step_size": 0.7}, "cannot cross the ball"),
        ({"r_min_m": 0.0}, "more than 0 metres"),
    ],
)
def test_spec_refuses(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        replace(CAMERA, **changes)  # type: ignore[arg-type]


def test_default_step_crosses_the_ball() -> None:
    assert CAMERA.step == pytest.approx(1.0)
    assert replace(CAMERA, step_size=0.8).step == 0.8
    for steps in (1, 7, 50):
        assert steps * replace(RAY, steps=steps).step >= 2 * RAY.eps


def test_no_change_is_no_change(frame: Frame) -> None:
    budget = measure_budget(frame, frame.replace(points=frame.points.copy()))
    assert budget.camera_levels == (0, 0)
    assert budget.axis_m == (0.0, 0.0, 0.0)
    assert (budget.points_changed, budget.min_range_m, budget.other_changes) == (0, None, ())
    for spec in (CAMERA, RAY, BOX):
        assert check_budget(spec, budget)[0]


def test_images_are_measured_per_view_in_integers(frame: Frame) -> None:
    image = frame.images[1].copy()
    image[3, 4, 1] = 250
    clean = frame.replace(images=(frame.images[0], image))
    image = image.copy()
    image[3, 4, 1] = 255
    budget = measure_budget(clean, frame.replace(images=(frame.images[0], image)))
    assert budget.camera_levels == (0, 5)
    assert check_budget(replace(CAMERA, eps=5), budget) == (True, "5 of 5 grey levels")
    fine, why = check_budget(CAMERA, budget)
    assert not fine
    assert why == "view 1 changed by 5 grey levels, budget 4"
    assert "view 1 changed by 5 grey levels, budget 0" in check_budget(RAY, budget)[1]


def test_wrapped_uint8_is_seen(frame: Frame) -> None:
    dark, bright = np.zeros((8, 10, 3), np.uint8), np.full((8, 10, 3), 255, np.uint8)
    clean, attacked = frame.replace(images=(dark, dark)), frame.replace(images=(dark, bright))
    assert measure_budget(clean, attacked).camera_levels == (0, 255)


def test_ray_is_measured_from_the_sweeps_own_origin(frame: Frame) -> None:
    frame = moved(moved(frame, 0, (3.0, 4.0, 0.0)), 1, (0.0, 4.0, 0.0))
    along = measure_budget(frame, moved(frame, 1, (0.03, 4.04, 0.0)))  # from (-3, 0, 0): range 5 to 5.05
    assert along.range_m == pytest.approx(0.05, abs=1e-6)
    assert along.min_range_m == pytest.approx(5.05, abs=1e-6)
    assert along.ray_angle_deg < 1e-4
    assert along.axis_m == pytest.approx((0.03, 0.04, 0.0), abs=1e-6)
    assert along.points_changed == 1
    assert check_budget(RAY, along)[0]
    across = measure_budget(frame, moved(frame, 0, (3.0, 4.05, 0.0)))
    assert across.ray_angle_deg == pytest.approx(0.3416, abs=1e-3)  # atan2(4.05, 3) - atan2(4, 3)
    assert check_budget(BOX, across)[0]
    assert "left its ray by 0.341" in check_budget(RAY, across)[1]


def test_lidar_over_budget_is_caught(frame: Frame) -> None:
    frame = moved(frame, 0, (10.0, 0.0, 0.0))
    far = measure_budget(frame, moved(frame, 0, (10.2, 0.0, 0.0)))
    assert "range changed by 0.2000" in check_budget(RAY, far)[1]
    assert "moved by 0.2000" in check_budget(BOX, far)[1]
    assert "moved by 0.2000" in check_budget(CAMERA, far)[1]
    near = measure_budget(moved(frame, 0, (1.05, 0.0, 0.0)), moved(frame, 0, (0.96, 0.0, 0.0)))
    assert "to a range of 0.96" in check_budget(RAY, near)[1]


def test_added_removed_and_doubled_points_are_counted(frame: Frame) -> None:
    more = frame.replace(
        points=np.concatenate([frame.points, frame.points[:1]]),
        ring=np.full(61, -1, np.int16), sweep_index=np.zeros(61, np.int16),
    )  # fmt: skip
    budget = measure_budget(frame, more)
    assert (budget.points_added, budget.points_removed) == (1, 0)
    budget = measure_budget(more, frame)
    assert (budget.points_added, budget.points_removed) == (0, 1)
    assert "0 points added and 1 removed" in check_budget(RAY, budget)[1]


def test_other_columns_and_fields_are_caught(frame: Frame) -> None:
    points = frame.points.copy()
    points[5, 3] += 0.25
    points[6, 4] += 0.5
    budget = measure_budget(frame, frame.replace(points=points))
    assert (budget.intensity, budget.dt_s) == (pytest.approx(0.25), pytest.approx(0.5))
    assert "intensity changed by 0.25 and dt by 0.5" in check_budget(RAY, budget)[1]
    tampered = frame.replace(
        camera_K=frame.camera_K * 2, map_masks=np.zeros((1, 2, 2), bool), ring=np.zeros(60, np.int16), token="g",
        boxes=Boxes(np.zeros((1, 9), np.float32), *(np.zeros(1, np.int64) for _ in range(3))),
        images=(frame.images[0][:4], frame.images[1]),
    )  # fmt: skip
    budget = measure_budget(frame, tampered)
    assert set(budget.other_changes) == {"token", "camera_K", "boxes", "images", "ring", "map_masks"}
    assert "camera_K" in check_budget(CAMERA, budget)[1]


def test_unknown_velocities_are_no_change(frame: Frame) -> None:
    boxes = np.zeros((1, 9), np.float32)
    boxes[0, 7:] = np.nan
    ones = np.ones(1, np.int64)
    first = frame.replace(boxes=Boxes(boxes, ones, ones, ones))
    second = frame.replace(boxes=Boxes(boxes.copy(), ones, ones, ones))
    assert measure_budget(first, second).other_changes == ()
