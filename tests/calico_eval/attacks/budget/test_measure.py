"""The measurement sees every change of a frame, and every allowance is compared."""

from dataclasses import fields, replace

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import Budget, Threat, check_budget, measure_budget
from calico_eval.attacks.budget.measure import worst_budget

CAMERA = Threat(camera_levels=4)
RAY = Threat(range_m=0.1)
BOX = Threat(axis_m=0.1)
SPOOF = Threat(points_added=3, points_removed=3, window_deg=10)


@pytest.fixture
def frame() -> Frame:
    """Two small views, 60 points of two sweeps (the older one measured from 3 m behind), no
    objects."""
    rng = np.random.default_rng(0)
    points = rng.uniform(-20, 20, (60, 5)).astype(np.float32)
    points[:, 3:] = rng.uniform(0, 1, (60, 2))
    sweep_T = np.tile(np.eye(4), (2, 1, 1))
    sweep_T[1, 0, 3] = -3.0
    return Frame(
        token="f",
        scene="s",
        timestamp_s=0.0,
        points=points,
        ring=np.full(60, -1, np.int16),
        sweep_index=(np.arange(60) % 2).astype(np.int16),
        sweep_T=sweep_T,
        images=tuple(rng.integers(0, 256, (8, 10, 3), dtype=np.uint8) for _ in range(2)),
        camera_K=np.tile(np.eye(3), (2, 1, 1)),
        camera_T_lidar=np.tile(np.eye(4), (2, 1, 1)),
        camera_time_s=np.zeros(2),
        ego_T_lidar=np.eye(4),
        global_T_lidar=np.eye(4),
        boxes=Boxes.empty(),
    )


def moved(frame: Frame, row: int, xyz: tuple[float, float, float]) -> Frame:
    points = frame.points.copy()
    points[row, :3] = xyz
    return frame.replace(points=points)


def with_points(frame: Frame, keep: list[int], extra: list[list[float]], sweep: int = 0) -> Frame:
    """Rows `keep` of the frame and new points x, y, z, intensity, dt of one sweep."""
    new = np.array(extra, np.float32).reshape(-1, 5)
    elongation = None
    if frame.elongation is not None:
        elongation = np.concatenate([frame.elongation[keep], np.zeros(len(new), np.float32)])
    return frame.replace(
        points=np.concatenate([frame.points[keep], new]),
        ring=np.concatenate([frame.ring[keep], np.full(len(new), -1, np.int16)]),
        sweep_index=np.concatenate([frame.sweep_index[keep], np.full(len(new), sweep, np.int16)]),
        elongation=elongation,
    )


def at(azimuth_deg: float, range_m: float = 10.0) -> list[float]:
    angle = np.radians(azimuth_deg)
    return [range_m * np.cos(angle), range_m * np.sin(angle), 0.0, 0.5, 0.0]


ALL = list(range(60))


def test_no_change_is_no_change(frame: Frame) -> None:
    for structural in (False, True):
        budget = measure_budget(
            frame, frame.replace(points=frame.points.copy()), structural=structural
        )
        assert budget.camera_levels == (0, 0)
        assert budget.pixel_share == (0.0, 0.0)
        assert budget.axis_m == (0.0, 0.0, 0.0)
        assert (budget.points_changed, budget.min_range_m, budget.other_changes) == (0, None, ())
        assert (
            budget.points_added,
            budget.points_removed,
            budget.window_deg,
            budget.camera_rms,
        ) == (0, 0, 0.0, 0.0)
        for threat in (Threat(), CAMERA, RAY, BOX, SPOOF):
            assert check_budget(threat, budget)[0]


def test_images_are_measured_per_view_in_integers(frame: Frame) -> None:
    image = frame.images[1].copy()
    image[3, 4, 1] = 250
    clean = frame.replace(images=(frame.images[0], image))
    image = image.copy()
    image[3, 4, 1] = 255
    budget = measure_budget(clean, frame.replace(images=(frame.images[0], image)))
    assert budget.camera_levels == (0, 5)
    assert budget.pixel_share == (0.0, 1 / 80)
    assert budget.camera_rms == pytest.approx(5 / 480**0.5)
    assert check_budget(Threat(camera_levels=5), budget) == (True, "5 of 5 grey levels")
    fine, why = check_budget(CAMERA, budget)
    assert not fine
    assert why == "view 1 changed by 5 grey levels, budget 4"
    assert "view 1 changed by 5 grey levels, budget 0" in check_budget(RAY, budget)[1]
    assert check_budget(Threat(camera_rms=0.23), budget) == (True, "0.228 of 0.23 grey levels rms")
    assert (
        "root mean square change of the pixels" in check_budget(Threat(camera_rms=0.22), budget)[1]
    )
    assert check_budget(Threat(patch_share=0.0125), budget)[0]
    assert "share of a view's pixels" in check_budget(Threat(patch_share=0.0124), budget)[1]


def test_wrapped_uint8_is_seen(frame: Frame) -> None:
    dark, bright = np.zeros((8, 10, 3), np.uint8), np.full((8, 10, 3), 255, np.uint8)
    clean, attacked = frame.replace(images=(dark, dark)), frame.replace(images=(dark, bright))
    assert measure_budget(clean, attacked).camera_levels == (0, 255)
    assert measure_budget(clean, attacked).camera_rms == pytest.approx(255 / 2**0.5)


def test_ray_is_measured_from_the_sweeps_own_origin(frame: Frame) -> None:
    frame = moved(moved(frame, 0, (3.0, 4.0, 0.0)), 1, (0.0, 4.0, 0.0))
    along = measure_budget(
        frame, moved(frame, 1, (0.03, 4.04, 0.0))
    )  # from (-3, 0, 0): range 5 to 5.05
    assert along.range_m == pytest.approx(0.05, abs=1e-6)
    assert along.min_range_m == pytest.approx(5.05, abs=1e-6)
    assert along.ray_angle_deg < 1e-4
    assert along.axis_m == pytest.approx((0.03, 0.04, 0.0), abs=1e-6)
    assert along.points_changed == 1
    assert check_budget(RAY, along)[0]
    across = measure_budget(frame, moved(frame, 0, (3.0, 4.05, 0.0)))
    assert across.ray_angle_deg == pytest.approx(0.3416, abs=1e-3)  # atan2(4.05, 3) - atan2(4, 3)
    assert check_budget(BOX, across)[0]
    assert "a point left its ray by [deg]: 0.341" in check_budget(RAY, across)[1]


def test_lidar_over_budget_is_caught(frame: Frame) -> None:
    frame = moved(frame, 0, (10.0, 0.0, 0.0))
    far = measure_budget(frame, moved(frame, 0, (10.25, 0.0, 0.0)))
    assert "change of a point's range [m]: 0.25, budget 0.1" in check_budget(RAY, far)[1]
    assert "a point moved along an axis by [m]: 0.25, budget" in check_budget(BOX, far)[1]
    assert "a point moved along an axis by [m]: 0.25, budget" in check_budget(CAMERA, far)[1]
    near = measure_budget(moved(frame, 0, (1.05, 0.0, 0.0)), moved(frame, 0, (0.96, 0.0, 0.0)))
    assert "a point was put at a range of 0.96" in check_budget(RAY, near)[1]
    assert check_budget(replace(RAY, r_min_m=0.9), near)[0]


def test_added_removed_and_doubled_points_are_counted_in_frames_of_other_counts(
    frame: Frame,
) -> None:
    more = with_points(frame, [*ALL, 0], [])
    budget = measure_budget(frame, more)
    assert (budget.points_added, budget.points_removed) == (1, 0)
    budget = measure_budget(more, frame)
    assert (budget.points_added, budget.points_removed) == (0, 1)
    assert "points removed: 1, budget 0" in check_budget(RAY, budget)[1]
    assert "points added: 1, budget 0" in check_budget(RAY, measure_budget(frame, more))[1]


def test_as_a_set_order_does_not_matter_and_one_point_replaced_is_one_added_and_one_removed(
    frame: Frame,
) -> None:
    shuffled = with_points(frame, ALL[::-1], [])
    assert measure_budget(frame, shuffled, structural=True).points_added == 0
    assert measure_budget(frame, shuffled).points_changed > 50, "row by row it is another frame"
    replaced = with_points(frame, ALL[1:], [at(30.0)])
    budget = measure_budget(frame, replaced, structural=True)
    assert (budget.points_added, budget.points_removed) == (1, 1)
    assert budget.removed_share == pytest.approx(1 / 60)
    assert budget.min_range_m == pytest.approx(10.0, abs=1e-6)
    assert (budget.points_changed, budget.axis_m) == (0, (0.0, 0.0, 0.0))


def test_as_a_set_a_ring_a_sweep_or_an_elongation_makes_another_point(frame: Frame) -> None:
    waymo = frame.replace(elongation=np.linspace(0, 1, 60, dtype=np.float32))
    ring, sweep, stretched = (
        frame.ring.copy(),
        frame.sweep_index.copy(),
        np.linspace(0, 1, 60, dtype=np.float32),
    )
    ring[3], sweep[5], stretched[7] = 9, 1 - sweep[5], 0.99
    for field, values in (("ring", ring), ("sweep_index", sweep), ("elongation", stretched)):
        budget = measure_budget(waymo, waymo.replace(**{field: values}), structural=True)
        assert (budget.points_added, budget.points_removed, budget.other_changes) == (1, 1, ())
        assert measure_budget(waymo, waymo.replace(**{field: values})).other_changes == (field,)
    gone = measure_budget(waymo, frame, structural=True)
    assert (gone.points_added, gone.points_removed) == (60, 60), (
        "a column that is gone changes every point"
    )


def test_duplicates_are_counted_as_often_as_they_stand_there(frame: Frame) -> None:
    twin = with_points(frame, ALL, [at(0.0)] * 3)
    fewer = with_points(frame, ALL, [at(0.0)])
    assert measure_budget(twin, fewer, structural=True).points_removed == 2
    assert measure_budget(fewer, twin, structural=True).points_added == 2
    assert measure_budget(twin, twin, structural=True).points_added == 0


@pytest.mark.parametrize(
    ("azimuths", "window"),
    [
        ([175.0, -175.0], 10.0),
        ([175.0, 179.0, -178.0, -175.0], 10.0),
        ([-5.0, 5.0], 10.0),
        ([0.0, 120.0, 240.0], 240.0),
        ([0.0, 90.0, 180.0, 270.0], 270.0),
        ([33.0], 0.0),
        ([33.0, 33.0], 0.0),
    ],
)
def test_the_window_is_the_smallest_arc_also_across_180_degrees(
    frame: Frame, azimuths: list[float], window: float
) -> None:
    budget = measure_budget(
        frame, with_points(frame, ALL, [at(a) for a in azimuths]), structural=True
    )
    assert budget.points_added == len(azimuths)
    assert budget.window_deg == pytest.approx(window, abs=1e-4)
    allowed = Threat(points_added=9, window_deg=window + 0.001)
    assert check_budget(allowed, budget)[0]
    if window:
        assert (
            "azimuth window" in check_budget(replace(allowed, window_deg=window - 0.001), budget)[1]
        )


def test_the_window_holds_what_was_added_and_what_was_removed_about_each_points_own_sensor(
    frame: Frame,
) -> None:
    clean = with_points(frame, ALL, [at(-100.0)])
    attacked = with_points(frame, ALL, [at(170.0)])
    assert measure_budget(clean, attacked, structural=True).window_deg == pytest.approx(
        90.0, abs=1e-4
    )
    older = with_points(
        frame, ALL, [[-3.0, 5.0, 0.0, 0.5, 0.1], [5.0, 0.0, 0.0, 0.5, 0.1]], sweep=1
    )  # from (-3, 0, 0)
    budget = measure_budget(frame, older, structural=True)
    assert budget.window_deg == pytest.approx(90.0, abs=1e-4)
    assert budget.min_range_m == pytest.approx(5.0, abs=1e-6)


def test_an_added_point_may_not_be_closer_than_r_min(frame: Frame) -> None:
    budget = measure_budget(frame, with_points(frame, ALL, [at(0.0, 0.9)]), structural=True)
    assert "a point was put at a range of 0.9" in check_budget(Threat(points_added=1), budget)[1]
    assert check_budget(Threat(points_added=1, r_min_m=0.5), budget)[0]


def test_a_point_of_no_sweep_is_a_fault_and_no_crash(frame: Frame) -> None:
    for index in (-1, 2):
        for structural in (False, True):
            attacked = with_points(frame, ALL, [at(0.0)], sweep=index)
            budget = measure_budget(frame, attacked, structural=structural)
            assert budget.other_changes == ("sweep_index",)
            assert not check_budget(SPOOF, budget)[0]


@pytest.mark.parametrize("structural", [False, True])
def test_a_point_of_no_lidar_is_a_fault_and_no_crash(frame: Frame, structural: bool) -> None:
    index = np.zeros(len(frame.points), np.int16)
    clean = frame.replace(lidar_index=index, lidar_T=np.eye(4)[None])
    attacked = clean.replace(lidar_index=np.where(np.arange(len(index)) == 3, 1, index))
    budget = measure_budget(clean, attacked, structural=structural)
    assert budget.other_changes == ("lidar_index",)
    assert not check_budget(SPOOF, budget)[0]


def test_other_columns_and_fields_are_caught(frame: Frame) -> None:
    points = frame.points.copy()
    points[5, 3] += 0.25
    points[6, 4] += 0.5
    budget = measure_budget(frame, frame.replace(points=points))
    assert (budget.intensity, budget.dt_s) == (pytest.approx(0.25), pytest.approx(0.5))
    words = check_budget(RAY, budget)[1]
    assert "change of intensity: 0.25, budget 0" in words
    assert "change of dt [s]: 0.5, budget 0" in words
    tampered = frame.replace(
        camera_K=frame.camera_K * 2,
        map_masks=np.zeros((1, 2, 2), bool),
        ring=np.zeros(60, np.int16),
        token="g",
        boxes=Boxes(np.zeros((1, 9), np.float32), *(np.zeros(1, np.int64) for _ in range(3))),
        images=(frame.images[0][:4], frame.images[1]),
    )
    budget = measure_budget(frame, tampered)
    assert set(budget.other_changes) == {
        "token",
        "camera_K",
        "boxes",
        "images",
        "ring",
        "map_masks",
    }
    assert "camera_K" in check_budget(CAMERA, budget)[1]
    structural = measure_budget(frame, tampered.replace(ring=frame.ring), structural=True)
    assert set(structural.other_changes) == {"token", "camera_K", "boxes", "images", "map_masks"}


def test_unknown_velocities_are_no_change(frame: Frame) -> None:
    boxes = np.zeros((1, 9), np.float32)
    boxes[0, 7:] = np.nan
    ones = np.ones(1, np.int64)
    first = frame.replace(boxes=Boxes(boxes, ones, ones, ones))
    second = frame.replace(boxes=Boxes(boxes.copy(), ones, ones, ones))
    assert measure_budget(first, second).other_changes == ()


GENEROUS = Threat(
    range_m=0.1,
    intensity=0.1,
    points_added=3,
    points_removed=3,
    removed_share=0.1,
    window_deg=10,
    r_min_m=1.0,
)
WITHIN = Budget(
    camera_levels=(0, 0),
    range_m=0.1,
    ray_angle_deg=1e-3,
    min_range_m=1.0,
    points_added=3,
    points_removed=3,
    removed_share=0.1,
    window_deg=10.0,
    intensity=0.1,
    axis_m=(9.0, 9.0, 9.0),
    points_changed=60,
)


OVER: list[tuple[Threat, dict[str, object], str]] = [
    (
        replace(GENEROUS, camera_levels=4),
        {"camera_levels": (4, 5)},
        "view 1 changed by 5 grey levels, budget 4",
    ),
    (GENEROUS, {"camera_levels": (1, 0)}, "view 0 changed by 1 grey levels, budget 0"),
    (
        replace(GENEROUS, camera_rms=2.0),
        {"camera_rms": 2.000001},
        "root mean square change of the pixels",
    ),
    (
        replace(GENEROUS, patch_share=0.1),
        {"pixel_share": (0.1, 0.1001)},
        "share of a view's pixels changed",
    ),
    (
        replace(GENEROUS, range_m=0.0, axis_m=9.0),
        {"axis_m": (0.0, 9.001, 0.0)},
        "a point moved along an axis",
    ),
    (GENEROUS, {"range_m": 0.10001}, "change of a point's range"),
    (GENEROUS, {"ray_angle_deg": 1.01e-3}, "a point left its ray"),
    (
        GENEROUS,
        {"min_range_m": 0.9999},
        "a point was put at a range of 0.999900 m, at least 1 m allowed",
    ),
    (GENEROUS, {"points_added": 4}, "points added: 4, budget 3"),
    (GENEROUS, {"points_removed": 4, "removed_share": 0.11}, "points removed: 4, budget 3"),
    (GENEROUS, {"window_deg": 10.01}, "azimuth window"),
    (GENEROUS, {"intensity": 0.1001}, "change of intensity"),
    (GENEROUS, {"dt_s": 1e-9}, "change of dt"),
    (GENEROUS, {"other_changes": ("ring",)}, "changed besides images and points: ring"),
]


@pytest.mark.parametrize(("threat", "change", "words"), OVER)
def test_every_field_over_budget_fires_alone(
    threat: Threat, change: dict[str, object], words: str
) -> None:
    """`WITHIN` is exactly at every limit and passes; one field just above its limit fails, and is
    the only fault."""
    assert check_budget(threat, WITHIN)[0]
    passed, message = check_budget(threat, replace(WITHIN, **change))  # type: ignore[arg-type]
    assert not passed
    assert words in message
    assert ";" not in message


def test_the_test_above_covers_every_field() -> None:
    covered = {name for _, change, _ in OVER for name in change}
    assert covered == {field.name for field in fields(Budget)} - {
        "points_changed"
    }  # as many points as there are may move


def test_a_share_and_a_number_of_removed_points_allow_the_larger_of_the_two() -> None:
    budget = Budget(points_removed=5, removed_share=0.05)
    assert check_budget(Threat(points_removed=5), budget)[0]
    assert check_budget(Threat(removed_share=0.05), budget)[0]
    assert check_budget(Threat(removed_share=0.05, points_removed=2), budget)[0]
    assert not check_budget(Threat(removed_share=0.04, points_removed=4), budget)[0]


def test_the_worst_of_several_budgets_is_the_worst_of_every_quantity() -> None:
    one = Budget(
        camera_levels=(3, 1),
        camera_rms=0.5,
        pixel_share=(0.1, 0.4),
        axis_m=(0.1, 0.0, 0.3),
        range_m=0.2,
        ray_angle_deg=1e-4,
        min_range_m=2.0,
        points_changed=7,
        points_added=1,
        points_removed=0,
        removed_share=0.0,
        window_deg=5.0,
        intensity=0.1,
        dt_s=0.0,
        other_changes=("ring",),
    )
    two = Budget(
        camera_levels=(0, 4),
        camera_rms=0.4,
        pixel_share=(0.2, 0.3),
        axis_m=(0.0, 0.2, 0.1),
        range_m=0.1,
        ray_angle_deg=2e-4,
        min_range_m=1.5,
        points_changed=3,
        points_added=0,
        points_removed=2,
        removed_share=0.5,
        window_deg=0.0,
        intensity=0.0,
        dt_s=0.1,
        other_changes=("boxes", "ring"),
    )
    assert worst_budget([one, two, Budget()]) == Budget(
        camera_levels=(4,),
        camera_rms=0.5,
        pixel_share=(0.4,),
        axis_m=(0.1, 0.2, 0.3),
        range_m=0.2,
        ray_angle_deg=2e-4,
        min_range_m=1.5,
        points_changed=7,
        points_added=1,
        points_removed=2,
        removed_share=0.5,
        window_deg=5.0,
        intensity=0.1,
        dt_s=0.1,
        other_changes=("boxes", "ring"),
    )
    assert worst_budget([Budget()]).min_range_m is None
