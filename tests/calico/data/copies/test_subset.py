"""The rows and files of a copy."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from calico.data.copies.corrupted import CopyWriter, Original
from calico.data.nuscenes import NuScenesSource
from corruptions.preset import Level
from tests.calico.data.copies.helpers import SEED, VERSION, error_of, original


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
