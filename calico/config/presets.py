"""Configurations to start from, as Python objects.

`calico train --preset NAME` uses them and `calico config show --preset NAME` prints them.
"""

from __future__ import annotations

from collections.abc import Callable

from calico.config.data import DataConfig, SimConfig, WaymoConfig
from calico.config.model import (
    BevConfig,
    CameraConfig,
    DetectionConfig,
    GridConfig,
    LidarConfig,
    MapConfig,
    ModelConfig,
)
from calico.config.schema import Config, EvalConfig
from calico.config.taxonomy import TaxonomyConfig
from calico.config.training import (
    AugmentConfig,
    PrcConfig,
    PretrainConfig,
    RadConfig,
    RegionConfig,
    SampleConfig,
    ScheduleConfig,
    TrainConfig,
)


def make_tiny() -> Config:
    """Return the preset for the embedded simulator on two CPU cores: the whole product in minutes.

    Command: calico train --preset tiny --out runs/tiny Cost and expected figures: docs/results.
    """
    return Config(
        name="tiny",
        grid=GridConfig(),
        data=DataConfig(
            source="sim", sim=SimConfig(train_scenes=40, val_scenes=10, frames_per_scene=5)
        ),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=32),
            camera=CameraConfig(
                backbone="resnet18", backbone_width=0.5, fpn_channels=32, channels=32, depth_bins=30
            ),
            bev=BevConfig(
                layers=(2, 3, 3),
                strides=(2, 2, 2),
                channels=(32, 64, 128),
                neck_channels=32,
                out_stride=2,
            ),
            detection=DetectionConfig(
                tasks=(
                    ("car", "truck", "bus", "trailer", "construction_vehicle"),
                    ("pedestrian", "motorcycle", "bicycle", "traffic_cone", "barrier"),
                ),
                channels=32,
                max_boxes=100,
            ),
            map=MapConfig(channels=24),
        ),
        augment=AugmentConfig(image_resize=(0.9, 1.1), image_rotation_deg=3.0, sensor_dropout=0.1),
        pretrain=PretrainConfig(
            regions=RegionConfig(ground="ransac", ceiling_m=4.0),  # the simulator's ground is flat
            samples=SampleConfig(rich=512, less=512),
            prc=PrcConfig(train=ScheduleConfig(epochs=3, learning_rate=2e-3, validate_every=3)),
            rad=RadConfig(train=ScheduleConfig(epochs=2, learning_rate=2e-3, validate_every=2)),
        ),
        train=TrainConfig(epochs=6, batch_size=4, learning_rate=4e-3, validate_every=6),
        eval=EvalConfig(clip_range_to_grid=True),
    )


def make_nuscenes() -> Config:
    """Return the preset for nuScenes: public CenterPoint-PointPillars settings with six cameras.

    Its sources are named in docs/explanation/model.md. The image backbone starts from random
    weights unless `model.camera.backbone_weights` names a file.

    Command: calico train --preset nuscenes --data-root DATA --out runs/nuscenes

    Cost: it needs a GPU. The public zoo entry with these LiDAR settings, which has no cameras,
    reports mAP of about 50 and NDS of about 60. The figure of this preset has not been measured
    yet. The zoo's 20 epochs are longer: class-balanced sampling makes an epoch there 4.4 times as
    long as the split (123,580 of 28,130 frames, Zhu et al. 2019), while it keeps the length here.
    """
    return Config(
        name="nuscenes",
        grid=GridConfig(
            x_range_m=(-51.2, 51.2),
            y_range_m=(-51.2, 51.2),
            z_range_m=(-5.0, 3.0),
            pillar_m=0.2,
            map_cell_m=0.5,
            map_x_range_m=(-50.0, 50.0),
            map_y_range_m=(-50.0, 50.0),
        ),
        data=DataConfig(source="nuscenes", version="v1.0-trainval", sweeps=10, workers=8),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=64),
            camera=CameraConfig(
                image_size=(256, 704),
                fpn_channels=256,
                channels=80,
                depth_range_m=(1.0, 60.0),
                depth_bins=118,
            ),
            bev=BevConfig(),
            detection=DetectionConfig(max_boxes=500),
            map=MapConfig(),
        ),
        augment=AugmentConfig(
            rotation_deg=45.0,
            scale=(0.9, 1.1),
            translation_m=0.5,
            image_resize=(0.86, 1.25),
            image_rotation_deg=5.4,
            image_flip=True,
        ),
        train=TrainConfig(
            epochs=20,
            batch_size=4,
            learning_rate=1e-3,
            class_balanced=True,
            validate_every=5,
            checkpoint_every=1,
        ),
    )


def make_waymo() -> Config:
    """Return the preset for Waymo: public CenterPoint-PointPillars settings with five cameras.

    It has three classes, one task and a stride-1 head. Both versions of the files are read; every
    fifth frame is used, as public configurations do, and images at half their size. Heights are
    those of the public settings, moved into the LiDAR frame, whose origin is the LiDAR on the roof,
    2.18 m above the ground. It has no map head, as version 2 of the data has no maps. With version
    1, `--set model.map={}` adds one (docs/guides/waymo.md).

    Command: calico train --preset waymo --data-root DATA --out runs/waymo

    Cost: it needs a GPU. The figure of this preset has not been measured yet.
    """
    return Config(
        name="waymo",
        taxonomy=TaxonomyConfig(name="waymo"),
        grid=GridConfig(
            x_range_m=(-74.88, 74.88),
            y_range_m=(-74.88, 74.88),
            z_range_m=(-4.2, 1.8),
            pillar_m=0.32,
            map_x_range_m=(-50.0, 50.0),
            map_y_range_m=(-50.0, 50.0),
        ),
        data=DataConfig(
            source="waymo",
            cameras=("FRONT", "FRONT_LEFT", "FRONT_RIGHT", "SIDE_LEFT", "SIDE_RIGHT"),
            workers=8,
            waymo=WaymoConfig(interval=5, image_reduction=2),
        ),
        model=ModelConfig(
            lidar=LidarConfig(pillar_channels=64),
            camera=CameraConfig(
                image_size=(256, 704),
                fpn_channels=256,
                channels=80,
                depth_range_m=(1.0, 75.0),
                depth_bins=148,
                heights_m=(-2.2, -1.45, -0.7, 0.3),
            ),
            bev=BevConfig(strides=(1, 2, 2), out_stride=1),
            detection=DetectionConfig(
                tasks=(("vehicle", "pedestrian", "cyclist"),),
                max_boxes=500,
                nms_iou=0.7,
                regression_weight=2.0,
            ),
            map=None,
        ),
        augment=AugmentConfig(rotation_deg=45.0, scale=(0.95, 1.05)),
        train=TrainConfig(epochs=36, batch_size=4, learning_rate=3e-3),
    )


PRESETS: dict[str, Callable[[], Config]] = {
    "tiny": make_tiny,
    "nuscenes": make_nuscenes,
    "waymo": make_waymo,
}
