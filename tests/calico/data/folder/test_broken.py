"""Folders with mistakes, and hostile ones: one clear message for each, before much is read."""

from __future__ import annotations

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.config.data import DataConfig
from calico.config.model import GridConfig
from calico.config.schema import Config
from calico.data.check import check_data
from calico.data.folder import FolderSource
from calico.errors import CalicoError
from tests.calico.data.folder.conftest import CAMERAS, GRID

Change = Callable[[list[dict[str, Any]]], Any]


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def edit(folder: Path, table: str, change: Change) -> None:
    """Change the rows of a table."""
    path = folder / f"{table}.parquet"
    rows = pq.read_table(path).to_pylist()
    changed = change(rows)
    pq.write_table(pa.Table.from_pylist(rows if changed is None else changed), path)


def put(column: str, value: Any) -> Change:
    return lambda rows: rows[0].update({column: value})


def load_all(folder: Path) -> None:
    source = FolderSource(folder, "all", GRID, CAMERAS, sweeps=2)
    for index in range(len(source)):
        source[index]


@pytest.mark.parametrize(
    ("table", "change", "message"),
    [
        ("frames", put("token", ""), "a token is empty"),
        ("frames", lambda rows: rows[1].update(token=rows[0]["token"]), "two rows with token"),
        ("frames", put("timestamp_s", 1.6e15), "divide microseconds by 1e6"),
        ("frames", put("timestamp_s", None), "column timestamp_s has 1 nulls"),
        (
            "frames",
            lambda rows: rows[1].update(timestamp_s=rows[0]["timestamp_s"]),
            "has two frames at",
        ),
        ("frames", put("split", "elsewhere"), "is in the splits"),
        ("frames", put("global_T_ego", None), "1 frames have no global_T_ego"),
        ("frames", put("global_T_ego", [1.0] * 16), "is no rotation and translation"),
        ("frames", put("global_T_ego", [0.0, 0, 0, 2, 0, 0, 0]), "has length 2"),
        ("frames", put("calibration", "../../secret.json"), "expected a path inside"),
        ("frames", put("calibration", "/etc/passwd"), "expected a path inside"),
        ("frames", put("map", "maps/none.npz"), "no such file"),
        (
            "frames",
            lambda rows: [{**row, "tokn": ""} for row in rows],
            r"^table \S+: unknown column .*did you mean token",
        ),
        (
            "frames",
            lambda rows: [{"token": "a", "scene": "b"}],
            r"^table \S+: column timestamp_s is missing; it has token, scene$",
        ),
        ("sweeps", put("path", "../secret.npz"), "expected a path inside"),
        ("sweeps", put("path", "points/none.npz"), "no such file"),
        ("sweeps", put("path", "frames.parquet"), "expected .npz or .bin"),
        ("sweeps", put("token", "nobody"), "belongs to frame 'nobody'"),
        ("sweeps", put("lidar", "roof"), "has no LiDAR 'roof'"),
        ("sweeps", put("sweep", -1), "expected a number from 0"),
        ("sweeps", put("age_s", float("nan")), "an age within"),
        ("sweeps", lambda rows: [*rows, rows[0]], "two rows with token"),
        ("sweeps", lambda rows: [{**row, "global_T_ego": None} for row in rows], "no global_T_ego"),
        ("images", put("path", "images/none.png"), "no such file"),
        ("images", lambda rows: rows[1:], "has no image of camera"),
        ("images", put("camera", "NOSE"), "has no image of camera"),
        ("boxes", put("length", 0.0), "expected above 0 and at most 1000 m"),
        ("boxes", put("x", float("inf")), "expected finite numbers"),
        (
            "boxes",
            lambda rows: [{**row, "yaw": "north"} for row in rows],
            "column yaw is of type string, expected numbers",
        ),
        ("boxes", put("num_points", -7), "has num_points -7"),
        ("boxes", put("category", "c\x00r"), "printable characters"),
    ],
)
def test_a_broken_table_is_said(folder: Path, table: str, change: Change, message: str) -> None:
    edit(folder, table, change)
    with pytest.raises(CalicoError, match=message):
        load_all(folder)


def first_point_file(folder: Path) -> Path:
    return sorted((folder / "points").rglob("*.npz"))[0]


def with_arrays(**changes: Any) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = first_point_file(folder)
        with np.load(path) as stored:
            arrays = {name: stored[name] for name in stored.files}
        for name, make in changes.items():
            arrays[name] = make(arrays["xyz"])
        np.savez(path, **arrays)

    return change


def bomb(folder: Path) -> None:
    """A header that promises terabytes."""
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(
        stream, {"descr": "<f4", "fortran_order": False, "shape": (1 << 40, 3)}
    )
    with zipfile.ZipFile(first_point_file(folder), "w") as archive:
        archive.writestr("xyz.npy", stream.getvalue())


def pickled(folder: Path) -> None:
    np.savez(first_point_file(folder), xyz=np.array([[object()]], dtype=object))


def set_nan(xyz: np.ndarray) -> np.ndarray:
    changed = xyz.copy()
    changed[5, 1] = np.nan
    return changed


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (with_arrays(xyz=set_nan), r"xyz of 1 of \d+ points is NaN or infinite \(first: point 5\)"),
        (with_arrays(xyz=lambda xyz: xyz * 1e6), "m away"),
        (with_arrays(xyz=lambda xyz: xyz[:, :2]), r"an array xyz of shape \(N, 3\)"),
        (with_arrays(xyz=lambda xyz: xyz[0]), "expected 2 dimensions"),
        (with_arrays(intensity=lambda xyz: np.full(len(xyz), 200.0)), "set intensity_scale"),
        (with_arrays(intensity=lambda xyz: np.zeros(3)), "intensity has 3 values"),
        (with_arrays(ring=lambda xyz: np.full(len(xyz), 1.5)), "expected whole numbers"),
        (with_arrays(rings=lambda xyz: np.zeros(3)), "has the array 'rings'"),
        (bomb, "at most 1073741824 bytes"),
        (pickled, "an array of object"),
        (lambda folder: first_point_file(folder).write_bytes(b"PK\x03\x04"), "no readable .npz"),
    ],
)
def test_a_broken_point_file_is_said(
    folder: Path, change: Callable[[Path], None], message: str
) -> None:
    change(folder)
    with pytest.raises(CalicoError, match=message):
        load_all(folder)


def edit_json(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    for path in (folder / "calibration").iterdir():
        content = json.loads(path.read_text())
        change(content)
        path.write_text(json.dumps(content))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda rig: rig["cameras"][0].update(K=[[1, 0], [0, 1]]), "CAM_FRONT: K is .* 3 x 3"),
        (lambda rig: rig["cameras"][0]["K"][0].__setitem__(0, -4), "fx and fy above 0"),
        (lambda rig: rig["cameras"][0].update(width=0), "width is 0"),
        (lambda rig: rig["cameras"][0].update(width=47), "image of 48 x 24 px, expected 47 x 24"),
        (lambda rig: rig["cameras"][0].update(distortion=[]), "unknown key 'distortion'"),
        (lambda rig: rig["cameras"][0].update(name="CAM_BACK"), "is there twice"),
        (lambda rig: rig["lidars"][0].pop("ego_T_sensor"), "ego_T_sensor is None"),
        (lambda rig: rig["lidars"][0].update(points_in="world"), "sensor, ego or lidar"),
        (lambda rig: rig["lidars"][0].update(bin_columns=["x", "y"]), "bin_columns are"),
        (lambda rig: rig["lidars"][0].update(beams=4), r"ring \d+, expected below the 4 beams"),
        (lambda rig: rig.update(lidars=[], ego_T_lidar=[1]), "expected a pose"),
        (lambda rig: rig.pop("ego_T_lidar") and rig.update(lidars=[]), "lidars is empty"),
    ],
)
def test_a_broken_calibration_is_said(
    folder: Path, change: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit_json(folder, change)
    with pytest.raises(CalicoError, match=message):
        load_all(folder)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"layout": "other"}, "'layout' of value"),
        ({"layout": "calico-folder", "version": 2}, "version is 2"),
        ({"layout": "calico-folder", "version": 1, "boxes_in": "camera"}, "boxes_in is"),
        ({"layout": "calico-folder", "version": 1, "extra": 1}, "unknown key 'extra'"),
        ({"layout": "calico-folder", "version": 1, "map": {"grid": {}}}, "grid has to have"),
    ],
)
def test_a_broken_description_is_said(folder: Path, content: Any, message: str) -> None:
    (folder / "dataset.json").write_text(json.dumps(content))
    with pytest.raises(CalicoError, match=message):
        load_all(folder)


def test_a_link_out_of_the_folder_is_not_followed(folder: Path, tmp_path: Path) -> None:
    path = first_point_file(folder)
    outside = tmp_path / "outside.npz"
    path.rename(outside)
    path.symlink_to(outside)
    with pytest.raises(CalicoError, match=r"leads to .* outside the data set's folder"):
        load_all(folder)
    assert len(FolderSource(folder, "all", GRID, CAMERAS, follow_links=True)[0].points)


def config_of(folder: Path) -> Config:
    data = DataConfig(source="folder", root=folder, cameras=CAMERAS, sweeps=2)
    grid = GridConfig(map_x_range_m=(-16, 16), map_y_range_m=(-16, 16), map_cell_m=0.5)
    return Config(data=data, grid=grid)


def test_the_check_finds_every_problem_of_a_split(folder: Path) -> None:
    assert check_data(config_of(folder)).ok
    for path in sorted((folder / "points").rglob("*-000-00?.npz")):
        path.unlink()  # the own sweep of two frames of each split's first scene
    sorted((folder / "images" / "CAM_BACK").iterdir())[-1].write_bytes(b"no picture")
    report = check_data(config_of(folder))
    assert len(report.problems) == 5
    assert any("no JPEG or PNG" in problem for problem in report.problems)


def test_the_check_sees_boxes_in_another_frame(folder: Path) -> None:
    """Boxes that were turned by 90 degrees hold none of the points that were counted."""

    def turn(rows: list[dict[str, Any]]) -> None:
        for row in rows:
            row["x"], row["y"] = -row["y"], row["x"]

    edit(folder, "boxes", turn)
    report = check_data(config_of(folder))
    assert any("points that num_points counts; is the frame" in one for one in report.problems)
