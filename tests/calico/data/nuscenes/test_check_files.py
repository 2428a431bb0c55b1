"""The check of the sensor files."""

from __future__ import annotations

from pathlib import Path

from calico.data.check import check_data
from tests.calico.data.nuscenes.loading import Edit, config


def test_every_damaged_file_is_listed(tiny: Path, edit: Edit) -> None:
    cloud, image = (
        tiny / "samples" / name
        for name in ("LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin", "CAM_BACK/CAM_BACK-1-2.jpg")
    )
    cloud.write_bytes(cloud.read_bytes()[:-1])
    image.unlink()
    (tiny / "maps" / "expansion" / "boston-seaport.json").unlink()
    edit(
        "sample_data",
        lambda rows: rows.remove(next(row for row in rows if row["token"] == "CAM_FRONT-0-2")),
    )
    report = check_data(config(tiny))
    assert not report.ok
    assert [problem.split(": ")[1].split(";")[0] for problem in report.problems] == [
        "sample sample-0-2 has no keyframe of CAM_FRONT",
        "truncated point cloud",
        "missing",
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
