from __future__ import annotations

import math

import numpy as np
import pytest

from calico.data.waymo.range_image import beam_inclinations, column_azimuths, convert_scan
from calico.data.waymo.records import LidarCalibration, LidarScan
from calico.errors import CalicoError
from calico.frame import Float32, Float64
from calico.geometry.frames import from_yaw

FLAT = LidarCalibration(np.eye(4), -0.3, 0.1)


def image_of(values: dict[tuple[int, int], tuple[float, float, float, float]], shape) -> Float32:
    image = np.full((*shape, 4), -1.0, np.float32)
    for pixel, value in values.items():
        image[pixel] = value
    return image


def slow_points(
    scan: LidarScan, calibration: LidarCalibration, world_T_vehicle: Float64
) -> list[list[float]]:
    """The formulas of the data set, a pixel at a time with the scalars of `math`."""
    found = []
    E = calibration.vehicle_T_lidar
    for image in scan.returns:
        H, W = image.shape[:2]
        for row in range(H):
            if calibration.inclinations is not None:
                inclination = calibration.inclinations[H - 1 - row]
            else:
                low, high = calibration.inclination_min, calibration.inclination_max
                inclination = (0.5 + (H - 1 - row)) / H * (high - low) + low
            for column in range(W):
                r = float(image[row, column, 0])
                if r <= 0:
                    continue
                turn = math.atan2(E[1, 0], E[0, 0])
                azimuth = ((W - column - 0.5) / W * 2 - 1) * math.pi - turn
                point = np.array(
                    [
                        r * math.cos(azimuth) * math.cos(inclination),
                        r * math.sin(azimuth) * math.cos(inclination),
                        r * math.sin(inclination),
                        1.0,
                    ]
                )
                point = E @ point
                if scan.pixel_pose is not None:
                    roll, pitch, yaw, x, y, z = (float(v) for v in scan.pixel_pose[row, column])
                    about_x = np.eye(4)
                    about_x[1:3, 1:3] = [
                        [math.cos(roll), -math.sin(roll)],
                        [math.sin(roll), math.cos(roll)],
                    ]
                    about_y = np.eye(4)
                    about_y[0, 0] = about_y[2, 2] = math.cos(pitch)
                    about_y[0, 2], about_y[2, 0] = math.sin(pitch), -math.sin(pitch)
                    point = from_yaw(yaw, (x, y, z)) @ about_y @ about_x @ point
                    point = np.linalg.solve(world_T_vehicle, point)
                found.append([*point[:3], H - 1 - row])
    return found


def test_a_level_beam_to_the_front_is_straight_ahead_of_the_sensor() -> None:
    calibration = LidarCalibration(from_yaw(0.0, (1.5, 0.0, 2.0)), -0.2, 0.2, np.zeros(1))
    scan = LidarScan((image_of({(0, 2): (10.0, 0.5, 0.25, 1.0)}, (1, 5)),))
    points = convert_scan(scan, calibration, np.eye(4))
    assert points.xyz == pytest.approx(np.array([[11.5, 0.0, 2.0]]), abs=1e-6)
    assert points.intensity == pytest.approx([math.tanh(0.5)])
    assert points.elongation.tolist() == [0.25]
    assert points.unlabelled.tolist() == [True]
    assert points.ring.tolist() == [0]


def test_columns_go_from_left_to_right_whatever_the_mount() -> None:
    scan = LidarScan((image_of({(0, 1): (4.0, 0, 0, -1), (0, 2): (4.0, 0, 0, -1)}, (1, 4)),))
    for yaw in (0.0, 2.5, -1.0):
        calibration = LidarCalibration(from_yaw(yaw), 0.0, 0.0, np.zeros(1))
        left, right = convert_scan(scan, calibration, np.eye(4)).xyz
        half = math.sqrt(8.0)
        assert left == pytest.approx([half, half, 0.0], abs=1e-6)
        assert right == pytest.approx([half, -half, 0.0], abs=1e-6)


def test_the_first_row_is_the_highest_beam() -> None:
    assert beam_inclinations(FLAT, 2) == pytest.approx([0.0, -0.2])
    listed = LidarCalibration(np.eye(4), -0.3, 0.1, np.array([-0.3, -0.1, 0.1]))
    assert beam_inclinations(listed, 3).tolist() == [0.1, -0.1, -0.3]
    scan = LidarScan((image_of({(0, 0): (5.0, 0, 0, 0), (2, 0): (5.0, 0, 0, 0)}, (3, 1)),))
    points = convert_scan(scan, listed, np.eye(4))
    assert points.ring.tolist() == [2, 0]
    assert points.xyz[0, 2] > 0 > points.xyz[1, 2]


def test_azimuths_of_four_columns() -> None:
    assert column_azimuths(FLAT, 4) == pytest.approx(np.array([3, 1, -1, -3]) * math.pi / 4)


def test_a_pixel_that_was_taken_further_back_is_moved_back() -> None:
    """The vehicle was 1 m behind the frame's pose, and turned left by 90 degrees since then."""
    image = image_of({(0, 0): (10.0, 0, 0, 0)}, (1, 1))
    pose = np.zeros((1, 1, 6), np.float32)
    pose[0, 0] = [0, 0, 0, 99.0, 50.0, 3.0]
    scan = LidarScan((image,), pose)
    calibration = LidarCalibration(np.eye(4), 0.0, 0.0, np.zeros(1))
    frame_pose = from_yaw(math.pi / 2, (100.0, 50.0, 3.0))
    points = convert_scan(scan, calibration, frame_pose)
    assert points.xyz == pytest.approx(np.array([[0.0, -9.0, 0.0]]), abs=1e-5)


@pytest.mark.parametrize("listed", [False, True])
def test_equals_the_formula_pixel_by_pixel(listed: bool) -> None:
    rng = np.random.default_rng(3)
    shape = (5, 16)
    images = []
    for share in (0.8, 0.3):
        image = rng.uniform(0, 2, (*shape, 4)).astype(np.float32)
        image[..., 0] = np.where(rng.random(shape) < share, rng.uniform(1, 75, shape), -1)
        images.append(image)
    pose = rng.normal(0, 0.02, (*shape, 6)).astype(np.float32)
    pose[..., 2] += 2.0
    pose[..., 3:] += np.array([8123.0, -14321.0, 55.0], np.float32)
    mount = from_yaw(2.6, (1.43, 0.0, 2.184))
    mount[:3, :3] = mount[:3, :3] @ np.array(
        [[math.cos(0.02), 0, math.sin(0.02)], [0, 1, 0], [-math.sin(0.02), 0, math.cos(0.02)]]
    )
    beams = np.sort(rng.uniform(-0.3, 0.05, shape[0])) if listed else None
    calibration = LidarCalibration(mount, -0.31, 0.04, beams)
    world = from_yaw(2.01, (8123.4, -14320.6, 55.02))
    scan = LidarScan((images[0], images[1]), pose)
    points = convert_scan(scan, calibration, world)
    expected = np.array(slow_points(scan, calibration, world))
    assert len(points) == len(expected) > 60
    assert np.abs(points.xyz - expected[:, :3]).max() < 1e-5
    assert points.ring.tolist() == expected[:, 3].tolist()
    kept = [image[image[..., 0] > 0] for image in images]
    values = np.concatenate(kept).astype(np.float64)
    assert points.intensity == pytest.approx(np.tanh(values[:, 1]), abs=1e-6)
    assert np.array_equal(points.elongation, values[:, 2].astype(np.float32))
    assert np.array_equal(points.unlabelled, values[:, 3] > 0)


def test_nan_and_zero_ranges_are_no_returns() -> None:
    image = image_of({(0, 0): (math.nan, 0, 0, 0), (0, 1): (0.0, 0, 0, 0)}, (1, 3))
    assert len(convert_scan(LidarScan((image,)), FLAT, np.eye(4))) == 0


@pytest.mark.parametrize(
    ("image", "pose", "beams", "message"),
    [
        (np.zeros((2, 3, 3)), None, None, r"shape \(2, 3, 3\), expected \(H, W, 4\)"),
        (np.zeros((2, 3, 4)), np.zeros((2, 4, 6)), None, r"expected \(2, 3, 6\)"),
        (np.ones((2, 3, 4)), None, np.zeros(3), "3 beam inclinations, but the range image has 2"),
        (np.ones((2, 3, 4)), None, np.array([0, np.nan]), "inclination is not finite"),
        (np.full((2, 3, 4), np.inf), None, None, "6 pixels of a range image are broken"),
        (np.full((1, 1, 4), 1e6), None, None, "expected finite values and at most 10000 m"),
        (np.ones((1, 1, 4)), np.full((1, 1, 6), np.nan), None, "pose of a pixel is not finite"),
    ],
)
def test_broken_scans_are_named(image, pose, beams, message: str) -> None:
    calibration = LidarCalibration(np.eye(4), -0.3, 0.1, beams)
    poses = None if pose is None else pose.astype(np.float32)
    scan = LidarScan((image.astype(np.float32),), poses)
    with pytest.raises(CalicoError, match=message) as caught:
        convert_scan(scan, calibration, np.eye(4), "segment A, TOP")
    assert "segment A, TOP" in str(caught.value)


def test_a_scan_without_returns_is_an_error() -> None:
    with pytest.raises(CalicoError, match="got no range image"):
        convert_scan(LidarScan(()), FLAT, np.eye(4))
