"""`check_data` and `open_source` on the tiny data set, whole and damaged."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from calico.config.data import DataConfig
from calico.config.model import GridConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.open import open_source
from calico.errors import CalicoError

Edit = Callable[[str, Callable[[list[dict]], object]], None]


def config(root: Path, **settings: object) -> Config:
    return Config(data=DataConfig(source="nuscenes", root=root, **settings))  # type: ignore[arg-type]


def test_whole(tiny: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check_data(config(tiny, sweeps=2), progress=lambda done, total: calls.append((done, total)))
    assert report.ok
    assert calls[0] == (1, 30)
    assert calls[-1] == (30, 30)  # 2 splits x (2 + 1 sweeps + 2 x 6 images)
    facts = dict(report.facts)
    assert facts["sample_data.json"] == "30 rows"
    assert facts["train"] == "'train': 1 scenes, 2 keyframes"
    assert facts["train objects"] == "car 2, pedestrian 1; 0 of them without points"
    assert facts["map boston-seaport"].startswith("drivable_area 1, ped_crossing 0")
    assert facts["files"].startswith("30 of 30 whole, 384 points, ")
    assert report.notes == [f"{s}: 1 keyframes with fewer than 2 sweeps (scenes begin there)" for s in ("train", "val")]
    assert report.lines()[-1] == "all there"


def test_every_damaged_file_is_listed(tiny: Path, edit: Edit) -> None:
    cloud, image = (
        tiny / "samples" / name for name in ("LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin", "CAM_BACK/CAM_BACK-1-2.jpg")
    )
    cloud.write_bytes(cloud.read_bytes()[:-1])
    image.unlink()
    (tiny / "maps" / "expansion" / "boston-seaport.json").unlink()
    edit("sample_data", lambda rows: rows.remove(next(row for row in rows if row["token"] == "CAM_FRONT-0-2")))
    report = check_data(config(tiny))
    assert not report.ok
    assert [problem.split(": ")[1].split(";")[0] for problem in report.problems] == [
        "sample sample-0-2 has no keyframe of CAM_FRONT",
        "truncated point cloud",
        "image missing",
    ]
    assert any(note.startswith("no map expansion") for note in report.notes)
    assert report.lines()[-1] == "3 problems"


def test_empty_frames_are_notes(tiny: Path, edit: Edit) -> None:
    (tiny / "samples" / "LIDAR_TOP" / "LIDAR_TOP-0-0.pcd.bin").write_bytes(b"")
    edit("sample_annotation", lambda rows: rows.clear())
    report = check_data(config(tiny))
    assert report.ok
    assert report.notes == [
        "train: 2 keyframes without objects",
        "val: 2 keyframes without objects",
        "1 keyframes without a single LiDAR point",
    ]


def test_a_long_list_is_cut_in_print_only(tiny: Path) -> None:
    for path in (tiny / "samples").glob("CAM_*/*.jpg"):
        path.unlink()
    report = check_data(config(tiny))
    assert len(report.problems) == 24
    assert report.lines()[-2:] == ["... and 4 more problems", "24 problems"]


def test_missing_tables_are_all_named(tiny: Path) -> None:
    for name in ("log", "sensor"):
        (tiny / "v1.0-mini" / f"{name}.json").unlink()
    problems = check_data(config(tiny)).problems
    assert [problem.split(": ")[0] for problem in problems] == [
        f"{tiny}/v1.0-mini/sensor.json",
        f"{tiny}/v1.0-mini/log.json",
    ]


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"root": None}, "data.root: not set; data.source 'nuscenes' needs the folder of the data set: --data-root"),
        ({"root": "/nowhere"}, "data.root: '/nowhere' is not a folder; expected the folder of the data set"),
    ],
)
def test_no_root(settings: dict[str, object], expected: str) -> None:
    bad = Config(data=DataConfig(source="nuscenes", **settings))  # type: ignore[arg-type]
    assert check_data(bad).problems == [expected]
    with pytest.raises(CalicoError, match="the folder of the data set"):
        open_source(bad, "train")


def test_waymo_says_that_it_has_no_reader(tmp_path: Path) -> None:
    bad = Config(data=DataConfig(source="waymo", root=tmp_path))
    assert check_data(bad).problems[0].startswith("data.source: 'waymo' has no reader in this version")


def test_open_source_follows_the_configuration(tiny: Path) -> None:
    grid = GridConfig(map_x_range_m=(-8, 8), map_y_range_m=(-4, 4), map_cell_m=1.0)
    both = Config(data=DataConfig(source="nuscenes", root=tiny, cameras=("CAM_BACK",), sweeps=2), grid=grid)
    train, val = open_source(both, "train"), open_source(both, "val")
    assert train.info(0).scene == "scene-0061"
    assert val.info(0).scene == "scene-0103"
    frame = val[1]
    assert len(frame.images) == 1
    assert len(frame.sweep_T) == 2
    assert frame.map_masks is not None
    assert frame.map_masks.shape == (6, 8, 16)
