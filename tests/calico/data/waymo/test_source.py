from __future__ import annotations

import pickle
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.config.data import DataConfig, WaymoConfig
from calico.config.schema import Config
from calico.config.taxonomy import TaxonomyConfig
from calico.data.open import open_data, open_source
from calico.data.sim.world import build_world
from calico.data.waymo.frames import SensorChoice, build_frame
from calico.data.waymo.records import CAMERA_NAMES, LASERS, WaymoRecord
from calico.data.waymo.source import WaymoSource
from calico.data.waymo.v1.writer import write_segment
from calico.errors import CalicoError
from calico.frame import Frame
from calico.geometry.grid import Grid
from calico.taxonomy import NUSCENES, WAYMO
from tests.calico.data.waymo.small import CONFIG, RIG, segment

ALL = SensorChoice(tuple(LASERS), (1, 2), tuple(CAMERA_NAMES))
PLAIN = WaymoConfig()
GRID = Grid(-30, 30, -30, 30, 0.5)


def assert_equal(found: Frame, expected: Frame) -> None:
    """Positions within 1 mm, boxes and calibration within 1e-6, all else exactly."""
    assert np.abs(found.points[:, :3] - expected.points[:, :3]).max() < 1e-3
    assert np.array_equal(found.points[:, 3:], expected.points[:, 3:])
    for name in ("ring", "sweep_index", "lidar_index", "elongation", "unlabelled"):
        assert np.array_equal(getattr(found, name), getattr(expected, name)), name
    for name in ("sweep_T", "lidar_T", "camera_K", "camera_T_lidar", "ego_T_lidar"):
        assert np.abs(getattr(found, name) - getattr(expected, name)).max() < 1e-6, name
    assert found.global_T_lidar == pytest.approx(expected.global_T_lidar, abs=1e-6)
    assert found.camera_time_s == pytest.approx(expected.camera_time_s, abs=1e-6)
    for name in ("boxes", "camera_synced"):
        a, b = getattr(found.boxes, name), getattr(expected.boxes, name)
        assert a == pytest.approx(b, abs=1e-6, nan_ok=True), name
    for name in ("labels", "num_points", "difficulty"):
        assert np.array_equal(getattr(found.boxes, name), getattr(expected.boxes, name)), name
    assert found.boxes.instances == expected.boxes.instances
    assert all(np.array_equal(a, b) for a, b in zip(found.images, expected.images, strict=True))
    for name in ("token", "scene", "timestamp_s", "conditions"):
        assert getattr(found, name) == getattr(expected, name), name


def test_frames_of_the_files_are_those_of_the_simulator(
    root: Path, records: tuple[WaymoRecord, ...]
) -> None:
    source = WaymoSource(root, "train", PLAIN, None, sweeps=3)
    assert len(source) == 6
    start = next(i for i in range(6) if source.info(i).scene == records[0].context)
    for number in range(3):
        expected = build_frame(records[number::-1], ALL, WAYMO)
        found = source[start + number]
        assert_equal(found, expected)
        assert len(found.sweep_T) == number + 1
        assert source.info(start + number).token == found.token


def test_both_versions_give_the_same_frames(v1_root: Path, v2_root: Path) -> None:
    one, two = (WaymoSource(root, "val", PLAIN, None) for root in (v1_root, v2_root))
    assert len(one) == len(two) == 3
    for index in range(3):
        assert_equal(two[index], one[index])


def test_labels_and_annotations_are_those_of_the_frame(root: Path) -> None:
    source = WaymoSource(root, "val", PLAIN, None)
    frame = source[1]
    assert np.array_equal(source.labels(1), frame.boxes.labels)
    alone = source.annotations(1)
    assert np.array_equal(alone.boxes.boxes, frame.boxes.boxes, equal_nan=True)
    assert alone.token == frame.token
    assert alone.conditions == frame.conditions
    assert len(alone.points) == 0
    assert alone.images == ()


def test_the_frame_before_is_that_of_the_interval(root: Path) -> None:
    source = WaymoSource(root, "val", WaymoConfig(interval=2), None)
    assert len(source) == 2
    last = source[1]
    assert last.previous is not None
    before = last.previous()
    assert before is not None
    assert before.token == source.info(0).token
    assert last.timestamp_s - before.timestamp_s == pytest.approx(0.2)
    assert before.previous is None


def test_lidars_returns_and_cameras_are_chosen_by_name(root: Path) -> None:
    everything = WaymoSource(root, "val", PLAIN, None)[0]
    settings = WaymoConfig(lidars=("SIDE_LEFT", "TOP"), returns=(1,), image_reduction=2)
    source = WaymoSource(root, "val", settings, None, cameras=("SIDE_RIGHT",))
    frame = source[0]
    assert everything.lidar_index is not None
    assert frame.lidar_index is not None
    assert set(frame.lidar_index) == {0, 1}
    assert frame.ego_T_lidar[:2, 3] == pytest.approx([3.25, 1.025])
    tops = int((everything.lidar_index == 0).sum())
    assert 0.9 * tops < (frame.lidar_index == 1).sum() < tops  # without second returns
    assert [image.shape for image in frame.images] == [(22, 48, 3)]
    assert source.image_sizes() == frozenset({(22, 48)})
    second = WaymoSource(root, "val", WaymoConfig(lidars=("TOP",), returns=(2,)), None)[0]
    first = WaymoSource(root, "val", WaymoConfig(lidars=("TOP",), returns=(1,)), None)[0]
    assert len(second.points) + len(first.points) == tops


def test_sizes_of_images_without_opening_one(root: Path) -> None:
    source = WaymoSource(root, "train", PLAIN, None)
    assert source.image_sizes() == frozenset({(64, 96), (44, 96)})
    assert WaymoSource(root, "val", PLAIN, None, cameras=()).image_sizes() == frozenset()


def test_a_source_travels_to_worker_processes(root: Path) -> None:
    source = WaymoSource(root, "val", PLAIN, None)
    again = pickle.loads(pickle.dumps(source))
    assert_equal(again[2], source[2])
    assert again.content_hash() == source.content_hash()


def test_hashes_change_with_files_and_settings(root: Path, tmp_path: Path) -> None:
    source = WaymoSource(root, "val", PLAIN, None)
    labels, content = source.labels_hash(), source.content_hash()
    assert labels != content
    assert WaymoSource(root, "val", PLAIN, None).content_hash() == content
    returns = WaymoSource(root, "val", WaymoConfig(returns=(1,)), None)
    assert returns.labels_hash() == labels
    assert returns.content_hash() != content
    sweeps = WaymoSource(root, "val", PLAIN, None, sweeps=2)
    assert (sweeps.labels_hash(), sweeps.content_hash() != content) == (labels, True)
    fewer = WaymoSource(root, "val", WaymoConfig(interval=2), None)
    assert fewer.labels_hash() != labels
    copy = tmp_path / "copy"
    shutil.copytree(root, copy)
    assert WaymoSource(copy, "val", PLAIN, None).content_hash() == content
    path = max(copy.glob("validation/**/*.*"), key=lambda one: one.stat().st_size)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert WaymoSource(copy, "val", PLAIN, None).content_hash() != content


def test_splits_may_be_named_by_their_folders(root: Path) -> None:
    assert len(WaymoSource(root, "validation", PLAIN, None)) == 3
    with pytest.raises(CalicoError, match="has no folder testing, got training, validation"):
        WaymoSource(root, "test", PLAIN, None)


def test_unknown_cameras_and_classes_are_named(root: Path) -> None:
    with pytest.raises(
        CalicoError, match=r"unknown camera 'CAM_FRONT', expected .*FRONT, FRONT_LEF"
    ):
        WaymoSource(root, "val", PLAIN, None, cameras=("CAM_FRONT",))
    with pytest.raises(CalicoError, match="class car of taxonomy nuscenes is made of no type"):
        WaymoSource(root, "val", PLAIN, None, taxonomy=NUSCENES)


def test_signs_are_a_class_where_the_taxonomy_has_them(root: Path) -> None:
    with_signs = TaxonomyConfig.model_validate(
        {"name": "signs", "classes": ["vehicle", "sign"]}
    ).build()
    source = WaymoSource(root, "val", PLAIN, None, taxonomy=with_signs)
    assert source.labels(0).max() == 0  # the simulator labels none


def test_a_configuration_opens_it(root: Path) -> None:
    config = Config(
        data=DataConfig(source="waymo", root=root, cameras=("FRONT",)),
        taxonomy=TaxonomyConfig(name="waymo"),
        model={"detection": {"tasks": [["vehicle", "pedestrian", "cyclist"]]}, "map": None},
    )
    source = open_source(config, "val")
    assert isinstance(source, WaymoSource)
    assert source.cameras == ("FRONT",)
    with pytest.raises(CalicoError, match="no test split with labels"):
        open_source(config, "test")


def test_a_folder_alone_opens_it(root: Path) -> None:
    source = open_data(root, "val", settings=["data.waymo.interval=1"])
    assert isinstance(source, WaymoSource)
    assert source.taxonomy == WAYMO
    assert len(source) == 3
    assert [image.shape[1] for image in source[0].images] == [48] * 5


def test_points_are_counted_if_no_label_says_how_many(
    root: Path, records: tuple[WaymoRecord, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    source = WaymoSource(root, "val", PLAIN, None)
    kind = type(source.segments[0])
    read = kind.read

    def read_without_counts(self: object, *args: object, **options: object) -> WaymoRecord:
        record = read(self, *args, **options)
        unknown = np.full(len(record.labels.ids), -1, np.int64)
        return replace(record, labels=replace(record.labels, num_points=unknown))

    stated = source.annotations(0).boxes.num_points
    monkeypatch.setattr(kind, "read", read_without_counts)
    assert source.annotations(0).boxes.num_points.tolist() == stated.tolist()
    assert source[0].boxes.num_points.tolist() == stated.tolist()


def test_maps_of_version_1_are_drawn_on_the_grid(v1_root: Path) -> None:
    """Against the simulator's own raster, in the classes that both have."""
    source = WaymoSource(v1_root, "train", PLAIN, GRID)
    assert source.map_grid == GRID
    index = next(i for i in range(6) if source.info(i).scene == segment().context)
    frame = source[index]
    assert frame.map_masks is not None
    assert frame.map_known is not None
    world = build_world(CONFIG.seed, "train", 0, 2)
    pose = frame.global_T_lidar.copy()
    pose[:3, 3] -= RIG.world_shift
    expected = world.ground.masks(GRID, pose, WAYMO)
    for name, least in (("drivable_area", 0.75), ("ped_crossing", 0.8), ("divider", 0.5)):
        mask = frame.map_masks[WAYMO.map_names.index(name)]
        truth = expected[WAYMO.map_names.index(name)] & frame.map_known
        assert (mask & truth).sum() >= least * (mask | truth).sum(), name
        assert truth.any(), name


def test_version_2_borrows_the_maps_of_version_1(v1_root: Path, v2_root: Path) -> None:
    alone = WaymoSource(v2_root, "val", PLAIN, GRID)
    assert alone.map_grid is None
    assert alone[0].map_masks is None
    source = WaymoSource(v2_root, "val", WaymoConfig(map_root=v1_root), GRID)
    own = WaymoSource(v1_root, "val", PLAIN, GRID)
    assert source.map_grid == GRID
    for index in (0, 2):
        found, expected = source[index], own[index]
        assert np.array_equal(found.map_masks, expected.map_masks)
        assert np.array_equal(found.map_known, expected.map_known)
    assert source.content_hash() != alone.content_hash()
    assert source.labels_hash() == alone.labels_hash()


def test_a_segment_without_its_map_is_named(v1_root: Path, v2_root: Path, tmp_path: Path) -> None:
    shutil.copytree(v1_root / "training", tmp_path / "validation")
    source = WaymoSource(v2_root, "val", WaymoConfig(map_root=tmp_path), GRID)
    with pytest.raises(CalicoError, match="has no such segment in validation; expected the same"):
        source[0]


def test_a_segment_without_features_is_unknown_and_not_empty(
    records: tuple[WaymoRecord, ...], tmp_path: Path
) -> None:
    bare = [replace(record, map_features=None) for record in records]
    write_segment(tmp_path, "training", bare[0].context, bare)
    frame = WaymoSource(tmp_path, "train", PLAIN, GRID)[1]
    assert frame.map_known is not None
    assert not frame.map_known.any()
    assert frame.map_masks is not None
    assert frame.map_masks.shape == (5, *GRID.shape)


def test_map_classes_that_the_map_cannot_have_are_named(v1_root: Path) -> None:
    walkways = replace(WAYMO, name="walks", map_classes=NUSCENES.map_classes[2:3])
    with pytest.raises(CalicoError, match="map class walkway of taxonomy walks is made of nothing"):
        WaymoSource(v1_root, "val", PLAIN, GRID, taxonomy=walkways)
