"""The suites' conditions, row by row. See `corruptions.presets` for an introduction.

The figures are those of papers and public code, read in November 2026. No code was taken over. None
of the presets repeats the public suite's images or point clouds: they ask the same question with
the corruption that the name promises. If the public code does something else, the row's note says
so.
"""

from __future__ import annotations

from corruptions.catalogue import SPECS
from corruptions.preset import Preset, Row

ALL = (1, 2, 3, 4, 5)

CALICO = Preset(
    "calico",
    "Our default: one or more of every group, small enough for CI.",
    "this package",
    tuple(
        Row(name, name, severities=ALL)
        for name in (
            "fog",
            "rain",
            "snowfall",
            "low_light",
            "motion_blur",
            "camera_crash",
            "beams_reduced",
            "fov_limited",
            "crosstalk",
            "extrinsic",
            "temporal_offset",
            "object_echo",
        )
    ),
)

ROBO3D = Preset(
    "robo3d",
    "Robo3D, nuScenes-C: eight LiDAR corruptions, light, moderate, heavy.",
    "Kong et al., ICCV 2023 (arXiv 2303.17597); github.com/ldkong1205/Robo3D, create/nuscenes_c",
    (
        Row(
            "Fog",
            "fog",
            (300, 150, 50),
            note="The public code draws the extinction of every frame at random from 0 to 0.06 per "
            "metre, at every level alike; a level only sets the backscatter, to 0.008, 0.05, 0.2, "
            "which by 0.046 / MOR would be "
            "a visibility of 5.8, 0.9 and 0.2 m. Here: the extinctions 0.01, 0.02, 0.06 per metre.",
        ),
        Row("Wet ground", "wet_ground", (0.2, 1.0, 1.2)),
        Row(
            "Snow",
            "snowfall",
            (0.5, 1.0, 2.5),
            note="Rates as in the names of its flake files, at fall speeds of 2.0, 1.6, "
            "1.6 m/s; here the rate alone sets the snow.",
        ),
        Row(
            "Motion blur",
            "motion_jitter",
            (0.2, 0.25, 0.3),
            note="Only the light level is in the public scripts; the other two are ours.",
        ),
        Row(
            "Beam missing",
            "beam_missing",
            (8 / 32, 16 / 32, 24 / 32),
            note="The public code draws the 8, 16, 24 of 32 beams "
            "with replacement, from 27 of them and anew for every frame: about 7, 12 and 16 are "
            "lost (of 64 "
            "beams, '48' are about 32).",
        ),
        Row(
            "Crosstalk",
            "crosstalk",
            (0.03, 0.07, 0.12),
            note="Only the light level is in the public scripts; the other two are "
            "ours. The public code adds the same N(0, 3) to the intensity.",
        ),
        Row(
            "Incomplete echo",
            "object_echo",
            (0.75, 0.85, 0.95),
            note="The public code drops points of vehicles by their "
            "semantic label; here by the labelled boxes. `incomplete_echo` needs no labels.",
        ),
        Row(
            "Cross sensor",
            "cross_sensor",
            (24 / 32, 16 / 32, 8 / 32),
            note="The public code keeps every second point in the file's order.",
        ),
    ),
    note="The suite changes the LiDAR alone; here fog and snow are one weather, and change the "
    "cameras, too.",
)

ROBOBEV = Preset(
    "robobev",
    "RoboBEV, nuScenes-C: eight camera corruptions, easy, mid, hard.",
    "Xie et al., arXiv 2304.06719; github.com/Daniel-xsy/RoboBEV, docs/CREATE.md",
    (
        Row(
            "Camera crash",
            "camera_crash",
            (2, 4, 5),
            note="The public code draws the cameras with replacement, once for the "
            "whole data set: 'four cameras' are often three.",
        ),
        Row("Frame lost", "frame_lost", (2 / 6, 4 / 6, 5 / 6)),
        Row("Color quant", "color_quant", (4, 3, 2)),
        Row(
            "Motion blur",
            "motion_blur",
            (0.010, 0.020, 0.030),
            note="ImageNet-C's levels 2, 4, 5, which are in pixels; here shares of the width.",
        ),
        Row("Brightness", "brightness", (0.2, 0.4, 0.5)),
        Row(
            "Low light",
            "low_light",
            (0.07, 0.04, 0.023),
            note="Its levels 2, 3, 4, counted from 0: the public code "
            "scales the squares of the pixel values by 0.4, 0.3, 0.2, which leaves these shares of "
            "the linear light.",
        ),
        Row(
            "Fog",
            "fog",
            (200, 60, 30),
            note="ImageNet-C's fog is a fractal cloud that knows no distance; here the "
            "visibilities "
            "of our severities 2, 4, 5, and the LiDAR is in the same fog.",
        ),
        Row(
            "Snow",
            "snowfall",
            (0.5, 1, 2),
            note="ImageNet-C's levels 1, 2, 3 are flakes drawn over the image; here rates of "
            "our severities 1, 2, 3, for the LiDAR, too.",
        ),
    ),
)

MULTICORRUPT = Preset(
    "multicorrupt",
    "MultiCorrupt: ten corruptions of cameras and LiDAR, three levels.",
    "Beemelmanns et al., IV 2024 (arXiv 2402.11677); github.com/ika-rwth-aachen/MultiCorrupt, "
    "converter",
    (
        Row("Beams reducing", "beams_reduced", (16 / 32, 8 / 32, 4 / 32)),
        Row("Brightness", "brightness", (0.1, 0.3, 0.5)),
        Row(
            "Darkness",
            "low_light",
            (0.14, 0.07, 0.04),
            note="The public code scales the squares of the pixel values "
            "by 0.6, 0.4, 0.3, which leaves these shares of the linear light.",
        ),
        Row(
            "Fog",
            "fog",
            (150, 100, 50),
            note="Its LiDAR's extinctions 0.02, 0.03, 0.06 per metre; the public code's image fog "
            "has no common scale with them.",
        ),
        Row(
            "Missing camera",
            "frame_lost",
            (0.2, 0.4, 0.6),
            note="Every image on its own, not a camera for a scene.",
        ),
        Row(
            "Motion blur",
            "motion_blur+motion_jitter",
            severities=(1, 2, 3),
            note="LiDAR 0.06, 0.10, 0.13 m, as there; images: our severities.",
        ),
        Row(
            "Points reducing",
            "point_drop",
            (0.7, 0.8, 0.9),
            note="In an earlier version of the public code: 20, 40, 60 %.",
        ),
        Row(
            "Snow",
            "snowfall",
            severities=(1, 2, 3),
            note="Rates are ours; the public code draws images and points apart.",
        ),
        Row(
            "Spatial misalignment",
            "extrinsic",
            (1, 2, 3),
            note="The public code turns the points by 1, 2, 3 degrees about each "
            "axis and moves them by 2 m, in 20, 40, 60 % of the frames, and leaves the labels "
            "where they were: no model that "
            "believes the LiDAR can be right. Here the camera poses that the model is given are "
            "wrong.",
        ),
        Row(
            "Temporal misalignment",
            "camera_stuck+lidar_stuck",
            severities=(1, 2, 3),
            note="There each camera and the LiDAR "
            "show the keyframe before with a chance of 20, 40, 60 %, on its own; here they hold "
            "for 1.5, 2, 3 keyframes.",
        ),
    ),
)

NUSCENES_C = Preset(
    "nuscenes-c",
    "3D_Corruptions_AD (nuScenes-C of Dong et al.): weather, sensor, motion, object and alignment "
    "at five levels.",
    "Dong et al., CVPR 2023 (arXiv 2303.11040); github.com/thu-ml/3D_Corruptions_AD, "
    "LiDAR_corruptions.py",
    (
        Row("Snow", "snowfall", (0.20, 0.73, 1.5625, 3.125, 7.29)),
        Row(
            "Rain",
            "rain",
            (0.20, 0.73, 1.5625, 3.125, 7.29),
            note="These rates are drizzle to moderate rain; our own severities go to 100 mm/h.",
        ),
        Row(
            "Fog",
            "fog",
            (600, 300, 150, 100, 50),
            note="Extinctions 0.005, 0.01, 0.02, 0.03, 0.06 per metre; the public "
            "image fog has no common scale with them.",
        ),
        Row(
            "Strong sunlight",
            "sunlight",
            severities=ALL,
            note="The public code shifts 1 to 5 % of all points by N(0, 2 m), "
            "intensity included, wherever the sun is.",
        ),
        Row("Density decrease", "point_drop", severities=ALL),
        Row("Cutout", "cutout", severities=ALL),
        Row(
            "LiDAR crosstalk",
            "crosstalk",
            severities=ALL,
            note="The public code adds the same N(0, 3) to the intensity.",
        ),
        Row("FOV lost", "fov_limited", severities=ALL),
        Row("Gaussian noise (L)", "point_gaussian_noise", severities=ALL),
        Row("Uniform noise (L)", "point_uniform_noise", severities=ALL),
        Row("Impulse noise (L)", "point_impulse_noise", severities=ALL),
        Row("Gaussian noise (C)", "gaussian_noise", severities=ALL),
        Row("Uniform noise (C)", "uniform_noise", severities=ALL),
        Row("Impulse noise (C)", "impulse_noise", severities=ALL),
        Row(
            "Motion compensation",
            "motion_compensation",
            severities=ALL,
            note="The public code adds noise to the entries of the "
            "rotation matrix; what comes out is no rotation.",
        ),
        Row(
            "Moving object",
            "moving_object",
            severities=ALL,
            note="The public code shifts two thirds of every object along the "
            "sensor's x, whether it moves or not.",
        ),
        Row("Motion blur", "motion_blur", severities=ALL),
        Row("Local density decrease", "object_density", severities=ALL),
        Row("Local cutout", "object_cutout", severities=ALL),
        Row("Local Gaussian noise", "object_gaussian_noise", severities=ALL),
        Row("Local uniform noise", "object_uniform_noise", severities=ALL),
        Row("Local impulse noise", "object_impulse_noise", severities=ALL),
        Row("Shear", "object_shear", severities=ALL),
        Row("Scale", "object_scale", severities=ALL),
        Row("Rotation", "object_rotation", severities=ALL),
        Row(
            "Spatial misalignment",
            "extrinsic",
            (0.26, 0.52, 0.78, 1.03, 1.29),
            note="The public code adds N(0, 0.004) to "
            "N(0, 0.02) to the entries of the rotation matrix, which is no rotation any more; the "
            "values are the mean angle of "
            "its skew part.",
        ),
        Row(
            "Temporal misalignment",
            "temporal_offset",
            severities=ALL,
            note="There 2 to 10 sweeps; here 1 to 5 keyframes.",
        ),
    ),
)

_PAIR_NOTE = (
    "The levels are ours: the paper names three, "
    "and their values are in no text that we could read."
)

MSC_BENCH = Preset(
    "msc-bench",
    "MSC-Bench: ten corruptions and the six pairs of a camera's and a LiDAR's failure, three "
    "levels.",
    "Hao et al., arXiv 2501.01037",
    (
        Row("Fog", "fog", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Snow", "snowfall", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Motion blur", "motion_blur+motion_jitter", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Spatial misalignment", "extrinsic", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row(
            "Temporal misalignment",
            "camera_stuck+lidar_stuck",
            severities=(1, 3, 5),
            note=_PAIR_NOTE,
        ),
        Row("Camera crash", "camera_crash", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Frame lost", "frame_lost", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Cross sensor", "cross_sensor", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Cross talk", "crosstalk", severities=(1, 3, 5), note=_PAIR_NOTE),
        Row("Incomplete echo", "object_echo", severities=(1, 3, 5), note=_PAIR_NOTE),
        *(
            Row(
                f"{camera_name} and {lidar_name}",
                f"{camera}+{lidar}",
                severities=(1, 3, 5),
                note=_PAIR_NOTE,
            )
            for camera_name, camera in (
                ("Camera crash", "camera_crash"),
                ("Frame lost", "frame_lost"),
            )
            for lidar_name, lidar in (
                ("cross sensor", "cross_sensor"),
                ("cross talk", "crosstalk"),
                ("incomplete echo", "object_echo"),
            )
        ),
    ),
)

EVERYTHING = Preset(
    "all",
    "Every single corruption at every severity.",
    "this package",
    tuple(Row(name, name, severities=ALL) for name in SPECS),
)

TABLES: tuple[Preset, ...] = (
    CALICO,
    ROBO3D,
    ROBOBEV,
    MULTICORRUPT,
    NUSCENES_C,
    MSC_BENCH,
    EVERYTHING,
)
