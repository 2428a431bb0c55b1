"""Scenes in memory and in the index give the same answers."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.data.nuscenes.index import IndexSettings, open_scenes
from calico.data.nuscenes.index_scenes import SceneIndex
from calico.data.nuscenes.scenes import LoadedScenes
from calico.data.nuscenes.tables import Tables
from calico.taxonomy import CAMERAS, NUSCENES

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_both_stores_agree(tiny: Path, tmp_path: Path) -> None:
    def settings(smallest: int) -> IndexSettings:
        return IndexSettings(CAMERAS, 2, NUSCENES, 1, tmp_path / "cache", smallest)

    loaded = open_scenes(Tables(tiny, "v1.0-mini"), settings(1 << 60))
    found = open_scenes(Tables(tiny, "v1.0-mini"), settings(0))
    assert isinstance(loaded, LoadedScenes)
    assert isinstance(found, SceneIndex)
    assert loaded.scene_names() == found.scene_names() == ("scene-0061", "scene-0103")
    for names in (("scene-0103",), ("scene-0103", "scene-0061")):
        for one, other in zip(loaded.scenes(names), found.scenes(names), strict=True):
            assert len(one) == len(other) == 2
            assert one.location == other.location == "boston-seaport"
            assert one.image_sizes() == other.image_sizes() == {(32, 64)}
            for position in (0, 1, -1):
                assert repr(one[position]) == repr(other[position])
                assert repr(one.boxes(position)) == repr(other.boxes(position))
            for scene in (one, other):
                with pytest.raises(IndexError):
                    scene[2]
