import dataclasses

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import check_effect, check_summary, corrupt, measure_effect, summarise_effects


def test_shares_and_movement_are_counted(street: Frame) -> None:
    n = len(street.points)
    moved = street.points.copy()
    moved[: n // 4, 2] += 2.0
    seen = measure_effect(street, street.replace(points=moved))
    assert seen.removed_share == seen.added_share == pytest.approx(n // 4 / n)
    assert seen.moved_m == pytest.approx(2.0 * (n // 4) / n, rel=1e-4)
    assert seen.changed == {"lidar"}
    assert seen.present == {"camera", "lidar", "calibration", "labels"}


def test_lost_points_count_as_lost_and_not_as_moved(street: Frame) -> None:
    keep = np.arange(len(street.points)) % 2 == 0
    fewer = street.replace(
        points=street.points[keep],
        ring=street.ring[keep],
        sweep_index=street.sweep_index[keep],
        elongation=None,
    )
    seen = measure_effect(street, fewer)
    assert seen.moved_m == 0.0  # those that are left stayed where they are
    assert seen.intensity_ratio == pytest.approx(
        float(street.points[keep, 3].sum() / street.points[:, 3].sum())
    )
    assert seen.removed_share == pytest.approx(0.5, abs=1e-3)
    assert seen.added_share == 0


def test_movement_is_that_of_the_points_that_are_left(street: Frame) -> None:
    # Every third point is lost, the others move by 0.4 m, and a false point is added.
    keep = np.arange(len(street.points)) % 3 > 0
    points = np.concatenate(
        [street.points[keep] + np.float32([0, 0.4, 0, 0, 0]), street.points[:1]]
    )
    points[-1, 3] = 0.9
    rows = np.append(np.flatnonzero(keep), 0)
    after = street.replace(
        points=points, ring=street.ring[rows], sweep_index=street.sweep_index[rows], elongation=None
    )
    assert measure_effect(street, after).moved_m == pytest.approx(0.4, rel=1e-3)


def test_points_of_one_beam_and_intensity_are_told_by_their_order(street: Frame) -> None:
    # All of one intensity, as a sensor of eight bits gives: one lost point leaves those of its beam
    # and sweep unmatched.
    points = street.points.copy()
    points[:, 3] = 0.5
    dull = street.replace(points=points)
    moved = points.copy()
    moved[:, 0] += np.where(street.ring == street.ring[0], np.float32(5), np.float32(1))
    keep = np.arange(len(points)) > 0
    after = street.replace(
        points=moved[keep],
        ring=street.ring[keep],
        sweep_index=street.sweep_index[keep],
        elongation=None,
    )
    others = (street.ring != street.ring[0]) | (street.sweep_index != street.sweep_index[0])
    expected = np.where(street.ring[others] == street.ring[0], 5.0, 1.0).mean()
    assert measure_effect(dull, after).moved_m == pytest.approx(expected, rel=1e-4)


def test_points_that_cannot_be_told_have_no_movement(street: Frame) -> None:
    points = street.points.copy()
    points[:, 3] *= 0.9
    assert measure_effect(street, street.replace(points=points)).moved_m is None


def test_changed_boxes_are_a_share(street: Frame) -> None:
    boxes = street.boxes.boxes.copy()
    boxes[2, 0] += 1
    moved = street.replace(boxes=dataclasses.replace(street.boxes, boxes=boxes))
    assert measure_effect(street, moved).boxes_changed_share == pytest.approx(1 / 3)
    bare = street.replace(boxes=type(street.boxes).empty())
    assert measure_effect(bare, bare).boxes_changed_share is None


def test_intensity_and_pixels(street: Frame) -> None:
    points = street.points.copy()
    points[:, 3] *= 0.5
    images = (
        np.zeros_like(street.images[0]),
        *(image - np.uint8(3) for image in street.images[1:]),
    )
    seen = measure_effect(street, street.replace(points=points, images=images))
    assert seen.intensity_ratio == pytest.approx(0.5, rel=1e-5)
    assert seen.cameras_black == 1
    assert seen.pixel_change == pytest.approx((street.images[0][::4, ::4].mean() + 15) / 6)
    assert seen.changed == {"camera", "lidar"}


def test_one_changed_pixel_is_a_change(street: Frame) -> None:
    image = street.images[2].copy()
    image[3, 5, 1] ^= 1
    assert measure_effect(
        street, street.replace(images=(*street.images[:2], image, *street.images[3:]))
    ).changed == {"camera"}


def test_ring_alone_is_a_change(street: Frame) -> None:
    assert measure_effect(street, street.replace(ring=street.ring[::-1].copy())).changed == {
        "lidar"
    }


def test_pose_change_in_the_lidar_frame(street: Frame) -> None:
    c, s = np.cos(np.radians(3)), np.sin(np.radians(3))
    delta = np.array([[c, 0, s, 0.3], [0, 1, 0, 0], [-s, 0, c, 0.4], [0, 0, 0, 1]])
    matrices = street.camera_T_lidar.copy()
    matrices[4] = delta @ matrices[4]
    seen = measure_effect(street, street.replace(camera_T_lidar=matrices))
    assert seen.rotation_deg == pytest.approx(3.0, abs=1e-9)
    assert seen.translation_m == pytest.approx(0.5, abs=1e-9)
    assert seen.changed == {"calibration"}


def test_half_a_turn_is_180_degrees(street: Frame) -> None:
    matrices = np.diag([-1.0, -1, 1, 1]) @ street.camera_T_lidar
    assert measure_effect(
        street, street.replace(camera_T_lidar=matrices)
    ).rotation_deg == pytest.approx(180.0)


def test_one_untouched_frame_does_not_fail_a_condition(street: Frame) -> None:
    still = measure_effect(street, street)
    real = measure_effect(street, corrupt(street, "point_drop", 2, seed=0))
    summary = summarise_effects([still, real])
    passed, measured, message = check_summary("point_drop", summary)
    assert passed
    assert message == ""
    assert measured["frames"] == 2
    assert measured["lidar_changed_share"] == 0.5
    assert measured["removed_share"] == pytest.approx(0.06, abs=1e-3)
    assert not check_summary("point_drop", summarise_effects([still, still]))[0]


def test_no_frames_is_a_failure() -> None:
    passed, _, message = check_summary("fog", summarise_effects([]))
    assert not passed
    assert "none of 0 frames has camera or lidar data" in message


def test_pair_needs_the_sensors_of_all_parts(street: Frame) -> None:
    only_camera = corrupt(street, "camera_crash", 2, seed=0)
    passed, _, message = check_effect("camera_crash+point_drop", street, only_camera)
    assert not passed
    assert "lidar in 0 of 1 frames" in message
    assert check_effect(
        "camera_crash+point_drop", street, corrupt(only_camera, "point_drop", 2, seed=0)
    )[0]
