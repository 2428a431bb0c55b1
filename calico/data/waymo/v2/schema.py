"""The components of version 2: their columns, exactly as the data set names and types them.

A component is a table. Its tag is the name of its folder: `<root>/<split>/<tag>/<context>.parquet`.
Key columns are called `key.<name>`, all others `[<Class>].<path>`. `COMPONENTS` is the only place
where columns are listed: the writer makes its schema of it, the reader casts to it.

Source: the classes in `v2/perception` of waymo-research/waymo-open-dataset (2.0.1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa

from calico.data.waymo.records import CAMERA_NAMES, LASERS, OBJECT_TYPES

SHUTTER_DIRECTIONS = {
    1: "TOP_TO_BOTTOM",
    2: "LEFT_TO_RIGHT",
    3: "BOTTOM_TO_TOP",
    4: "RIGHT_TO_LEFT",
    5: "GLOBAL_SHUTTER",
}
LEVELS = {1: "LEVEL_1", 2: "LEVEL_2"}
TYPES = {number: f"TYPE_{name.upper()}" for number, name in OBJECT_TYPES.items()}
SEGMENT, TIMESTAMP = "key.segment_context_name", "key.frame_timestamp_micros"
LASER, CAMERA = "key.laser_name", "key.camera_name"
LASER_OBJECT, CAMERA_OBJECT = "key.laser_object_id", "key.camera_object_id"

TEXT, BINARY = pa.string(), pa.binary()
DOUBLE, SINGLE = pa.float64(), pa.float32()
INT8, INT32, INT64 = pa.int8(), pa.int32(), pa.int64()
MATRIX = pa.list_(DOUBLE, 16)
"""4 x 4, row by row."""
PIXELS, SHAPE = pa.list_(SINGLE), pa.list_(INT32, 3)
"""Values of a range image, row by row, and its height, width and number of channels."""


@dataclass(frozen=True)
class Column:
    """One column of a component.

    Attributes:
        name: Full name in the file.
        type: Arrow type of the data set's schema.
        optional: Whether the column may be absent, or null.
        enum: Names of the numbers, which older files hold in their place; 0 is unknown.
    """

    name: str
    type: pa.DataType
    optional: bool = False
    enum: Mapping[int, str] | None = None


@dataclass(frozen=True)
class Component:
    """One table.

    Attributes:
        tag: Name of its folder.
        columns: All columns in the order of the schema, the keys first.
    """

    tag: str
    columns: tuple[Column, ...]

    def schema(self) -> pa.Schema:
        """Return the schema with which a file is written."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    def column(self, path: str) -> Column:
        """Find a column.

        Args:
            path: Full name of a key, or what follows `[<Class>].` in the name.
        """
        return next(c for c in self.columns if c.name == path or c.name.endswith(f"].{path}"))


_KEYS = {
    "segment": Column(SEGMENT, TEXT),
    "time": Column(TIMESTAMP, INT64),
    "laser": Column(LASER, INT8, enum=LASERS),
    "camera": Column(CAMERA, INT8, enum=CAMERA_NAMES),
    "laser_object": Column(LASER_OBJECT, TEXT),
    "camera_object": Column(CAMERA_OBJECT, TEXT),
}


def _component(tag: str, name: str, keys: str, *columns: Column) -> Component:
    own = (
        Column(f"[{name}].{column.name}", column.type, column.optional, column.enum)
        for column in columns
    )
    return Component(tag, (*(_KEYS[key] for key in keys.split()), *own))


def _all(path: str, names: str, kind: pa.DataType = DOUBLE, optional: bool = False) -> list[Column]:
    return [Column(f"{path}.{name}" if path else name, kind, optional) for name in names.split()]


def _range_image(number: int, optional: bool = False) -> list[Column]:
    path = f"range_image_return{number}"
    return [Column(f"{path}.values", PIXELS, optional), Column(f"{path}.shape", SHAPE, optional)]


_TYPE = Column("type", INT8, enum=TYPES)
_DIFFICULTY = [
    Column(f"difficulty_level.{task}", INT8, True, LEVELS) for task in ("detection", "tracking")
]
_BOX_2D = [*_all("box.center", "x y"), *_all("box.size", "x y")]
_EXTRINSIC = Column("extrinsic.transform", MATRIX)


def _box_3d(path: str) -> list[Column]:
    return [
        *_all(f"{path}.center", "x y z"),
        *_all(f"{path}.size", "x y z"),
        Column(f"{path}.heading", DOUBLE),
    ]


def _counts(path: str) -> list[Column]:
    return [
        Column(f"{path}.types", pa.list_(INT8), True),
        Column(f"{path}.counts", pa.list_(INT32), True),
    ]


_ALL = (
    _component(
        "lidar",
        "LiDARComponent",
        "segment time laser",
        *_range_image(1, optional=True),
        *_range_image(2, optional=True),
    ),
    _component("lidar_pose", "LiDARPoseComponent", "segment time laser", *_range_image(1)),
    _component(
        "lidar_camera_projection",
        "LiDARCameraProjectionComponent",
        "segment time laser",
        *_range_image(1),
        *_range_image(2, optional=True),
    ),
    _component(
        "lidar_calibration",
        "LiDARCalibrationComponent",
        "segment laser",
        _EXTRINSIC,
        *_all("beam_inclination", "min max"),
        Column("beam_inclination.values", pa.list_(DOUBLE), True),
    ),
    _component(
        "camera_image",
        "CameraImageComponent",
        "segment time camera",
        Column("image", BINARY),
        Column("pose.transform", MATRIX),
        *_all("velocity.linear_velocity", "x y z", SINGLE, optional=True),
        *_all("velocity.angular_velocity", "x y z", optional=True),
        Column("pose_timestamp", DOUBLE),
        *_all("rolling_shutter_params", "shutter camera_trigger_time camera_readout_done_time"),
    ),
    _component(
        "camera_calibration",
        "CameraCalibrationComponent",
        "segment camera",
        *_all("intrinsic", "f_u f_v c_u c_v k1 k2 p1 p2 k3"),
        _EXTRINSIC,
        *_all("", "width height", INT32),
        Column("rolling_shutter_direction", INT8, True, SHUTTER_DIRECTIONS),
    ),
    _component(
        "lidar_box",
        "LiDARBoxComponent",
        "segment time laser_object",
        *_box_3d("box"),
        _TYPE,
        *_all("", "num_lidar_points_in_box num_top_lidar_points_in_box", INT64, optional=True),
        *_all("speed", "x y z", optional=True),
        *_all("acceleration", "x y z", optional=True),
        *_DIFFICULTY,
    ),
    _component(
        "lidar_camera_synced_box",
        "LiDARCameraSyncedBoxComponent",
        "segment time laser_object",
        Column("most_visible_camera_name", INT8, True, CAMERA_NAMES),
        *_box_3d("camera_synced_box"),
    ),
    _component(
        "projected_lidar_box",
        "ProjectedLiDARBoxComponent",
        "segment time camera laser_object",
        *_BOX_2D,
        _TYPE,
    ),
    _component(
        "camera_box",
        "CameraBoxComponent",
        "segment time camera camera_object",
        *_BOX_2D,
        _TYPE,
        *_DIFFICULTY,
    ),
    _component(
        "vehicle_pose",
        "VehiclePoseComponent",
        "segment time",
        Column("world_from_vehicle.transform", MATRIX),
    ),
    _component(
        "stats",
        "StatsComponent",
        "segment time",
        *_all("", "time_of_day location weather", TEXT, optional=True),
        *_counts("lidar_object_counts"),
        *_counts("camera_object_counts"),
    ),
)
COMPONENTS: dict[str, Component] = {component.tag: component for component in _ALL}
"""Every component that is known, by tag."""


def old_type(column: Column) -> pa.DataType:
    """Return the type that files before the release have: float32 for double, text for an enum.

    Source: the two files in the data set's repository, `vehicle_pose` and `camera_hkp`.
    """
    if column.enum is not None:
        return TEXT
    if column.type == DOUBLE:
        return SINGLE
    if column.type == MATRIX:
        return pa.list_(SINGLE, 16)
    return pa.list_(SINGLE) if column.type == pa.list_(DOUBLE) else column.type
