"""Changes of a frame become files and rows."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.data.copies.corrupted import CopyWriter
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.frames import from_yaw, invert_transform, transform_points
from corruptions.preset import Level
from tests.calico.data.copies.helpers import (
    SEED,
    VERSION,
    ByHand,
    Change,
    assert_same,
    files_of,
    original,
    read,
)


def moved_boxes(frame: Frame) -> Frame:
    """Every first box is shifted, grown and turned."""
    boxes = frame.boxes.boxes.copy()
    boxes[:1] += np.array([0.5, -0.25, 0.1, 0.3, 0.2, 0.1, 0.4, 0, 0], np.float32)
    counts = frame.boxes.num_points.copy()
    counts[:1] += 3
    return frame.replace(boxes=replace(frame.boxes, boxes=boxes, num_points=counts))


def other_calibration(frame: Frame) -> Frame:
    """Every camera is turned and has another focal length; the third one is 40 ms late."""
    late = np.where(np.arange(6) == 2, 0.04, 0.0)
    return frame.replace(
        camera_K=frame.camera_K * np.array([[1.1], [0.9], [1.0]]),
        camera_T_lidar=from_yaw(0.1, (0.2, 0.0, 0.1)) @ frame.camera_T_lidar,
        camera_time_s=frame.camera_time_s - late,
    )


def other_poses(frame: Frame) -> Frame:
    """The older sweep is misplaced, and so is its pose."""
    error = np.stack([np.eye(4), from_yaw(0.02, (0.1, -0.05, 0.0))])[: len(frame.sweep_T)]
    points = frame.points.copy()
    older = frame.sweep_index == 1
    if older.any():
        change = frame.sweep_T[1] @ error[1] @ invert_transform(frame.sweep_T[1])
        points[older, :3] = transform_points(change, points[older, :3])
    return frame.replace(points=points, sweep_T=frame.sweep_T @ error)


def no_older_points(frame: Frame) -> Frame:
    keep = frame.sweep_index == 0
    return frame.replace(
        points=frame.points[keep], ring=frame.ring[keep], sweep_index=frame.sweep_index[keep]
    )


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("object_shear", moved_boxes),
        ("extrinsic", other_calibration),
        ("pose_error", other_poses),
        ("sweep_dropout", no_older_points),
    ],
)
def test_what_each_kind_of_change_leaves_is_read_back(
    name: str, change: Change, tiny: Path, tmp_path: Path
) -> None:
    def with_fewer_points(frame: Frame) -> Frame:
        """All of these must touch the sensor data, too, or the effect check stops them."""
        frame = change(frame)
        keep = np.arange(len(frame.points)) != 3
        return frame.replace(
            points=frame.points[keep], ring=frame.ring[keep], sweep_index=frame.sweep_index[keep]
        )

    clean = original(tiny).frames
    CopyWriter(original(tiny), SEED).write(ByHand(name, 3, change=with_fewer_points), tmp_path)
    source = read(tmp_path / f"{name}-3")
    for index in range(4):
        assert_same(source[index], with_fewer_points(clean[index]))


def test_other_annotations_keep_their_digits(rich: Path, tmp_path: Path) -> None:
    CopyWriter(original(rich), SEED).write(Level("object_shear", 3), tmp_path)
    rows = [
        {
            row["token"]: row
            for row in json.loads((root / VERSION / "sample_annotation.json").read_text())
        }
        for root in (rich, tmp_path / "object_shear-3")
    ]
    differing = {token for token in rows[0] if rows[0][token] != rows[1][token]}
    assert differing == {
        f"box-{scene}-{box}" for scene in (0, 1) for box in ("0-0", "0-2", "1-0")
    }, "not the animals"


@pytest.mark.parametrize(
    ("change", "what"),
    [
        (lambda frame: frame.replace(global_T_lidar=from_yaw(0.1)), "the LiDAR's own pose"),
        (lambda frame: frame.replace(ego_T_lidar=from_yaw(0.1)), "the LiDAR's own pose"),
        (lambda frame: frame.replace(timestamp_s=3.0), "token, scene or time of the frame"),
        (
            lambda frame: frame.replace(boxes=frame.boxes.select(np.zeros(0, np.int64))),
            "which objects there are",
        ),
        (
            lambda frame: frame.replace(sweep_index=frame.sweep_index + np.int16(2)),
            "the number of LiDAR sweeps",
        ),
    ],
)
def test_changes_without_a_place_are_refused(
    change: Change, what: str, tiny: Path, tmp_path: Path
) -> None:
    with pytest.raises(
        CalicoError,
        match=rf"frame sample-0-0: the corruption changed {what}, which a copy in nuScenes'",
    ):
        CopyWriter(original(tiny), SEED).write(ByHand("fog", 3, change=change), tmp_path)


def test_only_what_differs_is_written_anew(tiny: Path, tmp_path: Path) -> None:
    (tiny / "maps" / "picture.png").write_bytes(b"map")
    (tiny / VERSION / "map.json").write_text(
        json.dumps([{"token": "m", "filename": "maps/picture.png"}])
    )
    CopyWriter(original(tiny), SEED, command="calico corrupt").write(
        Level("camera_crash", 2), tmp_path
    )
    folder = tmp_path / "camera_crash-2"
    manifest = json.loads((folder / "manifest.json").read_text())
    hashes = files_of(folder)
    del hashes["manifest.json"]
    assert {name: entry["sha256"] for name, entry in manifest["files"].items()} == hashes
    black = {name for name, entry in manifest["files"].items() if entry["from"] == "corruption"}
    assert len(black) == 2 * 4
    assert all(name.endswith(".png") for name in black)
    clean = files_of(tiny)
    for name, entry in manifest["files"].items():
        if entry["from"] == "source":
            assert hashes[name] == clean[name]
    assert {"maps/picture.png", "maps/expansion/boston-seaport.json"} < set(hashes)
    assert (manifest["condition"], manifest["seed"], manifest["status"]) == (
        "camera_crash-2",
        SEED,
        "complete",
    )
    assert (manifest["command"], manifest["parameters"]) == ("calico corrupt", {"cameras_off": 2})
    assert manifest["source_sha256"] == original(tiny).frames.content_hash()
    assert manifest["effect"]["cameras_black"] == 2
