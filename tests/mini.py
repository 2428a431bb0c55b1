"""Settings of networks that are as small as the real ones can be, as a user would give them with
--set."""

MINI = (
    "grid={x_range_m: [-16, 16], y_range_m: [-16, 16], pillar_m: 1.0, map_x_range_m: [-16, 16], "
    "map_y_range_m: [-16, 16]}",
    "model.lidar.pillar_channels=8",
    "model.camera={image_size: [64, 128], backbone_width: 0.125, fpn_channels: 8, channels: 8, "
    "depth_bins: 8}",
    "model.bev={layers: [1, 1], strides: [2, 2], channels: [8, 8], neck_channels: 8, "
    "out_stride: 2}",
    "model.detection.channels=8",
    "model.detection.max_boxes=20",
    "model.map.channels=8",
    "device=cpu",
)
"""Cameras and LiDAR, on 32 m."""

LIDAR_ONLY = (
    "model.camera=null",
    "model.lidar.pillar_channels=8",
    "model.bev={layers: [1], strides: [2], channels: [8], neck_channels: 8, out_stride: 2}",
)
"""LiDAR alone, on the grid of the preset."""
