"""Copies of the tiny data set: how they are made, read back and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.data.copies.corrupted import Original
from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.frames import invert_transform
from corruptions.preset import Level

SEED = 5


VERSION = "v1.0-mini"


Change = Callable[[Frame], Frame]


def original(root: Path, sweeps: int = 2) -> Original:
    source = NuScenesSource(root, VERSION, "all", None, sweeps=sweeps)
    return Original(source, source, root, VERSION, sweeps)


def read(folder: Path, sweeps: int = 2) -> NuScenesSource:
    return NuScenesSource(folder, VERSION, "all", None, sweeps=sweeps)


def without_own_returns(frame: Frame) -> Frame:
    """The points in the order of their sweeps, without those that every reader of the format
    drops."""
    order = np.argsort(frame.sweep_index, kind="stable")
    sweep_T_lidar = invert_transform(frame.sweep_T)[frame.sweep_index[order]]
    local = (
        np.einsum("nij,nj->ni", sweep_T_lidar[:, :3, :3], frame.points[order, :3])
        + sweep_T_lidar[:, :3, 3]
    )
    order = order[(abs(local[:, :2]) >= 1.0).any(axis=1)]
    return frame.replace(
        points=frame.points[order],
        ring=frame.ring[order],
        sweep_index=frame.sweep_index[order],
        elongation=None,
    )


def assert_same(found: Frame, expected: Frame) -> None:
    expected = without_own_returns(expected)
    assert (found.token, found.scene) == (expected.token, expected.scene)
    np.testing.assert_allclose(found.points, expected.points, atol=3e-5)
    np.testing.assert_array_equal(found.ring, expected.ring)
    np.testing.assert_array_equal(found.sweep_index, expected.sweep_index)
    key = expected.sweep_index == 0
    np.testing.assert_array_equal(found.points[key, :3], expected.points[key, :3])
    for image, wanted in zip(found.images, expected.images, strict=True):
        np.testing.assert_array_equal(image, wanted)
    for name in ("camera_K", "camera_T_lidar", "ego_T_lidar", "global_T_lidar"):
        np.testing.assert_allclose(
            getattr(found, name), getattr(expected, name), atol=1e-7, err_msg=name
        )
    np.testing.assert_allclose(found.sweep_T[: len(expected.sweep_T)], expected.sweep_T, atol=1e-7)
    np.testing.assert_allclose(found.camera_time_s, expected.camera_time_s, atol=1e-5)
    np.testing.assert_allclose(found.boxes.boxes[:, :7], expected.boxes.boxes[:, :7], atol=2e-5)
    np.testing.assert_array_equal(found.boxes.num_points, expected.boxes.num_points)
    np.testing.assert_array_equal(found.boxes.labels, expected.boxes.labels)
    assert found.boxes.instances == expected.boxes.instances


def files_of(folder: Path) -> dict[str, str]:
    """Name to hash of all files."""
    found = (path for path in folder.rglob("*") if path.is_file())
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in found
    }


@dataclass(frozen=True)
class ByHand(Level):
    """A condition whose frames are made here, so that it is known what must be read back."""

    change: Change = without_own_returns

    def corrupt_frame(self, frame: Any, seed: int) -> Any:
        return self.change(frame)


def error_of(action: Callable[[], Any]) -> str:
    with pytest.raises(CalicoError) as error:
        action()
    return str(error.value)
