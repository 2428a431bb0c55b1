"""What the nuScenes devkit reads of a copy."""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.frame import Frame
from calico.geometry.frames import wrap_angle

REPOSITORY = Path(__file__).parents[4]


ROOT = (
    Path(os.environ.get("CALICO_SHARED_DATA", REPOSITORY.parent / "shared" / "data"))
    / "pandaset_nuscenes"
)


VERSION = "v1.0-mini"


SEED = 2


def assert_same(found: Frame, expected: Frame) -> None:
    """To float32 rounding; images to the bit. No point of these frames is near the sensor."""
    assert (found.token, found.scene, found.timestamp_s) == (
        expected.token,
        expected.scene,
        expected.timestamp_s,
    )
    np.testing.assert_allclose(found.points, expected.points, atol=2e-5)
    np.testing.assert_array_equal(found.ring, expected.ring)
    np.testing.assert_array_equal(found.sweep_index, expected.sweep_index)
    assert all(np.array_equal(a, b) for a, b in zip(found.images, expected.images, strict=True))
    for name in ("camera_K", "camera_T_lidar", "ego_T_lidar", "global_T_lidar", "sweep_T"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-9, err_msg=name
        )
    np.testing.assert_allclose(found.boxes.boxes[:, :6], expected.boxes.boxes[:, :6], atol=1e-5)
    turned = wrap_angle(found.boxes.boxes[:, 6] - expected.boxes.boxes[:, 6])
    np.testing.assert_allclose(turned, 0, atol=1e-5)
    for name in ("labels", "attributes", "num_points"):
        np.testing.assert_array_equal(getattr(found.boxes, name), getattr(expected.boxes, name))


def opened_by_devkit(root: Path) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        module = pytest.importorskip(
            "nuscenes.nuscenes", reason="needs nuscenes-devkit", exc_type=ImportError
        )
        return module.NuScenes(VERSION, str(root), verbose=False)


def devkit_points(devkit: Any, token: str, sweeps: int) -> np.ndarray:
    """(N, 4) x, y, z, intensity [0..1] of aggregated sweeps, in our axes."""
    from nuscenes.utils.data_classes import LidarPointCloud

    cloud, _ = LidarPointCloud.from_file_multisweep(
        devkit, devkit.get("sample", token), "LIDAR_TOP", "LIDAR_TOP", nsweeps=sweeps
    )
    x, y, z, intensity = cloud.points
    return np.stack([y, -x, z, intensity / 255], axis=1)
