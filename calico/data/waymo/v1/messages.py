"""The fields of Waymo's messages that are read or written, by their number and type.

Fields that nobody uses are left out: they are skipped.

Source: dataset.proto, label.proto, map.proto, metrics.proto, submission.proto and keypoint.proto of
waymo-research/waymo-open-dataset (package waymo-open-dataset-tf-2-12-0 1.6.7).
"""

from __future__ import annotations

from calico.data.waymo.v1.wire import Field, Kind, Message


def _numbers(kind: Kind, names: dict[int, str]) -> dict[int, Field]:
    return {number: Field(name, kind) for number, name in names.items()}


def _part(name: str, message: Message) -> Field:
    return Field(name, "message", message=message)


def _parts(name: str, message: Message) -> Field:
    return Field(name, "message", repeated=True, message=message)


# fmt: off
TRANSFORM = Message("Transform", {1: Field("transform", "double", repeated=True)})
VECTOR = Message("Vector3d", _numbers("double", {1: "x", 2: "y", 3: "z"}))
MATRIX_SHAPE = Message("MatrixShape", {1: Field("dims", "int32", repeated=True)})
MATRIX_FLOAT = Message("MatrixFloat", {
    1: Field("data", "float", repeated=True, packed=True),
    2: _part("shape", MATRIX_SHAPE),
})
POLYGON = Message("Polygon2dProto", {
    1: Field("x", "double", repeated=True),
    2: Field("y", "double", repeated=True),
    3: Field("id", "string"),
})

BOX = Message("Label.Box", _numbers("double", {
    1: "center_x", 2: "center_y", 3: "center_z", 4: "width", 5: "length", 6: "height",
    7: "heading",
}))
METADATA = Message("Label.Metadata", _numbers("double", {
    1: "speed_x", 2: "speed_y", 3: "accel_x", 4: "accel_y", 5: "speed_z", 6: "accel_z",
}))
LABEL = Message("Label", {
    1: _part("box", BOX),
    2: _part("metadata", METADATA),
    3: Field("type", "enum"),
    4: Field("id", "string"),
    5: Field("detection_difficulty_level", "enum"),
    6: Field("tracking_difficulty_level", "enum"),
    7: Field("num_lidar_points_in_box", "int32"),
    11: Field("most_visible_camera_name", "string"),
    12: _part("camera_synced_box", BOX),
    13: Field("num_top_lidar_points_in_box", "int32"),
})

CAMERA_CALIBRATION = Message("CameraCalibration", {
    1: Field("name", "enum"),
    2: Field("intrinsic", "double", repeated=True),
    3: _part("extrinsic", TRANSFORM),
    4: Field("width", "int32"),
    5: Field("height", "int32"),
    6: Field("rolling_shutter_direction", "enum"),
})
LASER_CALIBRATION = Message("LaserCalibration", {
    1: Field("name", "enum"),
    2: Field("beam_inclinations", "double", repeated=True),
    3: Field("beam_inclination_min", "double"),
    4: Field("beam_inclination_max", "double"),
    5: _part("extrinsic", TRANSFORM),
})
STATS = Message("Context.Stats", _numbers("string", {
    2: "time_of_day", 3: "location", 4: "weather",
}))
CONTEXT = Message("Context", {
    1: Field("name", "string"),
    2: _parts("camera_calibrations", CAMERA_CALIBRATION),
    3: _parts("laser_calibrations", LASER_CALIBRATION),
    4: _part("stats", STATS),
})
VELOCITY = Message("Velocity", {
    1: Field("v_x", "float"), 2: Field("v_y", "float"), 3: Field("v_z", "float"),
    4: Field("w_x", "double"), 5: Field("w_y", "double"), 6: Field("w_z", "double"),
})
CAMERA_IMAGE = Message("CameraImage", {
    1: Field("name", "enum"),
    2: Field("image", "bytes"),
    3: _part("pose", TRANSFORM),
    4: _part("velocity", VELOCITY),
    5: Field("pose_timestamp", "double"),
    6: Field("shutter", "double"),
    7: Field("camera_trigger_time", "double"),
    8: Field("camera_readout_done_time", "double"),
})
RANGE_IMAGE = Message("RangeImage", {
    1: _part("range_image", MATRIX_FLOAT),
    2: Field("range_image_compressed", "bytes"),
    4: Field("range_image_pose_compressed", "bytes"),
})
LASER = Message("Laser", {
    1: Field("name", "enum"),
    2: _part("ri_return1", RANGE_IMAGE),
    3: _part("ri_return2", RANGE_IMAGE),
})

BOUNDARY_SEGMENT = Message("BoundarySegment", {
    1: Field("lane_start_index", "int32"),
    2: Field("lane_end_index", "int32"),
    3: Field("boundary_feature_id", "int64"),
    4: Field("boundary_type", "enum"),
})
LANE = Message("LaneCenter", {
    2: Field("type", "enum"),
    3: Field("interpolating", "bool"),
    8: _parts("polyline", VECTOR),
    13: _parts("left_boundaries", BOUNDARY_SEGMENT),
    14: _parts("right_boundaries", BOUNDARY_SEGMENT),
})
LINE = Message("RoadLine or RoadEdge", {1: Field("type", "enum"), 2: _parts("polyline", VECTOR)})
STOP_SIGN = Message("StopSign", {
    1: Field("lane", "int64", repeated=True),
    2: _part("position", VECTOR),
})
AREA = Message("Crosswalk, SpeedBump or Driveway", {1: _parts("polygon", VECTOR)})
MAP_FEATURE = Message("MapFeature", {
    1: Field("id", "int64"),
    3: _part("lane", LANE),
    4: _part("road_line", LINE),
    5: _part("road_edge", LINE),
    7: _part("stop_sign", STOP_SIGN),
    8: _part("crosswalk", AREA),
    9: _part("speed_bump", AREA),
    10: _part("driveway", AREA),
})

FRAME = Message("Frame", {
    1: _part("context", CONTEXT),
    2: Field("timestamp_micros", "int64"),
    3: _part("pose", TRANSFORM),
    4: _parts("images", CAMERA_IMAGE),
    5: _parts("lasers", LASER),
    6: _parts("laser_labels", LABEL),
    7: _parts("no_label_zones", POLYGON),
    10: _parts("map_features", MAP_FEATURE),
    11: _part("map_pose_offset", VECTOR),
})

OBJECT = Message("Object", {
    1: _part("object", LABEL),
    2: Field("score", "float"),
    3: Field("overlap_with_nlz", "bool"),
    4: Field("context_name", "string"),
    5: Field("frame_timestamp_micros", "int64"),
    6: Field("camera_name", "enum"),
})
ZONE_OBJECT = Message("NoLabelZoneObject", {
    1: _part("zone", POLYGON),
    2: Field("context_name", "string"),
    3: Field("frame_timestamp_micros", "int64"),
})
OBJECTS = Message("Objects", {
    1: _parts("objects", OBJECT),
    2: _parts("no_label_zone_objects", ZONE_OBJECT),
})
SUBMISSION = Message("Submission", {
    1: Field("task", "enum"),
    2: Field("unique_method_name", "string"),
    3: Field("authors", "string", repeated=True),
    4: Field("affiliation", "string"),
    5: Field("description", "string"),
    6: Field("method_link", "string"),
    9: Field("number_past_frames_exclude_current", "int32"),
    10: Field("number_future_frames_exclude_current", "int32"),
    11: _part("inference_results", OBJECTS),
    12: Field("sensor_type", "enum"),
    13: Field("account_name", "string"),
    14: Field("object_types", "enum", repeated=True),
    15: Field("latency_second", "float"),
    16: Field("docker_image_source", "string"),
})
# fmt: on
