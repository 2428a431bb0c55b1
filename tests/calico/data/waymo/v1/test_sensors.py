"""Sensors of a frame; what comes back and what the official protos see is in test_reader."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calico.data.waymo.records import LASERS
from calico.data.waymo.v1.matrices import deflate_matrix
from calico.data.waymo.v1.sensors import (
    decode_images,
    decode_lidar_calibrations,
    decode_scans,
    decode_transform,
    find_parts,
)
from calico.errors import CalicoError

IDENTITY = {"transform": np.eye(4).ravel()}


def test_sensors_are_sorted_and_those_not_wanted_left_out() -> None:
    messages: list[dict[str, Any]] = [{"name": 5}, {"name": 1, "x": 1}, {"name": 3}]
    assert list(find_parts(messages, LASERS, LASERS, "f")) == [1, 3, 5]
    assert find_parts(messages, LASERS, (1, 2), "f") == {1: {"name": 1, "x": 1}}


@pytest.mark.parametrize(
    ("messages", "reason"),
    [
        ([{"name": 6}], r"f: has sensor 6, expected one of \[1, 2, 3, 4, 5\]"),
        ([{}], "f: has sensor 0"),
        ([{"name": 2}, {"name": 2}], "f: has FRONT twice"),
    ],
)
def test_unknown_and_repeated_sensors_are_refused(
    messages: list[dict[str, Any]], reason: str
) -> None:
    with pytest.raises(CalicoError, match=reason):
        find_parts(messages, LASERS, (), "f")


def test_rounding_in_the_last_row_of_a_pose_is_taken_away() -> None:
    values = np.arange(16.0)
    values[12:] = 1e-9, 0, -1e-9, 1 + 1e-9
    matrix = decode_transform({"pose": {"transform": values}}, "pose", "f")
    assert matrix[3].tolist() == [0, 0, 0, 1]
    assert matrix[1].tolist() == [4, 5, 6, 7]


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"pose": {}},
        {"pose": {"transform": np.ones(15)}},
        {"pose": {"transform": [np.nan] * 16}},
    ],
)
def test_poses_that_are_none_are_refused(message: dict[str, Any]) -> None:
    with pytest.raises(CalicoError, match=r"f: pose has \d+ numbers, expected 16 that are finite"):
        decode_transform(message, "pose", "f")


def test_evenly_spaced_beams_have_no_list() -> None:
    messages = [
        {
            "name": 2,
            "beam_inclination_min": -1.5,
            "beam_inclination_max": 0.5,
            "extrinsic": IDENTITY,
        }
    ]
    found = decode_lidar_calibrations(messages, "f")[2]
    assert found.inclinations is None
    assert (found.inclination_min, found.inclination_max) == (-1.5, 0.5)


def test_missing_parts_of_a_velocity_are_zero() -> None:
    messages = [{"name": 1, "pose": IDENTITY, "velocity": {"v_y": 2.0, "w_z": 0.5}}]
    found = decode_images(messages, (1,), "f")[1]
    assert found.velocity is not None
    assert found.velocity.tolist() == [0, 2, 0, 0, 0, 0.5]
    assert found.jpeg == b""


def test_a_lidar_without_the_wanted_return_is_left_out() -> None:
    image = {"range_image_compressed": deflate_matrix(np.ones((2, 3, 4), np.float32))}
    messages = [{"name": 1, "ri_return1": image}, {"name": 2}]
    assert list(decode_scans(messages, LASERS, (1, 2), "f")) == [1]
    assert decode_scans(messages, LASERS, (2,), "f") == {}
