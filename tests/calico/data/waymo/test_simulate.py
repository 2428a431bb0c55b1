from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.config.data import SimConfig
from calico.data.sim.camera import render_rays
from calico.data.sim.compose import global_T_ego
from calico.data.sim.raycast import cast_rays
from calico.data.sim.world import World, build_world
from calico.data.waymo.cameras import OURS_T_WAYMO, read_pinhole_image, scale_intrinsics
from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import LASERS, TOP, WaymoRecord
from calico.data.waymo.simulate import simulate_segments
from calico.data.waymo.simulated.rig import (
    CAMERA_DELAY_S,
    SIDE_RANGE_M,
    TOP_RANGE_M,
    WaymoRig,
    camera_calibrations,
)
from calico.errors import CalicoError
from calico.geometry.boxes import points_in_boxes
from calico.geometry.frames import transform_points
from tests.calico.data.waymo.small import CONFIG, RIG, segment


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(CONFIG.seed, "train", 0, 2)


def pose_in_simulator(record: WaymoRecord) -> np.ndarray:
    pose = record.world_T_vehicle.copy()
    pose[:3, 3] -= RIG.world_shift
    return pose


def test_frames_are_a_tenth_of_a_second_apart_and_named(records: tuple[WaymoRecord, ...]) -> None:
    times = [record.timestamp_us for record in records]
    assert np.diff(times).tolist() == [100_000, 100_000]
    assert {record.context for record in records} == {segment().context}
    assert len({one.context for one in simulate_segments(CONFIG, "val", RIG)}) == 2


def test_the_pose_is_that_of_the_simulators_vehicle(
    records: tuple[WaymoRecord, ...], world: World
) -> None:
    for number, record in enumerate(records):
        expected = global_T_ego(world, number * 0.1 + 0.05)
        assert pose_in_simulator(record) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("laser", LASERS)
def test_points_lie_on_what_a_ray_from_the_sensor_meets(
    records: tuple[WaymoRecord, ...], world: World, laser: int
) -> None:
    """From the frame's pose, without beams, columns and poses of pixels."""
    record = records[1]
    calibration = record.lidar_calibrations[laser]
    points = convert_scan(record.scans[laser], calibration, record.world_T_vehicle)
    assert len(points) > 30
    pose = pose_in_simulator(record)
    origin = (pose @ calibration.vehicle_T_lidar)[:3, 3]
    away = transform_points(pose, points.xyz.astype(np.float64)) - origin
    distance = np.linalg.norm(away, axis=1)
    assert distance.max() < (TOP_RANGE_M if laser == TOP else SIDE_RANGE_M) + 1
    directions = (away / distance[:, None]).astype(np.float32)
    origins = np.tile(origin.astype(np.float32), (len(away), 1))
    hits = cast_rays(world.solids(0.15), origins, directions)
    # The rest are edges, leaves, second returns, and rays past an edge that the vehicle's own
    # motion during the turn moved.
    assert (np.abs(hits.distance_m - distance) < 0.12).mean() > 0.85


def test_second_returns_lie_behind_the_first_and_are_few(records: tuple[WaymoRecord, ...]) -> None:
    first, second = records[0].scans[TOP].returns
    two = second[..., 0] > 0
    assert 5 < two.sum() < 0.1 * (first[..., 0] > 0).sum()
    assert (second[two][:, 0] - first[two][:, 0] > 0.7).all()
    for image in (first, second):
        assert (image[image[..., 0] <= 0] == -1).all()
        assert (image[image[..., 0] > 0][:, 1:3] >= 0).all()
        assert image[..., 2].max() <= 1.5


def test_only_the_roof_lidar_has_poses_and_they_follow_the_vehicle(
    records: tuple[WaymoRecord, ...], world: World
) -> None:
    record = records[1]
    assert {laser for laser, scan in record.scans.items() if scan.pixel_pose is not None} == {TOP}
    poses = record.scans[TOP].pixel_pose
    assert poses is not None
    for column in (0, 239):
        expected = global_T_ego(world, 0.1 + 0.1 * (column + 0.5) / 240)
        roll, pitch, yaw = (float(v) for v in poses[5, column, :3])
        turn = rotation("z", yaw) @ rotation("y", pitch) @ rotation("x", roll)
        assert turn == pytest.approx(expected[:3, :3], abs=1e-5)
        place = poses[5, column, 3:] - np.array(RIG.world_shift)
        assert place == pytest.approx(expected[:3, 3], abs=1e-3)


def rotation(axis: str, angle: float) -> np.ndarray:
    c, s = np.cos(angle), np.sin(angle)
    i, j = {"x": (1, 2), "y": (2, 0), "z": (0, 1)}[axis]
    turn = np.eye(3)
    turn[i, i] = turn[j, j] = c
    turn[i, j], turn[j, i] = -s, s
    return turn


def test_beams_of_the_roof_lidar_are_not_evenly_spaced(records: tuple[WaymoRecord, ...]) -> None:
    beams = records[0].lidar_calibrations[TOP].inclinations
    assert beams is not None
    steps = np.diff(beams)
    assert (steps > 0).all()
    assert steps.max() > 2 * steps.min()
    others = [records[0].lidar_calibrations[laser].inclinations for laser in LASERS if laser != TOP]
    assert others == [None] * 4


@pytest.mark.parametrize("camera", [1, 4])
def test_images_without_distortion_are_those_of_a_pinhole_camera(
    records: tuple[WaymoRecord, ...], world: World, camera: int
) -> None:
    record = records[1]
    calibration = record.camera_calibrations[camera]
    image = read_pinhole_image(record.images[camera].jpeg, calibration, 1, "here")
    height, width = image.shape[:2]
    v, u = np.meshgrid(np.arange(height), np.arange(width), indexing="ij")
    pixels = np.stack([u, v, np.ones_like(u)], axis=-1).reshape(-1, 3)
    local = pixels @ np.linalg.inv(scale_intrinsics(calibration, 1)).T
    rays = local @ OURS_T_WAYMO[:3, :3] @ calibration.vehicle_T_camera[:3, :3].T
    rays = (rays / np.linalg.norm(rays, axis=1, keepdims=True)).astype(np.float32)
    time_s = 0.15 + CAMERA_DELAY_S[camera]
    start = np.tile(calibration.vehicle_T_camera[:3, 3].astype(np.float32), (len(rays), 1))
    expected = render_rays(
        world.solids(time_s),
        world.ground,
        world.light,
        global_T_ego(world, time_s),
        start,
        rays,
        np.random.default_rng(0),
    ).reshape(image.shape)
    difference = np.abs(image.astype(int) - expected.astype(int))
    assert np.median(difference) <= 8
    shifted = np.abs(image[:, 3:].astype(int) - expected[:, :-3].astype(int))
    assert difference[:, 3:].mean() < 0.7 * shifted.mean()


def test_images_have_two_sizes_and_poses_of_their_own(records: tuple[WaymoRecord, ...]) -> None:
    calibrations = camera_calibrations(WaymoRig())
    sizes = {camera: (one.width, one.height) for camera, one in calibrations.items()}
    assert sizes == {
        1: (1920, 1280),
        2: (1920, 1280),
        3: (1920, 1280),
        4: (1920, 886),
        5: (1920, 886),
    }
    record = records[0]
    middle_s = record.timestamp_us * 1e-6 + 0.05
    for camera, image in record.images.items():
        assert image.pose_time_s == pytest.approx(middle_s + CAMERA_DELAY_S[camera], abs=1e-6)
        assert image.trigger_s < image.pose_time_s < image.readout_s
    places = [image.world_T_vehicle[:3, 3] for image in record.images.values()]
    assert image.velocity is not None
    moved = np.linalg.norm(places[0] - places[3]) / abs(CAMERA_DELAY_S[1] - CAMERA_DELAY_S[4])
    assert moved == pytest.approx(np.linalg.norm(image.velocity[:3]), abs=0.3)


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
        world_speed = (record.world_T_vehicle[:3, :3] @ labels.speed[row])[:2]
        assert world_speed == pytest.approx(after - before, abs=1e-6)
        moving += bool(np.linalg.norm(world_speed) > 1)
    assert moving >= 1


def test_camera_synced_boxes_lie_where_the_object_is_at_the_exposure(
    records: tuple[WaymoRecord, ...],
) -> None:
    labels = records[1].labels
    has = labels.most_visible_camera > 0
    assert 3 <= has.sum() < len(has)
    assert np.isnan(labels.camera_synced[~has]).all()
    delays = np.array([CAMERA_DELAY_S[int(camera)] for camera in labels.most_visible_camera[has]])
    moved = labels.camera_synced[has, :3] - labels.boxes[has, :3]
    assert moved == pytest.approx(labels.speed[has] * delays[:, None])
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


def test_the_same_scene_gives_the_same_record(records: tuple[WaymoRecord, ...]) -> None:
    again = next(segment().records())
    for laser, scan in again.scans.items():
        for a, b in zip(scan.returns, records[0].scans[laser].returns, strict=True):
            assert np.array_equal(a, b)
    assert all(again.images[k].jpeg == records[0].images[k].jpeg for k in again.images)
    assert np.array_equal(again.labels.boxes, records[0].labels.boxes)


def test_conditions_are_those_of_the_light(records: tuple[WaymoRecord, ...], world: World) -> None:
    expected = {"night": "Night", "low_sun": "Dawn/Dusk"}.get(world.light.name, "Day")
    assert records[0].conditions.time_of_day == expected


def test_the_map_moves_with_the_world(records: tuple[WaymoRecord, ...]) -> None:
    """The vehicle stands on the first lane that leads its way."""
    record = records[0]
    assert record.map_features is not None
    place = record.world_T_vehicle[:3, 3] + record.map_offset
    lanes = [one.points for one in record.map_features if one.kind == "lane"]
    nearest = min(
        shapely.LineString(lane[:, :2]).distance(shapely.Point(place[:2])) for lane in lanes
    )
    assert nearest < 0.5
    assert abs(lanes[0][0, 2] - place[2]) < 0.2


def test_wrong_splits_and_sizes_are_named() -> None:
    with pytest.raises(CalicoError, match="got split 'nowhere', expected one of train, val, test"):
        simulate_segments(CONFIG, "nowhere")
    with pytest.raises(CalicoError, match="expected 4 to 8192"):
        WaymoRig(image_width=2)
