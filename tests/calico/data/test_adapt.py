"""The folder of the data decides the source, and what nobody asked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.config.load import load_config
from calico.data.adapt import resolve_config
from calico.data.folder import write_folder
from calico.errors import CalicoError
from calico.taxonomy import CAMERAS
from tests.hand_made import HandMade


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_folder({"val": HandMade(2)}, tmp_path / "data")
    text = "taxonomy: {name: fleet, classes: [car, pedestrian], map_classes: [walkway]}\n"
    (tmp_path / "data" / "taxonomy.yaml").write_text(text)
    return tmp_path / "data"


def test_a_preset_follows_the_data(root: Path) -> None:
    config = resolve_config("tiny", flags={"data.root": root})
    assert config.data.source == "folder"
    assert config.data.cameras == ("front",)
    assert config.taxonomy.name == "fleet"
    assert config.model.detection is not None
    assert config.model.detection.tasks == (("car",), ("pedestrian",))
    assert config.model.map is not None
    assert config.model.map.classes == ("walkway",)


def test_what_is_asked_for_stays(root: Path) -> None:
    asked = ("taxonomy=waymo", "data.cameras=[nose]")
    config = resolve_config("tiny", None, asked, {"data.root": root})
    assert config.taxonomy.name == "waymo"
    assert config.data.cameras == ("nose",)
    explicit = resolve_config("tiny", None, ("data.source=nuscenes",), {"data.root": root})
    assert explicit.data.source == "nuscenes"
    assert explicit.data.cameras == CAMERAS


def test_a_model_keeps_its_classes(root: Path) -> None:
    config = resolve_config(load_config("tiny"), flags={"data.root": root})
    assert config.data.source == "folder"
    assert config.taxonomy.name == "nuscenes"
    assert config.data.cameras == ("front",)


def test_without_a_folder_nothing_changes(tmp_path: Path) -> None:
    assert resolve_config("tiny") == load_config("tiny")
    with pytest.raises(CalicoError, match="is not a folder"):
        resolve_config("tiny", flags={"data.root": tmp_path / "none"})
    missing = resolve_config("nuscenes", flags={"data.root": tmp_path / "none"})
    assert missing.data.source == "nuscenes"  # its reader says what it misses
