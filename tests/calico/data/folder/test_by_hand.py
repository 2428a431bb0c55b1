"""A folder that is written by hand as a user would, with numbers that can be checked by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from calico.data.folder import FolderSource
from calico.errors import CalicoError
from calico.geometry.camera import project_points
from calico.geometry.grid import Grid
from calico.taxonomy import MapClass, ObjectClass, Taxonomy

HALF = 0.5**0.5
TURNED = [HALF, 0.0, 0.0, HALF]
"""A quaternion w, x, y, z: 90 degrees to the left."""
FLEET = Taxonomy(
    "fleet",
    (ObjectClass("lorry", sources=("truck",)), ObjectClass("person")),
    (MapClass("road", ("lane", "junction")),),
)


def save(root: Path, name: str, rows: list[dict[str, Any]]) -> None:
    pq.write_table(pa.Table.from_pylist(rows), root / f"{name}.parquet")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two LiDARs, one camera, two frames one second and 2 m apart; the vehicle looks along the
    world's y axis. The roof LiDAR is turned to the left, the files of the bumper's are in the
    vehicle's frame."""
    root = tmp_path / "fleet"
    (root / "points").mkdir(parents=True)
    (root / "dataset.json").write_text(
        json.dumps({"layout": "calico-folder", "version": 1, "boxes_in": "ego"})
    )
    rig = {
        "lidars": [
            {
                "name": "roof",
                "ego_T_sensor": [1.0, 0.0, 2.0, *TURNED],
                "bin_columns": ["x", "y", "z", "intensity", "_time", "ring"],
                "intensity_scale": 255,
                "beams": 16,
            },
            {"name": "bumper", "ego_T_sensor": [3.0, 0, 0.5, 1, 0, 0, 0], "points_in": "ego"},
        ],
        "cameras": [
            {
                "name": "front",
                "ego_T_camera": [2.0, 0.0, 1.5, 0.5, -0.5, 0.5, -0.5],
                "K": [[100, 0, 20], [0, 100, 10], [0, 0, 1]],
                "width": 41,
                "height": 21,
            }
        ],
    }
    (root / "calibration.json").write_text(json.dumps(rig))
    frames, sweeps, images = [], [], []
    for number in range(2):
        token = f"f{number}"
        pose = [100.0, 50.0 + 2.0 * number, 0.0, *TURNED]
        frames.append(
            {"token": token, "scene": "s", "timestamp_s": 7.0 + number, "split": "val"}
            | {"global_T_ego": pose, "condition.weather": "rain"}
        )
        roof = np.array([[0.0, -10.0, -2.0, 51.0, 99.0, 3.0]], "<f4")  # 10 m ahead, on the ground
        roof.tofile(root / "points" / f"{token}-roof.bin")
        np.savez(root / "points" / f"{token}-bumper.npz", xyz=[[8.0, 1.0, 0.5]], ring=[2])
        sweeps += [
            {"token": token, "path": f"points/{token}-roof.bin", "lidar": "roof"},
            {"token": token, "path": f"points/{token}-bumper.npz", "lidar": "bumper"},
        ]
        Image.new("RGB", (41, 21)).save(root / f"{token}.png")
        images.append({"token": token, "camera": "front", "path": f"{token}.png"})
    save(root, "frames", frames)
    save(root, "sweeps", sweeps)
    save(root, "images", images)
    box = {"token": "f0", "x": 11.0, "y": 0.0, "z": 0.5, "length": 4.0, "width": 2.0, "height": 1.2}
    save(root, "boxes", [box | {"yaw": 0.25, "category": name} for name in ("truck", "animal")])
    return root


def test_all_lidars_meet_in_the_frame_of_the_first(root: Path) -> None:
    frame = FolderSource(root, "val", taxonomy=FLEET)[0]
    # The LiDAR frame has the vehicle's axes, at the roof.
    np.testing.assert_allclose(frame.ego_T_lidar[:3], [[1, 0, 0, 1], [0, 1, 0, 0], [0, 0, 1, 2]])
    np.testing.assert_allclose(frame.points[:, :3], [(10, 0, -2), (7, 1, -1.5)], atol=1e-6)
    np.testing.assert_allclose(frame.points[:, 3], [0.2, 0.0])
    assert frame.ring.tolist() == [3, 18]  # the bumper's second beam comes after the roof's 16
    assert frame.lidar_index is not None
    assert frame.lidar_index.tolist() == [0, 1]
    np.testing.assert_allclose(frame.ray_origins, [(0, 0, 0), (2, 0, -1.5)], atol=1e-9)
    np.testing.assert_allclose(frame.global_T_lidar[:3, 3], (100, 51, 2), atol=1e-9)
    assert frame.conditions == {"weather": "rain"}


def test_older_sweeps_are_those_of_the_frame_before(root: Path) -> None:
    """The ground point was 10 m ahead, and 2 m were driven since."""
    frame = FolderSource(root, "val", sweeps=2, taxonomy=FLEET)[1]
    assert frame.sweep_index.tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(frame.points[2], (8, 0, -2, 0.2, 1.0), atol=1e-5)
    np.testing.assert_allclose(frame.sweep_T[1][:3, 3], (-2, 0, 0), atol=1e-6)
    assert frame.points[:2, 4].tolist() == [0, 0]


def test_boxes_of_the_vehicle_frame(root: Path) -> None:
    frame = FolderSource(root, "val", taxonomy=FLEET)[0]
    np.testing.assert_allclose(
        frame.boxes.boxes, [(10, 0, -1.5, 4, 2, 1.2, 0.25, np.nan, np.nan)], atol=1e-6
    )
    assert frame.boxes.labels.tolist() == [0]  # a truck is a lorry here, an animal is nothing
    assert frame.boxes.num_points.tolist() == [1]  # counted, as the table does not say
    assert FolderSource(root, "val", taxonomy=FLEET).annotations(0).boxes.num_points.tolist() == [1]


def test_the_camera_sees_the_point(root: Path) -> None:
    """The ground point is 9 m before the camera and 1.5 m below it."""
    frame = FolderSource(root, "val", taxonomy=FLEET)[0]
    pixels, depth, _ = project_points(frame.image_from_lidar[0], frame.points, (21, 41))
    assert depth[0] == pytest.approx(9.0)
    np.testing.assert_allclose(pixels[0], (20, 10 + 100 * 1.5 / 9), atol=1e-4)
    assert frame.camera_time_s.tolist() == [7.0]


def add_maps(root: Path, cells: np.ndarray) -> None:
    rows = pq.read_table(root / "frames.parquet").to_pylist()
    rows[0]["map"] = "maps/f0"
    save(root, "frames", [{**row, "map": row.get("map")} for row in rows])
    content = json.loads((root / "dataset.json").read_text())
    grid = {"x_min_m": -2, "x_max_m": 2, "y_min_m": -1, "y_max_m": 1, "cell_m": 1}
    content["map"] = {"grid": grid, "classes": ["lane", "junction"]}
    (root / "dataset.json").write_text(json.dumps(content))
    (root / "maps" / "f0").mkdir(parents=True)
    for name, mask in zip(("lane", "junction"), cells, strict=True):
        Image.fromarray((mask * 255).astype(np.uint8)).save(root / "maps" / "f0" / f"{name}.png")


def test_maps_are_put_on_the_wanted_grid(root: Path) -> None:
    """Two classes merge into one; cells outside of the stored grid are unknown."""
    lane = np.array([[1, 0, 0, 0], [0, 0, 0, 0]])
    junction = np.array([[0, 0, 0, 0], [0, 0, 0, 1]])
    add_maps(root, np.stack([lane, junction]))
    source = FolderSource(root, "val", Grid(-2, 3, -1, 1, 1), taxonomy=FLEET)
    frame = source[0]
    assert frame.map_masks is not None
    assert frame.map_masks[0].astype(int).tolist() == [[1, 0, 0, 0, 0], [0, 0, 0, 1, 0]]
    assert frame.map_known is not None
    assert frame.map_known[:, 4].tolist() == [False, False]
    assert frame.map_known[:, :4].all()
    other = source[1]  # without a map
    assert other.map_known is not None
    assert not other.map_known.any()
    with pytest.raises(
        CalicoError, match="map class drivable_area of taxonomy nuscenes is made of"
    ):
        FolderSource(root, "val", Grid(-2, 3, -1, 1, 1))


def test_a_rig_of_cameras_alone(root: Path) -> None:
    rig = json.loads((root / "calibration.json").read_text())
    rig |= {"lidars": [], "ego_T_lidar": [1.0, 0, 2.0, 1, 0, 0, 0]}
    (root / "calibration.json").write_text(json.dumps(rig))
    (root / "sweeps.parquet").unlink()
    frame = FolderSource(root, "val", taxonomy=FLEET)[0]
    assert len(frame.points) == 0
    assert frame.lidar_T is None
    assert len(frame.images) == 1


def test_splits(root: Path) -> None:
    assert len(FolderSource(root, "s", taxonomy=FLEET)) == 2
    assert len(FolderSource(root, "all", taxonomy=FLEET)) == 2
    with pytest.raises(CalicoError, match="no frame of split 'train'; the column split holds val"):
        FolderSource(root, "train", taxonomy=FLEET)


def test_what_changes_a_frame_changes_the_hash(root: Path) -> None:
    def hashes() -> tuple[str, str]:
        source = FolderSource(root, "val", taxonomy=FLEET)
        return source.content_hash(), source.labels_hash()

    first = hashes()
    assert hashes() == first
    np.savez(root / "points" / "f1-bumper.npz", xyz=[[8.0, 1.5, 0.5]], ring=[2])
    second = hashes()
    assert second[0] != first[0]
    assert second[1] == first[1]
    rows = pq.read_table(root / "boxes.parquet").to_pylist()
    rows[0]["x"] += 1e-9
    save(root, "boxes", rows)
    third = hashes()
    assert third[0] != second[0]
    assert third[1] != second[1]
