"""Find out which layout a folder of data has."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from calico.data.root import check_finished
from calico.errors import CalicoError

Layout = Literal["folder", "nuscenes", "waymo-v1", "waymo-v2", "kitti", "argoverse2"]
Source = Literal["folder", "nuscenes", "waymo", "kitti", "argoverse2"]
SOURCE_OF: dict[Layout, Source] = {
    "folder": "folder",
    "nuscenes": "nuscenes",
    "waymo-v1": "waymo",
    "waymo-v2": "waymo",
    "kitti": "kitti",
    "argoverse2": "argoverse2",
}
"""Layout to the `data.source` that reads it."""
_WAYMO_COMPONENTS = ("lidar", "camera_image", "vehicle_pose", "lidar_calibration")
_EXPECTED = """\
  dataset.json, frames.parquet           a data folder (docs/guides/own_data.md)
  v1.0-*/sample_data.json                nuScenes
  SPLIT/vehicle_pose/*.parquet           Waymo, version 2
  SPLIT/*.tfrecord                       Waymo, version 1
  training/velodyne/, training/calib/    KITTI object
  SPLIT/LOG/city_SE3_egovehicle.feather  Argoverse 2 sensor"""


def detect_layout(root: Path) -> Layout:
    """Find out which layout a folder of data has, by the names of its files.

    Args:
        root: The folder.

    Returns:
        Name of the layout.

    Raises:
        CalicoError: The folder is missing, is not finished, or has none of the layouts.
    """
    if not root.is_dir():
        raise CalicoError(f"data '{root}' is not a folder; expected the folder of a data set")
    check_finished(root)
    if (root / "dataset.json").is_file() or (root / "frames.parquet").is_file():
        return "folder"
    if find_versions(root):
        return "nuscenes"
    if (root / "sample_data.json").is_file():
        raise CalicoError(
            f"data '{root}' is the folder of nuScenes' tables; expected the one above it, "
            f"{root.parent}"
        )
    for part in (root, root / "training"):
        if (part / "velodyne").is_dir() and (part / "calib").is_dir():
            return "kitti"
    for split in _folders(root):
        if any((split / one).is_dir() for one in _WAYMO_COMPONENTS):
            return "waymo-v2"
        if any(split.glob("*.tfrecord")):
            return "waymo-v1"
    for place in (root, *_folders(root)):
        if any(
            (log / "city_SE3_egovehicle.feather").is_file() for log in (place, *_folders(place))
        ):
            return "argoverse2"
    raise CalicoError(f"data '{root}': holds no known layout; expected one of\n{_EXPECTED}")


def find_versions(root: Path) -> list[str]:
    """List the folders of nuScenes' tables in a data set.

    Args:
        root: Folder of the data set.
    """
    return sorted(path.name for path in root.glob("v*.*-*") if path.is_dir())


def _folders(path: Path) -> list[Path]:
    return sorted(one for one in path.iterdir() if one.is_dir())
