from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.config.data import SimConfig
from calico.data.sim.world import World, build_world
from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import TOP, WaymoRecord
from calico.data.waymo.simulate import simulate_segments
from calico.data.waymo.simulated.rig import (
    CAMERA_DELAY_S,
    WaymoRig,
)
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import transform_points
from tests.calico.data.waymo.small import CONFIG


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


def test_labels_count_the_points_of_all_lidars_in_their_boxes(
    records: tuple[WaymoRecord, ...],
) -> None:
    record = records[2]
    clouds = {
        laser: convert_scan(scan, record.lidar_calibrations[laser], record.world_T_vehicle).xyz
        for laser, scan in record.scans.items()
    }
    boxes = record.labels.boxes
    everything = np.concatenate(list(clouds.values()))
    counts = points_in_boxes(everything, boxes).sum(axis=1)
    assert record.labels.num_points.tolist() == counts.tolist()
    assert record.labels.num_top_points.tolist() == (
        points_in_boxes(clouds[TOP], boxes).sum(axis=1).tolist()
    )
    assert (counts > 5).sum() >= 3
    hard = (counts > 0) & (counts <= 5)
    assert record.labels.detection_difficulty.tolist() == np.where(hard, 2, 0).tolist()


def test_speed_is_the_change_of_the_place(records: tuple[WaymoRecord, ...], world: World) -> None:
    """In the world, over the second about the frame."""
    record = records[1]
    labels = record.labels
    moving = 0
    for row, name in enumerate(labels.ids):
        actor = world.actors[int(name.rsplit("-", 1)[1])]
        if np.isnan(labels.speed[row, 0]):
            assert labels.num_points[row] == 0
            continue
        before, after = (np.array(actor.track.at(t)[:2]) for t in (0.15 - 0.5, 0.15 + 0.5))
        world_speed = labels.speed[row, :2]
        assert world_speed == pytest.approx(after - before, abs=1e-6)
        moving += bool(np.linalg.norm(world_speed) > 1)
    assert moving >= 1


def test_camera_synced_boxes_lie_where_the_object_is_at_the_exposure(
    records: tuple[WaymoRecord, ...],
) -> None:
    labels, turn = records[1].labels, records[1].world_T_vehicle[:3, :3]
    has = labels.most_visible_camera > 0
    assert 3 <= has.sum() < len(has)
    assert np.isnan(labels.camera_synced[~has]).all()
    delays = np.array([CAMERA_DELAY_S[int(camera)] for camera in labels.most_visible_camera[has]])
    moved = labels.camera_synced[has, :3] - labels.boxes[has, :3]
    assert moved == pytest.approx(labels.speed[has] @ turn * delays[:, None])
    assert np.array_equal(labels.camera_synced[has, 3:], labels.boxes[has, 3:])


def test_zones_without_labels_hold_points_and_no_label() -> None:
    scene = 7  # which has two car parks
    config = SimConfig(train_scenes=scene + 1, frames_per_scene=1)
    rig = WaymoRig((32, 400), (12, 48), 32)
    record = next(simulate_segments(config, "train", rig)[scene].records())
    assert record.no_label_zones
    zones = shapely.union_all([shapely.Polygon(zone) for zone in record.no_label_zones])
    scan, calibration = record.scans[TOP], record.lidar_calibrations[TOP]
    points = convert_scan(scan, calibration, record.world_T_vehicle)
    there = transform_points(record.world_T_vehicle, points.xyz.astype(np.float64))
    inside = shapely.contains_xy(zones.buffer(-0.3), there[:, 0], there[:, 1])
    outside = ~shapely.contains_xy(zones.buffer(0.3), there[:, 0], there[:, 1])
    assert points.unlabelled[inside].all()
    assert not points.unlabelled[outside].any()
    centers = transform_points(record.world_T_vehicle, record.labels.boxes[:, :3])
    assert not shapely.contains_xy(zones, centers[:, 0], centers[:, 1]).any()
