"""Camera corruptions: image by image, and cameras that fail."""

from __future__ import annotations

from corruptions.camera.camera_crash import camera_crash
from corruptions.camera.low_light import low_light
from corruptions.camera.motion_blur import motion_blur
from corruptions.spec import Spec

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("camera_crash", "camera", ("camera",), "cameras_off", "cameras", (1, 2, 3, 4, 5), (1, 64),
         "RoboBEV (Xie et al., arXiv 2304.06719), camera crash", ("robobev", "msc-bench"), camera_crash),
    Spec("motion_blur", "camera", ("camera",), "smear", "share of the width", (0.005, 0.010, 0.015, 0.020, 0.030), (0, 0.5),
         "after ImageNet-C (Hendrycks & Dietterich, ICLR 2019), motion blur",
         ("imagenet-c", "robobev", "nuscenes-c", "multicorrupt"), motion_blur),
    Spec("low_light", "camera", ("camera",), "light_scale", "share of the light", (0.6, 0.5, 0.4, 0.3, 0.2), (0, 1),
         "after 3D Common Corruptions (Kar et al., CVPR 2022), low light", ("robobev", "multicorrupt"), low_light),
)
# fmt: on
