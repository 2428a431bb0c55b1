"""Corrupted copies: read back, they are the corrupted frames; killed and taken up again, they have
the same bytes."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from calico.data.nuscenes import NuScenesSource
from calico.data.nuscenes.corrupted import CopyWriter, Original
from calico.errors import CalicoError
from calico.files import to_sealed_json
from calico.frame import Frame
from calico.geometry.frames import from_yaw, invert_transform, transform_points
from corruptions import corrupt, corrupt_with, list_corruptions
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


@pytest.fixture
def rich(tiny: Path) -> Path:
    """The tiny data set with textured images and 40 points in every box, so that every corruption
    has something to do."""
    rng = np.random.default_rng(11)
    for path in sorted((tiny / "samples").rglob("*.jpg")):
        Image.fromarray(rng.integers(0, 256, (32, 64, 3)).astype(np.uint8)).save(path, quality=95)
    source = NuScenesSource(tiny, VERSION, "all", None)
    for index in range(len(source)):
        sample = source.record(index)
        clouds = [np.fromfile(tiny / sample.lidar[0].filename, "<f4").reshape(-1, 5)]
        for box in sample.boxes.boxes.astype(np.float64):
            inside = transform_points(
                from_yaw(box[6], (box[0], box[1], box[2])),
                rng.uniform(-0.4, 0.4, (40, 3)) * box[3:6],
            )
            columns = [
                -inside[:, 1],
                inside[:, 0],
                inside[:, 2],
                rng.integers(0, 256, 40),
                rng.integers(0, 32, 40),
            ]
            clouds.append(np.stack(columns, axis=1))
        np.concatenate(clouds).astype("<f4").tofile(tiny / sample.lidar[0].filename)
    return tiny


@pytest.mark.parametrize("name", [*list_corruptions(), "fog+extrinsic"])
def test_a_copy_reads_back_as_the_corrupted_frames(name: str, rich: Path, tmp_path: Path) -> None:
    before = files_of(rich)
    clean = original(rich)
    expected = [corrupt(clean.frames[index], name, 5, SEED) for index in range(4)]
    CopyWriter(clean, SEED).write(Level(name, 5), tmp_path / "copies")
    source = read(tmp_path / "copies" / f"{name}-5")
    for index, frame in enumerate(expected):
        assert_same(source[index], frame)
    assert files_of(rich) == before


@dataclass(frozen=True)
class ByHand(Level):
    """A condition whose frames are made here, so that it is known what must be read back."""

    change: Change = without_own_returns

    def apply(self, frame: Any, seed: int) -> Any:
        return self.change(frame)


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


def test_what_the_format_loses_is_counted(tiny: Path, tmp_path: Path) -> None:
    def near_and_old(frame: Frame) -> Frame:
        points = frame.points.copy()
        points[:3, :2] = 0.5
        points[5:7, 4] += 0.5
        return frame.replace(points=points)

    lost = CopyWriter(original(tiny, sweeps=1), SEED).write(
        ByHand("crosstalk", 3, change=near_and_old), tmp_path
    )
    assert lost == {"points_within_1_m_of_the_sensor": 4 * 3, "points_with_another_age": 4 * 2}
    assert (
        json.loads((tmp_path / "crosstalk-3" / "manifest.json").read_text())["not_stored"] == lost
    )


def test_a_sweep_without_returns_is_one_own_return(tiny: Path, tmp_path: Path) -> None:
    CopyWriter(original(tiny), SEED).write(Level("lidar_missing", 1), tmp_path)
    folder = tmp_path / "lidar_missing-1"
    assert (folder / "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin").read_bytes() == b""
    assert (folder / "sweeps/LIDAR_TOP/LIDAR_TOP-0-1.pcd.bin").read_bytes() == bytes(20)


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


def test_sweeps_that_no_frame_aggregates_are_left_out(tiny: Path, tmp_path: Path) -> None:
    CopyWriter(original(tiny, sweeps=1), SEED).write(Level("fog", 3), tmp_path)
    rows = json.loads((tmp_path / "fog-3" / VERSION / "sample_data.json").read_text())
    previous = {row["token"]: row["prev"] for row in rows if row["token"].startswith("LIDAR_TOP")}
    assert previous == {
        "LIDAR_TOP-0-0": "",
        "LIDAR_TOP-0-2": "LIDAR_TOP-0-0",
        "LIDAR_TOP-1-0": "",
        "LIDAR_TOP-1-2": "LIDAR_TOP-1-0",
    }
    assert not (tmp_path / "fog-3" / "sweeps").exists()


def test_a_sweep_has_the_draws_of_the_keyframe_that_follows_it(tiny: Path, tmp_path: Path) -> None:
    """With three sweeps, the second frame also aggregates the first keyframe: it comes as its own
    copy has it."""
    CopyWriter(original(tiny, sweeps=3), SEED).write(Level("point_drop", 5), tmp_path)
    clean, source = original(tiny, sweeps=3).frames, read(tmp_path / "point_drop-5", sweeps=3)
    first, second = (corrupt(clean[index], "point_drop", 5, SEED) for index in (0, 1))
    own, older = source[1].sweep_index < 2, source[1].sweep_index == 2
    np.testing.assert_allclose(
        source[1].points[own], second.points[second.sweep_index < 2], atol=3e-5
    )
    there = transform_points(clean[1].sweep_T[2], first.points[:, :3])
    np.testing.assert_allclose(source[1].points[older, :3], there, atol=3e-5)


def test_a_killed_copy_goes_on_to_the_same_bytes(tiny: Path, tmp_path: Path) -> None:
    def killed(done: int, total: int) -> None:
        if done == 2:
            raise KeyboardInterrupt

    CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        CopyWriter(original(tiny), SEED).write(
            Level("fog+extrinsic", 4), tmp_path / "cut", progress=killed
        )
    cut, whole = tmp_path / "cut" / "fog+extrinsic-4", tmp_path / "whole" / "fog+extrinsic-4"
    assert json.loads((cut / "manifest.json").read_text())["status"] == "writing"
    (cut / "samples" / "CAM_BACK" / ".CAM_BACK-1-0.png.77.tmp").write_bytes(b"half")
    (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-0.png").unlink()
    first = (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-2.png").stat().st_mtime_ns
    CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "cut")
    assert files_of(cut) == files_of(whole)
    assert (cut / "samples" / "CAM_BACK" / "CAM_BACK-0-2.png").stat().st_mtime_ns == first, (
        "a finished frame was redone"
    )
    times = {path: path.stat().st_mtime_ns for path in cut.rglob("*")}
    assert CopyWriter(original(tiny), SEED).write(Level("fog+extrinsic", 4), tmp_path / "cut") == {}
    assert times == {path: path.stat().st_mtime_ns for path in cut.rglob("*")}


def test_a_finished_copy_that_lacks_a_file_is_not_taken_for_whole(
    tiny: Path, tmp_path: Path
) -> None:
    CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    copy = tmp_path / "beam_missing-1"
    name = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
    (copy / name).write_bytes((copy / name).read_bytes()[:-20])
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert f"holds a finished copy, but {name} was changed after it was written" in message
    (copy / name).unlink()
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert f"holds a finished copy, but {name} is gone" in message
    manifest = json.loads((copy / "manifest.json").read_text())
    del manifest["files"], manifest["sha256"]
    (copy / "manifest.json").write_bytes(to_sealed_json(manifest))
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
    )
    assert "its list of files is gone" in message
    content = (copy / "manifest.json").read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 20):
        changed = (
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        (copy / "manifest.json").write_bytes(changed)
        message = error_of(
            lambda: CopyWriter(original(tiny), SEED).write(Level("beam_missing", 1), tmp_path)
        )
        assert "checksum" in message


def test_what_a_killed_copy_left_is_checked_before_it_is_taken(
    tiny: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def killed(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    condition, whole = Level("fog+extrinsic", 4), tmp_path / "whole" / "fog+extrinsic-4"
    CopyWriter(original(tiny), SEED).write(condition, tmp_path / "whole")
    with pytest.raises(KeyboardInterrupt):
        CopyWriter(original(tiny), SEED).write(condition, tmp_path / "cut", progress=killed)
    cut = tmp_path / "cut" / "fog+extrinsic-4"
    parts = sorted((cut / ".parts").iterdir())
    assert len(parts) == 3
    image = cut / "samples" / "CAM_BACK" / "CAM_BACK-0-0.png"
    content = bytearray(image.read_bytes())
    content[len(content) // 2] ^= 1  # of the same size
    image.write_bytes(content)
    parts[1].write_bytes(parts[2].read_bytes())  # another frame's, as it is
    parts[2].write_bytes(parts[2].read_bytes().replace(b"0", b"1", 1))
    CopyWriter(original(tiny), SEED).write(condition, tmp_path / "cut")
    assert files_of(cut) == files_of(whole)
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 3
    assert all(message.endswith("made again") for message in told)


def test_links_share_the_file_and_copies_do_not(tiny: Path, tmp_path: Path) -> None:
    name = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
    CopyWriter(original(tiny), SEED, link=True).write(Level("low_light", 1), tmp_path / "linked")
    CopyWriter(original(tiny), SEED).write(Level("low_light", 1), tmp_path / "copied")
    folders = [tmp_path / kind / "low_light-1" for kind in ("linked", "copied")]
    assert (folders[0] / name).samefile(tiny / name)
    assert not (folders[1] / name).samefile(tiny / name)
    hashes = [files_of(folder) for folder in folders]
    assert hashes[0] == hashes[1]
    assert not list((tmp_path / "linked").rglob("*.tmp"))


def test_a_level_of_a_suite_has_its_value_in_its_name(tiny: Path, tmp_path: Path) -> None:
    CopyWriter(original(tiny), SEED).write(Level("point_drop", 2, 0.8), tmp_path)
    source, clean = read(tmp_path / "point_drop-share_dropped=0.8"), original(tiny).frames
    assert_same(source[0], corrupt_with(clean[0], "point_drop", 0.8, SEED))
    manifest = json.loads((tmp_path / "point_drop-share_dropped=0.8" / "manifest.json").read_text())
    assert (manifest["severity"], manifest["parameters"]) == (None, {"share_dropped": 0.8})


def error_of(action: Callable[[], Any]) -> str:
    with pytest.raises(CalicoError) as error:
        action()
    return str(error.value)


def test_folders_that_are_refused(tiny: Path, tmp_path: Path) -> None:
    write = CopyWriter(original(tiny), SEED).write
    (tmp_path / "mine" / "fog-3").mkdir(parents=True)
    (tmp_path / "mine" / "fog-3" / "thesis.txt").write_text("mine")
    assert "holds thesis.txt and no manifest.json" in error_of(
        lambda: write(Level("fog", 3), tmp_path / "mine")
    )
    (tmp_path / "file-1").write_text("mine")
    (tmp_path / "fog-1").write_text("mine")
    assert "fog-1: is a file" in error_of(lambda: write(Level("fog", 1), tmp_path))
    assert "overlaps with the data set" in error_of(lambda: write(Level("fog", 3), tiny / "copies"))
    write(Level("beam_missing", 1), tmp_path)
    other = CopyWriter(original(tiny), SEED + 1).write
    message = error_of(lambda: other(Level("beam_missing", 1), tmp_path))
    assert "holds another copy: seed is 5 there and 6 now" in message
    (tmp_path / "beam_missing-1" / "manifest.json").write_text("{")
    assert "manifest.json: carries no checksum" in error_of(
        lambda: write(Level("beam_missing", 1), tmp_path)
    )
    assert "severity is 0, expected 1 to 5" in error_of(lambda: write(Level("fog", 0), tmp_path))


def test_a_copy_that_is_the_original_is_refused(tiny: Path, tmp_path: Path) -> None:
    nothing = ByHand("fog", 3, change=lambda frame: frame)
    message = error_of(lambda: CopyWriter(original(tiny), SEED).write(nothing, tmp_path))
    assert (
        "fog-3: fog: changed camera in 0 of 4 frames, lidar in 0 of 4 frames; expected a change"
        in message
    )
    assert json.loads((tmp_path / "fog-3" / "manifest.json").read_text())["status"] == "writing"


def test_no_file_outside_the_data_set_is_taken(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_text("secret")
    (tiny / VERSION / "map.json").write_text(
        json.dumps([{"token": "m", "filename": "../secret.png"}])
    )
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("fog", 3), tmp_path / "copies")
    )
    assert message.startswith(
        f"{tiny / VERSION / 'map.json'}: row with token 'm' has filename '../secret.png'"
    )


def test_a_copy_of_one_split_lists_its_own_scenes_only(tiny: Path, tmp_path: Path) -> None:
    splits = {
        "train": ["scene-0061"],
        "val": ["scene-0103"],
        "both": ["scene-0103", "scene-0061"],
        "later": ["scene-9"],
    }
    (tiny / VERSION / "splits.json").write_text(json.dumps(splits))
    source = NuScenesSource(tiny, VERSION, "val", None, sweeps=2)
    CopyWriter(Original(source, source, tiny, VERSION, 2), SEED).write(
        Level("fog", 3), tmp_path / "copies"
    )
    copy = tmp_path / "copies" / "fog-3" / VERSION
    assert json.loads((copy / "splits.json").read_text()) == {
        "val": ["scene-0103"],
        "both": ["scene-0103"],
    }
    assert [row["name"] for row in json.loads((copy / "scene.json").read_text())] == ["scene-0103"]


def test_a_link_out_of_the_data_set_is_not_copied(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.png").write_text("secret")
    (tiny / "maps" / "picture.png").symlink_to(tmp_path / "secret.png")
    (tiny / VERSION / "map.json").write_text(
        json.dumps([{"token": "m", "filename": "maps/picture.png"}])
    )
    message = error_of(
        lambda: CopyWriter(original(tiny), SEED).write(Level("fog", 3), tmp_path / "copies")
    )
    assert f"leads to {tmp_path / 'secret.png'}, outside the data set's folder" in message


@pytest.mark.parametrize(
    "rows", [{"token": "m"}, [3], [{"token": "m", "filename": 3}], [{"filename": "a"}]]
)
def test_a_map_table_of_another_shape_is_refused(tiny: Path, tmp_path: Path, rows: object) -> None:
    (tiny / VERSION / "map.json").write_text(json.dumps(rows))
    assert error_of(lambda: CopyWriter(original(tiny), SEED)).startswith(
        f"{tiny / VERSION / 'map.json'}: "
    )
