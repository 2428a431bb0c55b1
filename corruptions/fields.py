"""The fields of a frame, in words: error messages and documentation quote this table."""

from __future__ import annotations

FIELDS = {
    "token": "the frame's name, a text",
    "scene": "the scene's name, a text",
    "points": "(N, 5) float32 array of x, y, z [m], intensity [0..1], age [s]",
    "ring": "(N,) int16 array of the points' beams, -1 where unknown",
    "sweep_index": "(N,) int16 array of the points' sweeps, 0 for the keyframe's",
    "sweep_T": "(S, 4, 4) array of the poses of the sweeps in the LiDAR frame",
    "elongation": "(N,) float32 array, or None",
    "lidar_index": "(N,) int16 array of the points' LiDARs, or None for a single one",
    "lidar_T": "(L, 4, 4) array of the poses of the LiDARs in the frame's LiDAR frame, or None",
    "unlabelled": "(N,) bool array of the points in zones without labels, or None",
    "images": "tuple of (H, W, 3) uint8 RGB arrays, one for each camera",
    "camera_K": "(V, 3, 3) array of the cameras' matrices [px]",
    "camera_T_lidar": "(V, 4, 4) array of the cameras' poses",
    "ego_T_lidar": "(4, 4) array, the LiDAR's pose in the vehicle, whose z = 0 is the road",
    "boxes": "dataclass with the labelled objects as `boxes`, a (M, 9) float32 array",
    "previous": "function without arguments that gives the keyframe before, or None",
}
"""What a frame has, and what it is."""

OPTIONAL = ("elongation", "lidar_index", "lidar_T", "unlabelled", "previous")
"""The fields that may be None: the sensor, or the data set, has no such thing."""
