"""No table and no link makes a file outside of the data set readable, and folders may lie on
several disks."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from calico.data.nuscenes import NuScenesSource
from calico.errors import CalicoError
from calico.geometry.grid import Grid
from tests.calico.data.nuscenes.loading import complaint_of_scene

Edit = Callable[[str, Callable[[list[dict]], object]], None]
CLOUD = "samples/LIDAR_TOP/LIDAR_TOP-0-0.pcd.bin"
IMAGE = "samples/CAM_BACK/CAM_BACK-0-0.jpg"
MAP = "maps/expansion/boston-seaport.json"
GRID = Grid(-8, 8, -8, 8, 1)


def load(root: Path, follow_links: bool = False) -> NuScenesSource:
    source = NuScenesSource(root, "v1.0-mini", "train", GRID, follow_links=follow_links)
    assert source[0].map_masks is not None
    return source


def move(path: Path, target: Path) -> None:
    """Moves a file or folder and leaves a link to it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(path, target)
    path.symlink_to(target)


@pytest.mark.parametrize(
    "name", ["samples", "samples/LIDAR_TOP", CLOUD, "sweeps", "maps", "maps/expansion", MAP]
)
def test_folders_on_other_disks(tiny: Path, tmp_path: Path, name: str) -> None:
    move(tiny / name, tmp_path / "disk" / name)
    load(tiny)


def test_the_root_may_be_a_link_of_any_name(tiny: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tiny)
    load(tmp_path / "link")


def test_links_inside_the_folder_may_have_any_name(tiny: Path) -> None:
    move(tiny / CLOUD, tiny / "store" / "abc")
    load(tiny)


@pytest.mark.parametrize(
    "name", [CLOUD, IMAGE, MAP, "samples/LIDAR_TOP", "samples", "maps/expansion"]
)
def test_links_to_other_places_need_a_setting(tiny: Path, tmp_path: Path, name: str) -> None:
    move(tiny / name, tmp_path / "elsewhere" / "secret")
    with pytest.raises(
        CalicoError, match=r"outside the data set's folder; .* --set data\.follow_links=true"
    ):
        load(tiny)
    load(tiny, follow_links=True)


@pytest.mark.parametrize("name", ["etc/secret", "secret"])
def test_other_folders_of_the_machine_stay_unread(
    tiny: Path, tmp_path: Path, edit: Edit, name: str
) -> None:
    """A link of the same name is not enough outside of samples, sweeps and maps."""
    (tmp_path / "machine" / "etc").mkdir(parents=True)
    (tmp_path / "machine" / name).write_bytes(b"")
    (tiny / name.split("/")[0]).symlink_to(tmp_path / "machine" / name.split("/")[0])
    edit("sample_data", lambda rows: rows[0].update(filename=name))
    with pytest.raises(CalicoError, match="outside the data set's folder"):
        load(tiny)


@pytest.mark.parametrize(
    "location",
    [
        "../../../secret",
        "/etc/passwd",
        "a/b",
        "a\\b",
        "C:x",
        ".hidden",
        "a\nb",
        "..",
        " x",
        "x\u202ey",
    ],
)
def test_locations_are_plain_names(tiny: Path, edit: Edit, location: str) -> None:
    edit("log", lambda rows: rows[0].update(location=location))
    with pytest.raises(
        CalicoError,
        match=r"log\.json: row with token 'log-0': location is .*, expected a plain name",
    ):
        load(tiny)


@pytest.mark.parametrize("location", ["Wörth am Rhein", "boston-seaport", "site_3.1", "東京", ""])
def test_locations_of_own_recordings(tiny: Path, edit: Edit, location: str) -> None:
    edit("log", lambda rows: rows[0].update(location=location))
    assert NuScenesSource(tiny, "v1.0-mini", "train", GRID)[0].token == "sample-0-0"


@pytest.mark.parametrize("version", ["..", "../other", "/etc", "a/b", ""])
def test_versions_are_plain_names(tiny: Path, version: str) -> None:
    with pytest.raises(CalicoError, match=r"data\.version is .*, expected a plain name"):
        NuScenesSource(tiny, version, "train", None)


@pytest.mark.parametrize(
    "name", [CLOUD, IMAGE, "v1.0-mini/sample.json", "maps/expansion/boston-seaport.json"]
)
def test_a_pipe_in_place_of_a_file_does_not_hang(tiny: Path, name: str) -> None:
    from calico.geometry.grid import Grid

    (tiny / name).unlink()
    os.mkfifo(tiny / name)
    with pytest.raises(
        CalicoError, match=r"is a pipe, a device or a socket, expected a regular file"
    ):
        _ = NuScenesSource(tiny, "v1.0-mini", "train", Grid(-8, 8, -8, 8, 1))[0]


def test_a_device_in_place_of_a_file_is_not_read(tiny: Path) -> None:
    (tiny / CLOUD).unlink()
    (tiny / CLOUD).symlink_to("/dev/zero")
    assert "outside the data set's folder" in complaint_of_scene(tiny)
    with pytest.raises(CalicoError, match="is a pipe, a device or a socket"):
        _ = NuScenesSource(tiny, "v1.0-mini", "train", None, follow_links=True)[0]
