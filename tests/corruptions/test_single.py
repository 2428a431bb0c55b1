"""One image or one point cloud: the bytes of the frame path, or an error that says why not."""

from __future__ import annotations

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, CorruptionError, corrupt, corrupt_image, corrupt_points

PAST = ("camera_stuck", "lidar_stuck", "temporal_offset")
RING = ("beam_missing", "beams_reduced", "cross_sensor")
SWEEPS = ("sweep_dropout", "pose_error")
WEATHER = ("fog", "rain", "snowfall", "wet_ground", "sunlight", "spray")
ROAD = ("wet_ground", "sunlight", "spray")
"""Weather on points that needs the road."""


def one_camera(frame: Frame) -> Frame:
    return frame.replace(
        images=frame.images[:1],
        camera_K=frame.camera_K[:1],
        camera_T_lidar=frame.camera_T_lidar[:1],
        camera_time_s=frame.camera_time_s[:1],
    )


def one_sweep(frame: Frame) -> Frame:
    own = frame.sweep_index == 0
    return frame.replace(
        points=frame.points[own],
        ring=frame.ring[own],
        sweep_index=frame.sweep_index[own],
        sweep_T=frame.sweep_T[:1],
        elongation=None,
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        previous=None,
    )


@pytest.mark.parametrize("name", SPECS)
def test_an_image_alone(street: Frame, name: str) -> None:
    image = street.images[0]
    if "camera" not in SPECS[name].sensors:
        expected = rf"{name} changes .*, and corrupt_image returns images only"
    elif name in PAST:
        expected = rf"{name} needs the frames before in the scene, which corrupt_image"
    elif name in WEATHER:
        expected = (
            rf"{name} needs points, camera_K, camera_T_lidar and ego_T_lidar, "
            r"which corrupt_image was not given; expected points: \(N, 5\)"
        )
    else:
        frame = one_camera(street).replace(previous=None)
        theirs = corrupt(frame, name, 3, 7).images[0]
        mine = corrupt_image(image, name, 3, 7, token=street.token, scene=street.scene)
        assert np.array_equal(mine, theirs)
        assert mine.dtype == np.uint8
        return
    with pytest.raises(CorruptionError, match=expected):
        corrupt_image(image, name, 3)


@pytest.mark.parametrize("name", WEATHER)
def test_an_image_with_its_depth_has_weather(street: Frame, name: str) -> None:
    frame = one_camera(street)
    own = frame.sweep_index == 0
    mine = corrupt_image(
        frame.images[0],
        name,
        3,
        7,
        points=frame.points[own],
        camera_K=frame.camera_K[0],
        camera_T_lidar=frame.camera_T_lidar[0],
        ego_T_lidar=frame.ego_T_lidar,
        token=frame.token,
        scene=frame.scene,
    )
    theirs = corrupt(frame, name, 3, 7).images[0]
    assert np.array_equal(mine, theirs)
    assert not np.array_equal(mine, frame.images[0])


@pytest.mark.parametrize("name", SPECS)
def test_points_alone(street: Frame, name: str) -> None:
    frame = one_sweep(street)
    if "lidar" not in SPECS[name].sensors:
        expected = rf"{name} changes .*, and corrupt_points returns points only"
    elif "labels" in SPECS[name].sensors:
        expected = rf"{name} changes boxes, too, and corrupt_points returns points only"
    elif name in PAST:
        expected = rf"{name} needs the frames before in the scene, which corrupt_points"
    elif name in RING:
        expected = rf"{name} needs ring, which corrupt_points was not given; expected ring: "
    elif name in SWEEPS:
        expected = rf"{name} needs sweep_index and sweep_T, which corrupt_points"
    elif name in ROAD:
        expected = rf"{name} needs ego_T_lidar, which corrupt_points was not given"
    elif SPECS[name].group == "objects":
        expected = rf"{name} needs boxes, which .* \(M, 9\) float32 array of the labelled objects"
    else:
        theirs = corrupt(frame, name, 3, 7).points
        words = {"token": frame.token, "scene": frame.scene}
        assert np.array_equal(corrupt_points(frame.points, name, 3, 7, **words), theirs)
        assert frame.points[:, 4].max() == 0
        four = corrupt_points(frame.points[:, :4], name, 3, 7, **words)
        assert np.array_equal(four, theirs[:, :4])
        return
    with pytest.raises(CorruptionError, match=expected):
        corrupt_points(frame.points, name, 3)


@pytest.mark.parametrize(
    "name",
    [
        n
        for n, spec in SPECS.items()
        if "lidar" in spec.sensors and "labels" not in spec.sensors and n not in PAST
    ],
)
def test_points_with_all_that_is_needed(street: Frame, name: str) -> None:
    frame = street.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
        previous=None,
    )
    mine = corrupt_points(
        frame.points,
        name,
        3,
        7,
        ring=frame.ring,
        sweep_index=frame.sweep_index,
        sweep_T=frame.sweep_T,
        ego_T_lidar=frame.ego_T_lidar,
        boxes=frame.boxes.boxes,
        token=frame.token,
        scene=frame.scene,
    )
    assert np.array_equal(mine, corrupt(frame, name, 3, 7).points)


def test_severity_0_changes_nothing_and_needs_nothing(street: Frame) -> None:
    image = corrupt_image(street.images[0], "fog", 0)
    assert np.array_equal(image, street.images[0])
    assert not np.shares_memory(image, street.images[0])
    points = corrupt_points(street.points[:, :4], "beam_missing", 0)
    assert np.array_equal(points, street.points[:, :4])


def test_two_at_once(street: Frame) -> None:
    image = street.images[0]
    once = corrupt_image(image, "gaussian_noise", 2, 3, token="a")
    twice = corrupt_image(once, "jpeg", 2, 3, token="a")
    assert np.array_equal(corrupt_image(image, "gaussian_noise+jpeg", 2, 3, token="a"), twice)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (np.zeros((8, 8), np.uint8), r"image 0 is uint8 \(8, 8\), expected uint8 \(H, W, 3\)"),
        (np.zeros((8, 8, 3), np.float32), "image 0 is float32"),
        ([[1]], r"the image is a list, expected a \(H, W, 3\) uint8 RGB array"),
    ],
)
def test_what_is_no_image_is_refused(thing: np.ndarray, message: str) -> None:
    with pytest.raises(CorruptionError, match=message):
        corrupt_image(thing, "jpeg", 1)


@pytest.mark.parametrize(
    ("thing", "message"),
    [
        (np.zeros((8, 3), np.float32), r"points are float32 \(8, 3\), expected float32 \(N, 4\)"),
        (np.zeros((8, 4)), "points are float64"),
        ("points", "the points are a str"),
        (np.full((8, 4), 2, np.float32), "intensity goes from 2 to 2, expected 0..1"),
    ],
)
def test_what_are_no_points_is_refused(thing: np.ndarray, message: str) -> None:
    with pytest.raises(CorruptionError, match=message):
        corrupt_points(thing, "point_drop", 1)


def test_a_matrix_of_another_shape_is_named(street: Frame) -> None:
    with pytest.raises(CorruptionError, match=r"camera_K has shape \(6, 3, 3\), expected \(3, 3\)"):
        corrupt_image(street.images[0], "fog", 1, camera_K=street.camera_K)


def test_unknown_names_and_severities(street: Frame) -> None:
    with pytest.raises(CorruptionError, match="did you mean 'motion_blur'"):
        corrupt_image(street.images[0], "motion_blurr", 1)
    with pytest.raises(CorruptionError, match="severity is 6, expected a whole number from 0"):
        corrupt_image(street.images[0], "motion_blur", 6)


def test_broken_seeds_rings_and_calibrations_are_named(street: Frame) -> None:
    points, frame = street.points, one_camera(street)
    with pytest.raises(CorruptionError, match="seed is -1, expected a whole number"):
        corrupt_points(points, "point_drop", 3, seed=-1)
    with pytest.raises(CorruptionError, match=r"seed is 1\.5, expected a whole number"):
        corrupt(street, "fog", 3, seed=1.5)  # type: ignore[arg-type]
    with pytest.raises(CorruptionError, match=r"ring is float32, expected whole numbers \(int16\)"):
        corrupt_points(points, "beam_missing", 3, ring=street.ring.astype(np.float32))
    with pytest.raises(CorruptionError, match="sweep_index is float64, expected whole numbers"):
        corrupt_points(
            points,
            "sweep_dropout",
            3,
            sweep_index=street.sweep_index.astype(np.float64),
            sweep_T=street.sweep_T,
        )
    calibration = {
        "camera_K": frame.camera_K[0],
        "camera_T_lidar": frame.camera_T_lidar[0],
        "ego_T_lidar": frame.ego_T_lidar,
    }
    for name, matrix in calibration.items():
        broken = matrix.copy()
        broken[0, 0] = np.nan
        with pytest.raises(CorruptionError, match=f"{name} holds NaN or infinite values"):
            corrupt_image(
                street.images[0], "fog", 3, points=points, **{**calibration, name: broken}
            )
        whole = broken if name == "ego_T_lidar" else np.repeat(broken[None], len(street.images), 0)
        with pytest.raises(CorruptionError, match=f"{name} holds NaN or infinite values"):
            corrupt(street.replace(**{name: whole}), "fog", 3)
