"""The official scene lists."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico.data.nuscenes.splits import official_scenes, split_scenes
from tests.calico.data.nuscenes.loading import complaint


def test_sizes_and_no_overlap() -> None:
    train, val, test = (set(official_scenes(name)) for name in ("train", "val", "test"))
    assert (len(train), len(val), len(test)) == (700, 150, 150)
    assert not train & val
    assert not (train | val) & test
    assert set(official_scenes("mini_train")) <= train | val
    assert set(official_scenes("mini_val")) < val


def test_train_and_val_of_a_mini_folder_are_the_mini_splits(tmp_path: Path) -> None:
    present = ("scene-0103", "scene-0553", "scene-0061", "scene-0003")
    assert split_scenes(tmp_path / "v1.0-mini", "train", present) == ("scene-0553", "scene-0061")
    assert split_scenes(tmp_path / "v1.0-mini", "val", present) == ("scene-0103",)
    assert split_scenes(tmp_path / "v1.0-trainval", "train", present) == ("scene-0061",)
    assert split_scenes(tmp_path / "v1.0-trainval", "val", present) == (
        "scene-0103",
        "scene-0553",
        "scene-0003",
    )


@pytest.mark.parametrize("split", ["train", "val", "test", "mini_train", "mini_val"])
def test_equal_to_the_devkit(split: str) -> None:
    devkit = pytest.importorskip("nuscenes.utils.splits", reason="needs nuscenes-devkit")
    assert sorted(devkit.create_splits_scenes()[split]) == list(official_scenes(split))


def test_unknown_split(tiny: Path) -> None:
    message = complaint(tiny, split="trian")
    assert message.startswith(
        f"{tiny}/v1.0-mini: unknown split 'trian'; expected one of train, val, test, mini_train"
    )
    assert "scene-0061, scene-0103" in message


def test_split_without_scenes(tiny: Path) -> None:
    assert "split 'test' has none of the 2 scenes there (scene-0061, scene-0103)" in complaint(
        tiny, split="test"
    )


@pytest.mark.parametrize("content", ["[1]", "3", '{"a": "scene-0061"}', '{"a": [1]}'])
def test_damaged_splits_file(tiny: Path, content: str) -> None:
    (tiny / "v1.0-mini" / "splits.json").write_text(content)
    assert (
        "splits.json: expected an object of split names, each with a list of scene names"
        in complaint(tiny)
    )
