"""One frame of a Waymo segment as both file versions hold it: numbers, not yet points and pixels.

The readers of both versions make these values, their writers take them. Nothing is converted:
range images, poses, calibrations and boxes are in Waymo's own conventions.

* **Vehicle frame**: x forward, y left, z up. Boxes and extrinsics are in it.
* **World frame**: fixed to the segment's surroundings, z up. Maps and poses are in it.
* **Camera frame**: x along the optical axis, y left, z up.
* Matrices `a_T_b` are 4x4 float64 and take points of frame b into frame a.

Source: protos `dataset.proto`, `label.proto` and `map.proto`, and the components of version 2, of
waymo-research/waymo-open-dataset.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Protocol

from calico.frame import Float32, Float64, Int64

LASERS: dict[int, str] = {1: "TOP", 2: "FRONT", 3: "SIDE_LEFT", 4: "SIDE_RIGHT", 5: "REAR"}
CAMERA_NAMES: dict[int, str] = {
    1: "FRONT",
    2: "FRONT_LEFT",
    3: "FRONT_RIGHT",
    4: "SIDE_LEFT",
    5: "SIDE_RIGHT",
}
OBJECT_TYPES: dict[int, str] = {1: "vehicle", 2: "pedestrian", 3: "sign", 4: "cyclist"}
TOP = 1


@dataclass(frozen=True)
class LidarCalibration:
    """Mount and beams of one LiDAR.

    Attributes:
        vehicle_T_lidar: (4, 4).
        inclination_min, inclination_max: Ends of evenly spaced beams [rad].
        inclinations: (H,) of every beam, from the lowest to the highest [rad]; None if the beams
            are evenly spaced.
    """

    vehicle_T_lidar: Float64
    inclination_min: float
    inclination_max: float
    inclinations: Float64 | None = None


@dataclass(frozen=True)
class LidarScan:
    """The range images of one LiDAR in one frame.

    Attributes:
        returns: One or two arrays (H, W, 4) float32: range [m] (no return if <= 0), intensity (not
            bounded), elongation (0..1.5), 1 inside a no-label zone (else -1 or 0). Row 0 is the
            highest beam.
        pixel_pose: (H, W, 6) float32 roll, pitch, yaw [rad], x, y, z [m]: world_T_vehicle at the
            moment of each pixel; of the first return, and valid for the second. None for all but
            the LiDAR on the roof.
    """

    returns: tuple[Float32, ...]
    pixel_pose: Float32 | None = None


@dataclass(frozen=True)
class CameraCalibration:
    """Lens and mount of one camera.

    Attributes:
        intrinsic: (9,) f_u, f_v, c_u, c_v [px, 0 is the edge of the first pixel], k1, k2, p1, p2,
            k3 (OpenCV's distortion).
        vehicle_T_camera: (4, 4), the camera's x along the optical axis.
        width, height: Size of the images [px].
        shutter_direction: 1 top to bottom, 2 left to right, 3 bottom to top, 4 right to left, 5
            global shutter, 0 unknown.
    """

    intrinsic: Float64
    vehicle_T_camera: Float64
    width: int
    height: int
    shutter_direction: int = 0


@dataclass(frozen=True)
class CameraImage:
    """One image as it is stored.

    Attributes:
        jpeg: The file's bytes.
        world_T_vehicle: (4, 4) at `pose_time_s`.
        velocity: (6,) linear [m/s, world] and angular [rad/s, vehicle]; None if unknown.
        pose_time_s: Time of the pose [s].
        shutter_s, trigger_s, readout_s: Exposure, start and end of the readout [s].
    """

    jpeg: bytes
    world_T_vehicle: Float64
    velocity: Float64 | None
    pose_time_s: float
    shutter_s: float
    trigger_s: float
    readout_s: float


@dataclass(frozen=True)
class Labels:
    """The M labelled objects of one frame. What the file leaves open is NaN, -1 or 0 as stated.

    Attributes:
        ids: M names that are unique over the segment.
        boxes: (M, 7) float64 x, y, z, length, width, height [m], heading [rad], in the vehicle
            frame.
        types: (M,) int64 key of `OBJECT_TYPES`.
        speed: (M, 3) float64 velocity over ground in the world frame's axes [m/s], or NaN. The
            protos do not say whose axes; the data set's authors do in issue 39 of their project.
        acceleration: (M, 3) float64 in the same axes [m/s^2], or NaN.
        num_points: (M,) int64 LiDAR points inside, or -1.
        num_top_points: (M,) int64 points inside that the LiDAR on the roof measured, or -1.
        detection_difficulty: (M,) int64 1 or 2, or 0 if it is not set.
        tracking_difficulty: (M,) int64 1 or 2, or 0 if it is not set.
        camera_synced: (M, 7) float64 the box at the moment of the camera that sees it best, or
            NaN.
        most_visible_camera: (M,) int64 key of `CAMERA_NAMES`, or 0.
    """

    ids: tuple[str, ...]
    boxes: Float64
    types: Int64
    speed: Float64
    acceleration: Float64
    num_points: Int64
    num_top_points: Int64
    detection_difficulty: Int64
    tracking_difficulty: Int64
    camera_synced: Float64
    most_visible_camera: Int64


@dataclass(frozen=True)
class Conditions:
    """What a frame says of its surroundings; "" where it says nothing.

    Attributes:
        time_of_day: "Day", "Dawn/Dusk" or "Night".
        location: E.g. "location_sf".
        weather: E.g. "sunny", "rain".
    """

    time_of_day: str = ""
    location: str = ""
    weather: str = ""


@dataclass(frozen=True)
class MapFeature:
    """One feature of the map, in the world frame.

    Attributes:
        id: Number, unique in the segment.
        kind: "lane", "road_line", "road_edge", "stop_sign", "crosswalk", "speed_bump", "driveway".
        points: (P, 3) float64 polyline, polygon or position [m].
        type: The enum of lanes, road lines and road edges; 0 else.
        lanes: Ids of the lanes that a stop sign holds up.
        interpolating: Whether a lane only joins others within a junction.
        left, right: Segments of a lane's boundary: (first, last) index into the lane's points, id
            of the road line or edge that bounds it there (0 for none), and boundary type.
    """

    id: int
    kind: str
    points: Float64
    type: int = 0
    lanes: tuple[int, ...] = ()
    interpolating: bool = False
    left: tuple[tuple[int, int, int, int], ...] = ()
    right: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class WaymoRecord:
    """One frame of a segment.

    Attributes:
        context: Name of the segment.
        timestamp_us: Start of the roof LiDAR's scan [microseconds].
        world_T_vehicle: (4, 4) pose that labels and points refer to.
        lidar_calibrations: By laser (`LASERS`).
        scans: By laser. It holds only those that were asked for.
        camera_calibrations: By camera (`CAMERA_NAMES`).
        images: By camera. It holds only those that were asked for.
        labels: Objects.
        conditions: Weather, time of day and place.
        no_label_zones: Polygons (P, 2) in the world frame without labels, or None if the file
            version does not hold them (version 2).
        map_features: The segment's map. None where it is unknown: in version 2, and in segments
            without any feature.
        map_offset: (3,) to add to points in the world frame to be in the map's [m].
    """

    context: str
    timestamp_us: int
    world_T_vehicle: Float64
    lidar_calibrations: dict[int, LidarCalibration]
    scans: dict[int, LidarScan]
    camera_calibrations: dict[int, CameraCalibration]
    images: dict[int, CameraImage]
    labels: Labels
    conditions: Conditions
    no_label_zones: tuple[Float64, ...] | None
    map_features: tuple[MapFeature, ...] | None
    map_offset: Float64


class Segment(Protocol):
    """An opened segment of either version.

    It can be pickled into worker processes, and holds no open file before the first read.
    """

    @property
    def context(self) -> str:
        """Name of the segment."""
        ...

    @property
    def timestamps_us(self) -> Int64:
        """(n,) of its frames, ascending."""
        ...

    def read(
        self,
        timestamp_us: int,
        *,
        lasers: Collection[int] = tuple(LASERS),
        returns: Collection[int] = (1, 2),
        cameras: Collection[int] = tuple(CAMERA_NAMES),
        with_map: bool = True,
    ) -> WaymoRecord:
        """Read one frame.

        Args:
            timestamp_us: One of `timestamps_us`.
            lasers: LiDARs whose scans are read. An empty collection reads no point.
            returns: 1, 2 or both.
            cameras: Cameras whose images are read.
            with_map: Whether `map_features` are read. Else they are None.

        Raises:
            CalicoError: The file is broken. The message names it, the frame, what was found and
                what was expected.
        """
        ...
