"""The columns, compared with the schema that the data set's own classes print."""

from __future__ import annotations

import pyarrow as pa
import pytest

from calico.data.waymo.v2.schema import COMPONENTS, old_type

POSE = "world_from_vehicle.transform fixed_size_list<item: double>[16]"
BOX_2D = "box.center.x|box.center.y|box.size.x|box.size.y double"
BOX = "{0}.center.x|{0}.center.y|{0}.center.z|{0}.size.x|{0}.size.y|{0}.size.z|{0}.heading double"
IMAGE = (
    "range_image_return{0}.values list<item: float>; "
    "range_image_return{0}.shape fixed_size_list<item: int32>[3]"
)
KEYS = {
    "seg": "key.segment_context_name string",
    "ts": "key.frame_timestamp_micros int64",
    "laser": "key.laser_name int8",
    "camera": "key.camera_name int8",
    "laser_object": "key.laser_object_id string",
    "camera_object": "key.camera_object_id string",
}
LEVELS = "difficulty_level.detection|difficulty_level.tracking int8"
EXTRINSIC = "extrinsic.transform fixed_size_list<item: double>[16]"
EXPECTED = {
    "lidar": ("LiDARComponent", "seg ts laser", IMAGE.format(1), IMAGE.format(2)),
    "lidar_pose": ("LiDARPoseComponent", "seg ts laser", IMAGE.format(1)),
    "lidar_camera_projection": (
        "LiDARCameraProjectionComponent", "seg ts laser", IMAGE.format(1), IMAGE.format(2),
    ),
    "lidar_calibration": (
        "LiDARCalibrationComponent", "seg laser", EXTRINSIC,
        "beam_inclination.min|beam_inclination.max double",
        "beam_inclination.values list<item: double>",
    ),
    "camera_image": (
        "CameraImageComponent", "seg ts camera", "image binary",
        "pose.transform fixed_size_list<item: double>[16]",
        "velocity.linear_velocity.x|velocity.linear_velocity.y|velocity.linear_velocity.z float",
        "velocity.angular_velocity.x|velocity.angular_velocity.y|velocity.angular_velocity.z "
        "double",
        "pose_timestamp double",
        "rolling_shutter_params.shutter|rolling_shutter_params.camera_trigger_time|"
        "rolling_shutter_params.camera_readout_done_time double",
    ),
    "camera_calibration": (
        "CameraCalibrationComponent", "seg camera",
        "intrinsic.f_u|intrinsic.f_v|intrinsic.c_u|intrinsic.c_v|intrinsic.k1|intrinsic.k2|"
        "intrinsic.p1|intrinsic.p2|intrinsic.k3 double",
        EXTRINSIC, "width|height int32", "rolling_shutter_direction int8",
    ),
    "lidar_box": (
        "LiDARBoxComponent", "seg ts laser_object", BOX.format("box"), "type int8",
        "num_lidar_points_in_box|num_top_lidar_points_in_box int64",
        "speed.x|speed.y|speed.z|acceleration.x|acceleration.y|acceleration.z double", LEVELS,
    ),
    "lidar_camera_synced_box": (
        "LiDARCameraSyncedBoxComponent", "seg ts laser_object", "most_visible_camera_name int8",
        BOX.format("camera_synced_box"),
    ),
    "projected_lidar_box": (
        "ProjectedLiDARBoxComponent", "seg ts camera laser_object", BOX_2D, "type int8",
    ),
    "camera_box": (
        "CameraBoxComponent", "seg ts camera camera_object", BOX_2D, "type int8", LEVELS,
    ),
    "vehicle_pose": ("VehiclePoseComponent", "seg ts", POSE),
    "stats": (
        "StatsComponent", "seg ts", "time_of_day|location|weather string",
        "lidar_object_counts.types list<item: int8>",
        "lidar_object_counts.counts list<item: int32>",
        "camera_object_counts.types list<item: int8>",
        "camera_object_counts.counts list<item: int32>",
    ),
}  # fmt: skip


def list_expected(tag: str) -> list[tuple[str, str]]:
    """(name, Arrow type in words) of every column."""
    name, keys, *groups = EXPECTED[tag]
    found = [tuple(KEYS[key].split(" ", 1)) for key in keys.split()]
    for group in "; ".join(groups).split("; "):
        paths, kind = group.split(" ", 1)
        found += [(f"[{name}].{path}", kind) for path in paths.split("|")]
    return [(path, kind) for path, kind in found]


@pytest.mark.parametrize("tag", sorted(COMPONENTS))
def test_columns_are_those_of_the_data_set(tag: str) -> None:
    schema = COMPONENTS[tag].schema()
    assert [(field.name, str(field.type)) for field in schema] == list_expected(tag)


def test_every_component_is_checked() -> None:
    assert set(COMPONENTS) == set(EXPECTED)


def test_a_column_is_found_by_its_path_or_key() -> None:
    box = COMPONENTS["lidar_box"]
    assert box.column("speed.x").name == "[LiDARBoxComponent].speed.x"
    assert box.column("key.laser_object_id").type == pa.string()


def test_old_files_have_float32_and_names() -> None:
    image = COMPONENTS["camera_image"]
    kinds = {column.name: old_type(column) for column in image.columns}
    assert kinds["key.camera_name"] == pa.string()
    assert kinds["[CameraImageComponent].pose_timestamp"] == pa.float32()
    assert kinds["[CameraImageComponent].pose.transform"] == pa.list_(pa.float32(), 16)
    assert kinds["[CameraImageComponent].image"] == pa.binary()
    beams = COMPONENTS["lidar_calibration"].column("beam_inclination.values")
    assert old_type(beams) == pa.list_(pa.float32())
