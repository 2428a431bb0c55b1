"""What was written is read back, and the conventions hold on folders made by hand."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np

from calico.data.folder import FolderSource
from calico.data.sim import SimSource
from calico.frame import Frame
from tests.calico.data.folder.conftest import CAMERAS, GRID


def open_val(root: Path) -> FolderSource:
    return FolderSource(root, "val", GRID, CAMERAS, sweeps=2)


def assert_equal_frames(got: Frame, expected: Frame) -> None:
    assert (got.token, got.scene) == (expected.token, expected.scene)
    assert got.timestamp_s == expected.timestamp_s
    assert np.abs(got.points[:, :3] - expected.points[:, :3]).max() < 1e-3
    np.testing.assert_array_equal(got.points[:, 3], expected.points[:, 3])
    np.testing.assert_allclose(got.points[:, 4], expected.points[:, 4], atol=1e-6)
    np.testing.assert_array_equal(got.ring, expected.ring)
    np.testing.assert_array_equal(got.sweep_index, expected.sweep_index)
    for name in ("sweep_T", "camera_K", "camera_T_lidar", "ego_T_lidar", "global_T_lidar"):
        np.testing.assert_allclose(getattr(got, name), getattr(expected, name), atol=1e-6)
    np.testing.assert_allclose(got.camera_time_s, expected.camera_time_s, atol=1e-6)
    for one, other in zip(got.images, expected.images, strict=True):
        np.testing.assert_array_equal(one, other)
    np.testing.assert_allclose(got.boxes.boxes, expected.boxes.boxes, atol=1e-6)
    for name in ("labels", "attributes", "num_points"):
        np.testing.assert_array_equal(getattr(got.boxes, name), getattr(expected.boxes, name))
    assert got.boxes.instances == expected.boxes.instances
    np.testing.assert_array_equal(got.map_masks, expected.map_masks)


def test_written_frames_equal_their_source(written: Path, simulated: dict[str, SimSource]) -> None:
    source = open_val(written)
    assert source.name == "fleet val"
    assert len(source) == len(simulated["val"]) == 4
    for index in range(4):
        assert_equal_frames(source[index], simulated["val"][index])
        assert source.info(index) == simulated["val"].info(index)
        labels = simulated["val"][index].boxes.labels
        np.testing.assert_array_equal(source.labels(index), labels)
        np.testing.assert_array_equal(source.annotations(index).boxes.labels, labels)
    assert source.image_sizes() == {(24, 48)}
    first, second = source[0], source[1]
    assert first.previous is None
    assert second.previous is not None
    before = second.previous()
    assert before is not None
    assert before.token == first.token


def test_points_of_the_own_sweep_keep_their_bits(
    written: Path, simulated: dict[str, SimSource]
) -> None:
    got, expected = open_val(written)[0], simulated["val"][0]
    own = expected.sweep_index == 0
    np.testing.assert_array_equal(got.points[own], expected.points[own])


def test_a_pickled_source_reads_the_same(written: Path) -> None:
    source = open_val(written)
    again = pickle.loads(pickle.dumps(source))
    assert len(pickle.dumps(source)) < 5000
    np.testing.assert_array_equal(again[1].points, source[1].points)
    assert again.content_hash() == source.content_hash()
