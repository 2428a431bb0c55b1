"""Keyframes from rows: what they need, and older sweeps."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from tests.calico.data.nuscenes.loading import GRID, Edit, complaint, complaint_of_scene


def test_a_keyframe_without_boxes_is_a_frame(tiny: Path, edit: Edit) -> None:
    edit("sample_annotation", lambda rows: rows.clear())
    frame = NuScenesSource(tiny, "v1.0-mini", "train", GRID)[0]
    assert frame.boxes.boxes.shape == (0, 9)
    assert frame.boxes.boxes.dtype == np.float32
    assert frame.boxes.labels.dtype == np.int64


def test_missing_camera(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: rows.remove(next(row for row in rows if row["token"] == "CAM_BACK-0-2")),
    )
    assert complaint(tiny) == (
        f"{tiny}/v1.0-mini/sample_data.json: sample sample-0-2 has no keyframe of CAM_BACK; it has "
        "CAM_BACK_LEFT, "
        "CAM_BACK_RIGHT, CAM_FRONT, CAM_FRONT_LEFT, CAM_FRONT_RIGHT, LIDAR_TOP. Set data.cameras "
        "to the cameras that are there."
    )


def test_unknown_older_sweep(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(prev="gone") for row in rows if row["token"] == "LIDAR_TOP-0-2"],
    )
    assert complaint(tiny, sweeps=2).endswith(
        "'gone', to which sample_data LIDAR_TOP-0-2 (prev) refers"
    )


@pytest.mark.parametrize(
    "name", ["/etc/passwd", "../secret.bin", "samples/../../secret.bin", "C:/x.bin", "a\\b.bin", ""]
)
def test_files_stay_inside_the_data_set(tiny: Path, edit: Edit, name: str) -> None:
    edit("sample_data", lambda rows: rows[0].update(filename=name))
    assert complaint(tiny) == (
        f"{tiny}/v1.0-mini/sample_data.json: row with token 'LIDAR_TOP-0-0' has filename '{name}', "
        "expected a path inside "
        "the data set's folder"
    )


Rows = list[dict]


@pytest.mark.parametrize(
    ("prev", "expected"),
    [
        ("LIDAR_TOP-0-2", "is not older (1500000000500000 us, after 1500000000500000 us)"),
        ("LIDAR_TOP-1-1", "is not older"),
        ("CAM_BACK-0-0", "is a file of CAM_BACK"),
    ],
)
def test_older_sweeps_lead_back_in_time(tiny: Path, edit: Edit, prev: str, expected: str) -> None:
    edit(
        "sample_data",
        lambda rows: [row.update(prev=prev) for row in rows if row["token"] == "LIDAR_TOP-0-2"],
    )
    message = complaint_of_scene(tiny)
    assert f"sample_data.json: prev of row 'LIDAR_TOP-0-2' is '{prev}', which {expected}" in message


@pytest.mark.parametrize("time", [0, -(10**398), 1_499_999_989_999_999])
def test_an_older_sweep_is_not_much_older(tiny: Path, edit: Edit, time: int) -> None:
    edit(
        "sample_data",
        lambda rows: [
            row.update(timestamp=time) for row in rows if row["token"] == "LIDAR_TOP-0-1"
        ],
    )
    assert "is 'LIDAR_TOP-0-1', which is more than 10 s older" in complaint_of_scene(tiny)


def test_sweeps_of_another_scene_are_refused(tiny: Path, edit: Edit) -> None:
    edit(
        "sample_data",
        lambda rows: [
            row.update(prev="LIDAR_TOP-0-2") for row in rows if row["token"] == "LIDAR_TOP-1-0"
        ],
    )
    with pytest.raises(
        CalicoError,
        match=r"prev of row 'LIDAR_TOP-1-0' is 'LIDAR_TOP-0-2', which is of another scene",
    ):
        NuScenesSource(tiny, "v1.0-mini", "val", None, sweeps=2)
