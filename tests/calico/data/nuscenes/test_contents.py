"""The digest of a split's sensor files: what it covers where they are few, and where they are
many."""

import os
from pathlib import Path

import pytest

from calico.data.nuscenes import NuScenesSource, contents
from calico.data.nuscenes.contents import BLOCK_BYTES, hash_contents
from calico.errors import CalicoError

SIZE = 5 * BLOCK_BYTES


@pytest.fixture
def paths(tmp_path: Path) -> dict[str, Path]:
    """Forty files of one size."""
    files = {f"token{k:02d}": tmp_path / f"{k}.bin" for k in range(40)}
    for k, path in enumerate(files.values()):
        path.write_bytes(bytes([k]) * SIZE)
    return files


def flip(path: Path, place: int) -> None:
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)


def test_every_byte_of_few_files_counts(paths: dict[str, Path]) -> None:
    found = {hash_contents(paths)}
    for token, place in (("token00", 0), ("token07", SIZE // 2), ("token39", SIZE - 1)):
        flip(paths[token], place)
        found.add(hash_contents(paths))
    assert len(found) == 4


def test_of_many_files_ends_sizes_and_a_sample_count(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contents, "WHOLE_BYTES", 10 * SIZE)
    monkeypatch.setattr(contents, "WHOLE_FILES", 4)
    before = hash_contents(paths)
    for token, place, noticed in (
        ("token05", 0, True),
        ("token05", BLOCK_BYTES - 1, True),
        ("token05", SIZE - 1, True),
        ("token05", SIZE // 2, False),  # the middle of a file outside the sample: what the docs say
        ("token10", SIZE // 2, True),  # in the sample
    ):
        flip(paths[token], place)
        assert (hash_contents(paths) != before) == noticed
        flip(paths[token], place)
        assert hash_contents(paths) == before
    paths["token05"].write_bytes(paths["token05"].read_bytes() + b"x")
    assert hash_contents(paths) != before


def test_exchanged_files_of_one_size_are_noticed(
    paths: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = hash_contents(paths)
    paths["token03"], paths["token04"] = paths["token04"], paths["token03"]
    assert hash_contents(paths) != before
    monkeypatch.setattr(contents, "WHOLE_BYTES", 0)
    exchanged = hash_contents(paths)
    paths["token03"], paths["token04"] = paths["token04"], paths["token03"]
    assert hash_contents(paths) != exchanged


def test_a_missing_file_and_a_pipe_are_named(paths: dict[str, Path]) -> None:
    paths["token01"].unlink()
    with pytest.raises(CalicoError, match=r"1\.bin \(sample_data token01\): missing"):
        hash_contents(paths)
    os.mkfifo(paths["token01"])
    with pytest.raises(CalicoError, match=r"1\.bin \(sample_data token01\): is no regular file"):
        hash_contents(paths)


def test_a_cloud_exchanged_for_one_of_the_same_size_changes_the_datas_hash(tiny: Path) -> None:
    def digest() -> str:
        return NuScenesSource(tiny, "v1.0-mini", "train", None).content_hash()

    before = digest()
    cloud = tiny / "samples" / "LIDAR_TOP" / "LIDAR_TOP-0-0.pcd.bin"
    content = cloud.read_bytes()
    cloud.write_bytes(content[20:] + content[:20])
    assert digest() != before
    cloud.write_bytes(content)
    assert digest() == before
