"""The embedded simulator as a Waymo segment: the same worlds, scanned by a Waymo vehicle.

`calico data convert --from sim` writes these records in both file versions, and the tests of the
readers are made of them. A frame is 0.1 s; its pose is that of the middle of the roof LiDAR's turn,
and so are labels and the places of all things, while the vehicle drives on during the turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import shapely

from calico.config.data import SimConfig
from calico.data.sim.motion import KEYFRAME_S
from calico.data.sim.world import World, build_world
from calico.data.waymo.range_image import convert_scan
from calico.data.waymo.records import (
    LASERS,
    TOP,
    CameraImage,
    Conditions,
    LidarCalibration,
    LidarScan,
    MapFeature,
    WaymoRecord,
)
from calico.data.waymo.simulated.camera import render_jpeg
from calico.data.waymo.simulated.labels import Moment, label_actors
from calico.data.waymo.simulated.lidar import Surroundings, make_scan, scan_range_images
from calico.data.waymo.simulated.poses import vehicle_poses, vehicle_velocity
from calico.data.waymo.simulated.rig import (
    CAMERA_DELAY_S,
    FRAME_S,
    SIDE_RANGE_M,
    SIDE_VIEW_RAD,
    TOP_RANGE_M,
    WaymoRig,
    camera_calibrations,
    lidar_calibrations,
)
from calico.data.waymo.simulated.streets import list_features
from calico.errors import CalicoError
from calico.frame import Float64
from calico.seeds import derive_seed, make_generator

FIRST_TIME_US = 1_550_000_000_000_000
SCENE_US = 3_600_000_000
"""Scenes begin an hour apart."""


@dataclass(frozen=True)
class SimulatedSegment:
    """One scene, whose records are made one after the other while they are asked for.

    Attributes:
        context: Name of the segment, in the form of the data set's names.
        config: Number of frames, at 10 Hz, and the world's seed.
        split: "train", "val" or "test".
        scene: Index of the scene in its split.
        rig: The sensors.
    """

    context: str
    config: SimConfig
    split: str
    scene: int
    rig: WaymoRig

    def __len__(self) -> int:
        return self.config.frames_per_scene

    def records(self) -> Iterator[WaymoRecord]:
        """Simulate frame by frame; no more than one frame is kept."""
        maker = _RecordMaker(self)
        for number in range(len(self)):
            yield maker.make(number)


def simulate_segments(
    config: SimConfig, split: str, rig: WaymoRig | None = None
) -> tuple[SimulatedSegment, ...]:
    """List the scenes of a split of the simulator as segments. Nothing is simulated yet.

    Args:
        config: Number of scenes and frames (10 a second), and the world's seed. The image size is
            that of the rig.
        split: "train", "val" or "test".
        rig: The sensors, by default those of the data set at full size.

    Raises:
        CalicoError: The split is unknown.
    """
    scenes = {"train": config.train_scenes, "val": config.val_scenes, "test": config.test_scenes}
    if split not in scenes:
        raise CalicoError(f"simulator: got split '{split}', expected one of {', '.join(scenes)}")
    rig = rig or WaymoRig()
    return tuple(
        SimulatedSegment(_name(config, split, scene), config, split, scene, rig)
        for scene in range(scenes[split])
    )


def _name(config: SimConfig, split: str, scene: int) -> str:
    """A name of the data set's form: a long number, and the times it lasts."""
    number = derive_seed(config.seed, "waymo", split, scene)
    stop = round(config.frames_per_scene * FRAME_S)
    return f"{number}_0_000_{stop}_000"


class _RecordMaker:
    """Keeps what all frames of a scene share."""

    def __init__(self, segment: SimulatedSegment) -> None:
        config, rig = segment.config, segment.rig
        self.segment = segment
        self.rig = rig
        span = config.frames_per_scene * FRAME_S
        keyframes = int(np.ceil(span / KEYFRAME_S)) + 1
        self.world: World = build_world(config.seed, segment.split, segment.scene, keyframes)
        self.lidars = lidar_calibrations(rig)
        self.cameras = camera_calibrations(rig)
        self.zones = shapely.union_all([park.area for park in self.world.layout.carparks[1:]])
        self.shift = np.asarray(rig.world_shift, np.float64)
        self.features: tuple[MapFeature, ...] = list_features(
            self.world.layout, self.shift + np.asarray(rig.map_offset)
        )

    def make(self, number: int) -> WaymoRecord:
        """Simulate the frame of a number."""
        start_s = number * FRAME_S
        middle_s = start_s + FRAME_S / 2
        start_us = FIRST_TIME_US + self.segment.scene * SCENE_US + round(start_s * 1e6)
        seed = derive_seed(
            self.segment.config.seed, "waymo", self.segment.split, self.segment.scene, number
        )
        pose = vehicle_poses(self.world, np.array([middle_s]))[0]
        scans = self._scan(start_s, middle_s, pose, seed)
        world_T_vehicle = self._shifted(pose[None])[0]
        points = {
            laser: convert_scan(scan, self.lidars[laser], world_T_vehicle).xyz
            for laser, scan in scans.items()
        }
        moment = Moment(middle_s, pose, CAMERA_DELAY_S)
        return WaymoRecord(
            context=self.segment.context,
            timestamp_us=start_us,
            world_T_vehicle=world_T_vehicle,
            lidar_calibrations=self.lidars,
            scans=scans,
            camera_calibrations=self.cameras,
            images=self._photograph(middle_s, start_us * 1e-6 + FRAME_S / 2, seed),
            labels=label_actors(self.world, moment, points, self.cameras, self.zones),
            conditions=self._conditions(),
            no_label_zones=self._zone_polygons(),
            map_features=self.features,
            map_offset=np.asarray(self.rig.map_offset, np.float64),
        )

    def _shifted(self, poses: Float64) -> Float64:
        """Poses (T, 4, 4) of the simulator's world in that of the records."""
        result: Float64 = poses.copy()
        result[:, :3, 3] += self.shift
        return result

    def _scan(
        self, start_s: float, middle_s: float, pose: Float64, seed: int
    ) -> dict[int, LidarScan]:
        around = Surroundings(self.world.solids(middle_s), self.world.ground, self.zones)
        scans = {}
        for laser in LASERS:
            calibration: LidarCalibration = self.lidars[laser]
            rows, columns = self.rig.scan_size(laser)
            turns = laser == TOP
            times = start_s + FRAME_S * (0.5 + np.arange(columns)) / columns
            poses = vehicle_poses(self.world, times) if turns else np.tile(pose, (columns, 1, 1))
            images = scan_range_images(
                around,
                calibration,
                (rows, columns),
                poses,
                TOP_RANGE_M if turns else SIDE_RANGE_M,
                np.pi if turns else SIDE_VIEW_RAD,
                make_generator(seed, "lidar", laser),
            )
            scans[laser] = make_scan(images, self._shifted(poses) if turns else None)
        return scans

    def _photograph(
        self, middle_s: float, middle_unix_s: float, seed: int
    ) -> dict[int, CameraImage]:
        images = {}
        for camera, calibration in self.cameras.items():
            delay = CAMERA_DELAY_S[camera]
            time_s = middle_s + delay
            unix_s = middle_unix_s + delay
            images[camera] = CameraImage(
                jpeg=render_jpeg(
                    self.world,
                    calibration,
                    time_s,
                    self.rig.jpeg_quality,
                    make_generator(seed, "camera", camera),
                ),
                world_T_vehicle=self._shifted(vehicle_poses(self.world, np.array([time_s])))[0],
                velocity=vehicle_velocity(self.world, time_s),
                pose_time_s=unix_s,
                shutter_s=0.005,
                trigger_s=unix_s - 0.0025,
                readout_s=unix_s + 0.0025,
            )
        return images

    def _conditions(self) -> Conditions:
        times = {"night": "Night", "low_sun": "Dawn/Dusk"}
        return Conditions(times.get(self.world.light.name, "Day"), "location_other", "sunny")

    def _zone_polygons(self) -> tuple[Float64, ...]:
        return tuple(
            shapely.get_coordinates(part.exterior)[:-1] + self.shift[:2]
            for part in shapely.get_parts(self.zones)
        )
