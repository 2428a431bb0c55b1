from __future__ import annotations

from pathlib import Path

import pytest

from calico.data.waymo.segments import (
    BLOCK_BYTES,
    BLOCKS,
    COMPONENTS,
    detect_version,
    hash_files,
    list_files,
)
from calico.errors import CalicoError


def make_files(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")


def test_versions_are_told_apart_by_their_files(tmp_path: Path) -> None:
    make_files(
        tmp_path,
        "training/segment-a_with_camera_labels.tfrecord",
        "validation/vehicle_pose/a.parquet",
        "validation/notes.tfrecord.txt",
    )
    assert detect_version(tmp_path, "training") == "v1"
    assert detect_version(tmp_path, "validation") == "v2"


def test_both_versions_in_a_folder_ask_for_a_choice(tmp_path: Path) -> None:
    make_files(tmp_path, "training/segment-a.tfrecord", "training/lidar/a.parquet")
    with pytest.raises(CalicoError, match=r"expected one of them, or data\.waymo\.version"):
        detect_version(tmp_path, "training")


def test_folders_without_segments_are_named(tmp_path: Path) -> None:
    make_files(tmp_path, "training/readme.txt", "elsewhere/a.txt")
    with pytest.raises(CalicoError, match="has neither segment"):
        detect_version(tmp_path, "training")
    with pytest.raises(CalicoError, match="has no folder validation, got elsewhere, training"):
        detect_version(tmp_path, "validation")


def test_files_of_a_version_in_a_fixed_order(tmp_path: Path) -> None:
    names = [f"training/{name}/{segment}.parquet" for name in COMPONENTS for segment in "ab"]
    make_files(tmp_path, *reversed(names), "training/lidar_hkp/a.parquet")
    found = [str(path.relative_to(tmp_path)) for path in list_files(tmp_path, "training", "v2")]
    assert found == names
    make_files(tmp_path, "training/b.tfrecord", "training/a.tfrecord")
    assert [path.name for path in list_files(tmp_path, "training", "v1")] == [
        "a.tfrecord",
        "b.tfrecord",
    ]


def test_a_digest_notices_names_sizes_ends_and_order(tmp_path: Path) -> None:
    size = 3 * BLOCKS * BLOCK_BYTES
    content = bytes(range(256)) * (size // 256)
    file = tmp_path / "a.tfrecord"
    file.write_bytes(content)
    digests = {hash_files([file], tmp_path)}
    for changed in (b"y" + content[1:], content[:-1] + b"y", content[:-1], content + b"x"):
        file.write_bytes(changed)
        digests.add(hash_files([file], tmp_path))
    file.write_bytes(content)
    other = file.rename(tmp_path / "b.tfrecord")
    digests.add(hash_files([other], tmp_path))
    assert len(digests) == 6
    other.rename(file)
    assert hash_files([file], tmp_path) in digests


def test_small_files_are_covered_whole(tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    content = bytearray(BLOCKS * BLOCK_BYTES)
    file.write_bytes(content)
    before = hash_files([file], tmp_path)
    content[len(content) // 2 + 7] = 1
    file.write_bytes(content)
    assert hash_files([file], tmp_path) != before


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"gone\.tfrecord: no such file"):
        hash_files([tmp_path / "gone.tfrecord"], tmp_path)
