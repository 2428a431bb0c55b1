"""Sensor files that are damaged, missing or in other units are refused with their name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from calico.data.nuscenes import NuScenesSource
from tests.calico.data.nuscenes.loading import GRID, Edit, complaint, complaint_of_scene

CLOUD = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"


SWEEP = "sweeps/LIDAR_TOP/LIDAR_TOP-0-1.pcd.bin"


IMAGE = "samples/CAM_BACK/CAM_BACK-0-0.jpg"


def test_missing_point_cloud(tiny: Path) -> None:
    (tiny / CLOUD).unlink()
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): point cloud missing; fetch it again, or see "
        "`calico data check`"
    )


def test_truncated_point_cloud(tiny: Path) -> None:
    content = (tiny / CLOUD).read_bytes()
    (tiny / CLOUD).write_bytes(content[:-7])
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): truncated point cloud; got 1293 bytes, "
        "expected a multiple of 20 "
        "(float32 x, y, z, intensity, ring)"
    )


def test_nan_points(tiny: Path) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[[4, 9], [0, 3]] = np.nan, np.inf
    cloud.tofile(tiny / CLOUD)
    assert complaint(tiny) == (
        f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): 2 of 65 points have NaN or infinite values "
        "(first: point 4); "
        "expected finite x, y, z, intensity, ring"
    )


def test_impossible_ring(tiny: Path) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[0, 4] = 1e6
    cloud.tofile(tiny / CLOUD)
    assert (
        "(sample_data LIDAR_TOP-0-0): ring numbers from 0 to 1e+06, expected whole numbers from 0 "
        "to 32767" in complaint(tiny)
    )


@pytest.mark.parametrize(
    ("column", "value", "expected"),
    [
        (4, 0.5, "ring numbers from 0 to 31, expected whole numbers"),
        (4, -2, "ring numbers from -2 to 31, expected whole numbers"),
        (2, 1e30, "a point is 1e+30 m away, expected metres of at most 100000"),
        (0, -2e5, "a point is 200000 m away"),
    ],
)
def test_impossible_points(tiny: Path, column: int, value: float, expected: str) -> None:
    cloud = np.fromfile(tiny / CLOUD, "<f4").reshape(-1, 5)
    cloud[7, column] = value
    cloud.tofile(tiny / CLOUD)
    assert f"(sample_data LIDAR_TOP-0-0): {expected}" in complaint(tiny)


def test_missing_image(tiny: Path) -> None:
    (tiny / IMAGE).unlink()
    assert complaint(tiny) == (
        f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: missing; fetch it again, or see `calico "
        "data check`"
    )


@pytest.mark.parametrize("damage", ["cut", "not an image", "empty"])
def test_corrupt_jpeg(tiny: Path, damage: str) -> None:
    content = (tiny / IMAGE).read_bytes()
    (tiny / IMAGE).write_bytes(
        {"cut": content[: len(content) // 2], "not an image": b"hello", "empty": b""}[damage]
    )
    fault = (
        "damaged image (OSError: "
        if damage == "cut"
        else "no JPEG or PNG image; other formats are not read"
    )
    assert complaint(tiny).startswith(f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: {fault}")


def test_image_of_another_size(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(width=1600) for row in rows if row["token"] == "CAM_BACK-0-0"],
    )
    assert complaint(tiny) == (
        f"image (sample_data CAM_BACK-0-0) {tiny / IMAGE}: image of 64 x 32 px, expected 1600 x 32"
    )


def test_empty_sweep_file(tiny: Path) -> None:
    (tiny / SWEEP).write_bytes(b"")
    message = complaint(tiny, 1, sweeps=2)
    assert message.startswith(
        f"{tiny / SWEEP} (sample_data LIDAR_TOP-0-1): the sweep's file is empty"
    )


def test_a_keyframe_without_points_is_a_frame(tiny: Path) -> None:
    (tiny / CLOUD).write_bytes(b"")
    source = NuScenesSource(tiny, "v1.0-mini", "train", GRID, sweeps=3)
    assert source[0].points.shape == (0, 5)
    assert source[0].map_masks is not None
    assert np.bincount(source[1].sweep_index, minlength=3).tolist() == [64, 64, 0]


def many_points(path: Path, intensity: np.ndarray) -> None:
    """A sweep of 200 points with these intensities."""
    cloud = np.random.default_rng(0).uniform(2, 20, (200, 5))
    cloud[:, 3], cloud[:, 4] = intensity, 0
    cloud.astype("<f4").tofile(path)


@pytest.mark.parametrize(
    ("intensity", "shown"),
    [
        (np.linspace(0, 1, 200), "from 0 to 1, 0 % of them above 255"),
        (np.linspace(0, 65535, 200), "from 0 to 65535, 100 % of them above 255"),
        (np.linspace(0, 4095, 200), "from 0 to 4095"),
        (np.linspace(-1, 200, 200), "from -1 to 200"),
    ],
)
def test_intensities_in_another_unit(tiny: Path, intensity: np.ndarray, shown: str) -> None:
    many_points(tiny / CLOUD, intensity)
    message = complaint_of_scene(tiny)
    assert message.startswith(f"{tiny / CLOUD} (sample_data LIDAR_TOP-0-0): intensities {shown}")
    assert "expected 0..255" in message


@pytest.mark.parametrize(
    "intensity",
    [np.zeros(200), np.ones(200), np.arange(200), np.r_[np.arange(199), 300], np.arange(200) % 2],
)
def test_legal_intensities(tiny: Path, intensity: np.ndarray) -> None:
    """None, constant, whole numbers, a stray value that is clipped."""
    many_points(tiny / CLOUD, intensity)
    values = NuScenesSource(tiny, "v1.0-mini", "train", None)[0].points[:, 3]
    np.testing.assert_allclose(values, np.clip(intensity / 255, 0, 1), atol=1e-6)


@pytest.mark.parametrize("kind", ["16 bits", "float", "turned"])
def test_images_that_would_be_read_as_others(tiny: Path, kind: str) -> None:
    path = tiny / IMAGE
    if kind == "turned":
        exif = Image.Exif()
        exif[0x0112] = 3
        Image.new("RGB", (64, 32)).save(path, exif=exif)
    elif kind == "16 bits":
        Image.fromarray(np.full((32, 64), 5000, np.uint16)).save(path, "PNG")
    else:
        Image.fromarray(np.full((32, 64), 0.5, np.float32)).save(path, "TIFF")
    expected = {
        "16 bits": "image of mode I;16",
        "float": "no JPEG or PNG image",
        "turned": "its orientation tag is 3",
    }
    assert f"image (sample_data CAM_BACK-0-0) {path}: {expected[kind]}" in complaint_of_scene(tiny)


def test_a_cloud_of_endless_size_is_not_read(tiny: Path) -> None:
    with (tiny / CLOUD).open("wb") as file:
        file.truncate(20 << 30)
    assert "has 21474836480 bytes, expected at most 536870912" in complaint_of_scene(tiny)
