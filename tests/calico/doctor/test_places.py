"""Data folders and caches."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from calico.doctor import places
from calico.doctor.places import find_data, list_caches, measure_cache


def test_a_data_folder_has_a_layout_and_versions(tmp_path: Path) -> None:
    (tmp_path / "v1.0-mini").mkdir()
    (tmp_path / "v1.0-test").mkdir()
    found = find_data(tmp_path)
    assert (found.layout, found.source) == ("nuscenes", "nuscenes")
    assert found.versions == ["v1.0-mini", "v1.0-test"]
    assert found.problem == ""


def test_another_layout_has_its_own_source(tmp_path: Path) -> None:
    for name in ("velodyne", "calib"):
        (tmp_path / "training" / name).mkdir(parents=True)
    found = find_data(tmp_path)
    assert (found.layout, found.source, found.problem) == ("kitti", "kitti", "")


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_a_folder_that_cannot_be_read_says_why(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    found = find_data(tmp_path / name)
    assert found.layout is None
    assert name in found.problem
    assert "\n" not in found.problem


def test_caches_are_listed_with_their_sizes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    base = tmp_path / "calico"
    (base / "sim" / "deep").mkdir(parents=True)
    (base / "sim" / "a.npz").write_bytes(b"x" * 100)
    (base / "sim" / "deep" / "b.npz").write_bytes(b"x" * 11)
    (base / "sim" / "link").symlink_to(base / "sim" / "a.npz")
    found, problems = list_caches(tmp_path / "mine" / "not made")
    by_name = {cache.name: cache for cache in found}
    assert list(by_name) == ["all caches", "sim", "data.cache_dir", "temporary"]
    for name in ("all caches", "sim"):
        assert (by_name[name].files, by_name[name].bytes) == (2, 111)
        assert by_name[name].complete
    assert not by_name["data.cache_dir"].exists
    assert by_name["data.cache_dir"].writable
    assert abs((by_name["sim"].free_bytes or 0) - shutil.disk_usage(tmp_path).free) < 2**30
    assert problems == []


def test_a_cache_that_is_a_file_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("mine")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found, problems = list_caches()
    assert not found[0].writable
    assert problems == [
        f"all caches: '{tmp_path / 'file' / 'calico'}' cannot be written; choose another folder"
    ]


def test_a_huge_cache_is_counted_in_part(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "MAX_FILES", 3)
    for number in range(5):
        (tmp_path / str(number)).write_bytes(b"12")
    found = measure_cache("many", tmp_path)
    assert (found.files, found.bytes, found.complete) == (3, 6, False)


@pytest.mark.skipif(hasattr(os, "getuid") and os.getuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert not measure_cache("mine", tmp_path / "new").writable
    tmp_path.chmod(0o700)


def test_a_cache_that_cannot_be_looked_at_is_told(tmp_path: Path) -> None:
    found = measure_cache("long", tmp_path / ("x" * 300) / "calico")
    assert (found.exists, found.files) == (False, 0)
