from __future__ import annotations

import io

import cv2
import numpy as np
import pytest
from PIL import Image

from calico.data.waymo.cameras import (
    OURS_T_WAYMO,
    distort_points,
    image_size,
    read_pinhole_image,
    scale_intrinsics,
    undistort_points,
)
from calico.data.waymo.records import CameraCalibration
from calico.errors import CalicoError

LENS = np.array([2055.0, 2050.0, 963.0, 635.0, 0.04, -0.33, 0.0008, -0.0004, 0.01])
CALIBRATION = CameraCalibration(LENS, np.eye(4), 1920, 1280)


def small(width: int = 241, height: int = 160) -> CameraCalibration:
    lens = np.array([257.0, 256.0, 120.4, 79.3, 0.04, -0.33, 0.0008, -0.0004, 0.0])
    return CameraCalibration(lens, np.eye(4), width, height)


def encode(image: np.ndarray, **options: object) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", **{"quality": 98, "subsampling": 0, **options})
    return stream.getvalue()


def smooth(height: int, width: int) -> np.ndarray:
    """A picture whose values change slowly, so that an error of its place shows in its values."""
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    channels = [
        128 + 100 * np.sin(u / 11),
        128 + 100 * np.cos(v / 9),
        128 + 80 * np.sin((u + v) / 13),
    ]
    return np.stack(channels, axis=-1).astype(np.uint8)


def test_the_optical_axis_is_our_z_and_left_is_our_minus_x() -> None:
    ahead, left, up = np.eye(4)[:3]
    assert (OURS_T_WAYMO @ ahead)[:3].tolist() == [0, 0, 1]
    assert (OURS_T_WAYMO @ left)[:3].tolist() == [-1, 0, 0]
    assert (OURS_T_WAYMO @ up)[:3].tolist() == [0, -1, 0]
    assert np.linalg.det(OURS_T_WAYMO) == pytest.approx(1.0)


def test_distortion_of_one_point_by_hand() -> None:
    """x = .5, y = 0: radial 1 + .04 / 4 - .33 / 16, tangential p2 (r2 + 2 x2) and p1 r2."""
    radial = 1 + 0.04 * 0.25 - 0.33 * 0.0625 + 0.01 * 0.015625
    x, y = distort_points(LENS, np.array([0.5, 0.0]))
    assert x == pytest.approx(0.5 * radial - 0.0004 * 0.75)
    assert y == pytest.approx(0.0008 * 0.25)


def test_distortion_equals_opencv() -> None:
    rng = np.random.default_rng(0)
    xy = rng.uniform(-0.5, 0.5, (200, 2))
    rays = np.concatenate([xy, np.ones((200, 1))], axis=1)
    seen, _ = cv2.projectPoints(rays, np.zeros(3), np.zeros(3), np.eye(3), LENS[4:9])
    assert distort_points(LENS, xy) == pytest.approx(seen[:, 0], abs=1e-12)


def test_undistortion_is_the_inverse_up_to_the_corners() -> None:
    u, v = np.meshgrid(np.linspace(-0.47, 0.47, 21), np.linspace(-0.31, 0.31, 21))
    xy = np.stack([u, v], axis=-1)
    assert np.abs(undistort_points(LENS, distort_points(LENS, xy)) - xy).max() < 1e-10
    assert np.abs(distort_points(LENS, undistort_points(LENS, xy)) - xy).max() < 1e-10


def test_smaller_images_keep_the_corners_of_pixels() -> None:
    K = scale_intrinsics(CALIBRATION, 4)
    first = (np.zeros(2) - LENS[2:4]) / LENS[:2]  # the edge of the first pixel, in Waymo's count
    assert np.diag(K)[:2] * first + K[:2, 2] == pytest.approx([-0.5, -0.5])
    last = (np.array([1920, 1280]) - LENS[2:4]) / LENS[:2]
    assert np.diag(K)[:2] * last + K[:2, 2] == pytest.approx([479.5, 319.5])
    assert image_size(CALIBRATION, 4) == (320, 480)
    assert image_size(CameraCalibration(LENS, np.eye(4), 1920, 886), 4) == (222, 480)


@pytest.mark.parametrize("reduction", [1, 2])
def test_images_equal_opencvs_remap(reduction: int) -> None:
    lens = np.array([514.0, 513.0, 240.4, 158.3, 0.04, -0.33, 0.0008, -0.0004, 0.0])
    calibration = CameraCalibration(lens, np.eye(4), 480, 320)
    picture = smooth(320, 480)
    image = read_pinhole_image(encode(picture), calibration, reduction, "here")
    K = scale_intrinsics(calibration, reduction)
    height, width = image_size(calibration, reduction)
    assert image.shape == (height, width, 3)
    assert image.dtype == np.uint8
    decoded = Image.open(io.BytesIO(encode(picture)))
    decoded.draft("RGB", (width, height))
    expected = cv2.undistort(np.asarray(decoded), K, calibration.intrinsic[4:9], None, K)
    difference = np.abs(image.astype(int) - expected.astype(int))[4:-4, 4:-4]
    assert difference.mean() < 0.7
    assert np.percentile(difference, 99) <= 3


@pytest.mark.parametrize("reduction", [2, 4, 8])
@pytest.mark.parametrize("size", [(1920, 886), (241, 167), (9, 5)])
@pytest.mark.parametrize("k1", [0.0, 1e-6])
def test_sizes_that_the_reduction_does_not_divide_show_the_whole_image(
    size: tuple[int, int], reduction: int, k1: float
) -> None:
    width, height = size
    lens = np.array([width, width, width / 2, height / 2, k1, 0, 0, 0, 0])
    picture = np.zeros((height, width, 3), np.uint8)
    picture[:] = np.linspace(20, 220, width)[None, :, None]
    picture[:, :, 1] = np.linspace(20, 220, height)[:, None]
    calibration = CameraCalibration(lens, np.eye(4), width, height)
    image = read_pinhole_image(encode(picture), calibration, reduction, "here")
    assert image.shape[:2] == image_size(calibration, reduction)
    rows, columns = (-(-height // reduction), -(-width // reduction))
    middle = np.minimum((np.arange(columns) + 0.5) * reduction, width - 1)
    expected = 20 + 200 * middle / (width - 1)
    steep = 200 * reduction / (min(size) - 1) / 2
    found = image[rows // 2, :, 0].astype(float)
    assert np.abs(found - expected)[1:-1].max(initial=0) <= steep + 8
    below = np.minimum((np.arange(rows) + 0.5) * reduction, height - 1)
    down = image[:, columns // 2, 1].astype(float) - (20 + 200 * below / (height - 1))
    assert np.abs(down)[1:-1].max(initial=0) <= steep + 8


def test_an_image_without_distortion_stays_as_it_is() -> None:
    lens = np.array([200.0, 200.0, 50.0, 40.0, 0, 0, 0, 0, 0])
    calibration = CameraCalibration(lens, np.eye(4), 100, 80)
    data = encode(smooth(80, 100))
    assert np.array_equal(
        read_pinhole_image(data, calibration, 1, "here"), np.asarray(Image.open(io.BytesIO(data)))
    )


def test_places_outside_of_the_image_are_black() -> None:
    lens = np.array(
        [100.0, 100.0, 49.5, 39.5, 0.5, 0, 0, 0, 0]
    )  # a lens that pulls the corners out
    calibration = CameraCalibration(lens, np.eye(4), 100, 80)
    image = read_pinhole_image(encode(np.full((80, 100, 3), 200, np.uint8)), calibration, 1, "here")
    assert image[0, 0].tolist() == [0, 0, 0]
    assert abs(image[40, 50].astype(int) - 200).max() <= 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "cannot be decoded"),
        (b"no image", "cannot be decoded: 8 bytes that are no JPEG file$"),
        (encode(smooth(160, 241))[:-2000], "cannot be decoded"),
        (
            encode(smooth(160, 240)),
            "240 x 160 pixels, expected 241 x 160 as the calibration states$",
        ),
    ],
)
def test_broken_images_are_named(data: bytes, message: str) -> None:
    with pytest.raises(CalicoError, match=message) as caught:
        read_pinhole_image(data, small(), 1, "segment A, camera FRONT")
    assert "segment A, camera FRONT" in str(caught.value)


def test_a_calibration_of_no_size_is_named() -> None:
    with pytest.raises(CalicoError, match="expected 1 to 16384 a side"):
        read_pinhole_image(b"", small(0), 1, "here")
