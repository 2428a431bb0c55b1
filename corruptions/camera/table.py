"""Camera corruptions: image by image, and cameras that fail."""

from __future__ import annotations

from corruptions.camera.camera_crash import camera_crash
from corruptions.camera.codec import jpeg, pixelate
from corruptions.camera.dropouts import camera_stuck, frame_lost
from corruptions.camera.elastic import elastic
from corruptions.camera.focus_blur import defocus_blur, gaussian_blur
from corruptions.camera.frost import frost
from corruptions.camera.glass_blur import glass_blur
from corruptions.camera.iso_noise import iso_noise
from corruptions.camera.lens_dirt import lens_dirt
from corruptions.camera.low_light import low_light
from corruptions.camera.motion_blur import motion_blur
from corruptions.camera.noise import (
    gaussian_noise,
    impulse_noise,
    shot_noise,
    speckle_noise,
    uniform_noise,
)
from corruptions.camera.occlusion import occlusion
from corruptions.camera.rain_drops import rain_drops
from corruptions.camera.tone import brightness, color_quant, contrast, saturate
from corruptions.camera.zoom_blur import zoom_blur
from corruptions.spec import Spec

_IMAGENET_C = "ImageNet-C (Hendrycks & Dietterich, ICLR 2019), "

# fmt: off
TABLE: tuple[Spec, ...] = (
    Spec("camera_crash", "camera", ("camera",), "cameras_off", "cameras", (1, 2, 3, 4, 5), (0, 64),
         "RoboBEV (Xie et al., arXiv 2304.06719), camera crash", ("robobev", "msc-bench"), camera_crash,
         counts_cameras=True),
    Spec("frame_lost", "camera", ("camera",), "loss_probability", "per camera and frame",
         (1 / 6, 2 / 6, 3 / 6, 4 / 6, 5 / 6), (0, 1),
         "RoboBEV (Xie et al., arXiv 2304.06719), frame lost", ("robobev", "multicorrupt", "msc-bench"),
         frame_lost, by_chance=True),
    Spec("camera_stuck", "camera", ("camera",), "mean_hold_frames", "keyframes", (1.5, 2, 3, 5, 10), (1, 1e6),
         "after MultiCorrupt (Beemelmanns et al., IV 2024), temporal misalignment of images",
         ("multicorrupt", "msc-bench"), camera_stuck, ("past",), by_chance=True),
    Spec("gaussian_noise", "camera", ("camera",), "gaussian_sigma", "share of white", (0.08, 0.12, 0.18, 0.26, 0.38), (0, 2),
         _IMAGENET_C + "gaussian noise", ("imagenet-c", "nuscenes-c"), gaussian_noise),
    Spec("uniform_noise", "camera", ("camera",), "uniform_half_width", "share of white", (0.08, 0.12, 0.18, 0.26, 0.38), (0, 2),
         "nuScenes-C (Dong et al., CVPR 2023), uniform noise of the camera", ("nuscenes-c",), uniform_noise),
    Spec("impulse_noise", "camera", ("camera",), "impulse_share", "share of the values", (0.03, 0.06, 0.09, 0.17, 0.27), (0, 1),
         _IMAGENET_C + "impulse noise", ("imagenet-c", "nuscenes-c"), impulse_noise),
    Spec("shot_noise", "camera", ("camera",), "white_photons", "photons", (60, 25, 12, 5, 3), (1, 1e6),
         _IMAGENET_C + "shot noise", ("imagenet-c",), shot_noise),
    Spec("speckle_noise", "camera", ("camera",), "speckle_sigma", "share of the value", (0.15, 0.20, 0.35, 0.45, 0.60), (0, 5),
         _IMAGENET_C + "speckle noise", ("imagenet-c",), speckle_noise),
    Spec("iso_noise", "camera", ("camera",), "iso", "ISO speed", (3200, 6400, 12800, 25600, 51200), (1, 1e6),
         "after 3D Common Corruptions (Kar et al., CVPR 2022), ISO noise", (), iso_noise),
    Spec("defocus_blur", "camera", ("camera",), "defocus_radius", "share of the width",
         (0.0075, 0.010, 0.015, 0.020, 0.025), (0, 0.1),
         _IMAGENET_C + "defocus blur", ("imagenet-c",), defocus_blur),
    Spec("gaussian_blur", "camera", ("camera",), "blur_sigma", "share of the width",
         (0.0025, 0.005, 0.0075, 0.010, 0.015), (0, 0.05),
         _IMAGENET_C + "gaussian blur", ("imagenet-c",), gaussian_blur),
    Spec("glass_blur", "camera", ("camera",), "glass_scatter", "share of the width",
         (0.00175, 0.00275, 0.00475, 0.006, 0.008), (0, 0.05),
         "after " + _IMAGENET_C + "glass blur", ("imagenet-c",), glass_blur),
    Spec("motion_blur", "camera", ("camera",), "smear", "share of the width", (0.005, 0.010, 0.015, 0.020, 0.030), (0, 0.5),
         "after " + _IMAGENET_C + "motion blur",
         ("imagenet-c", "robobev", "nuscenes-c", "multicorrupt", "msc-bench"), motion_blur),
    Spec("zoom_blur", "camera", ("camera",), "zoom_end", "times", (1.10, 1.15, 1.20, 1.25, 1.30), (1, 2),
         _IMAGENET_C + "zoom blur", ("imagenet-c",), zoom_blur),
    Spec("brightness", "camera", ("camera",), "brightness_rise", "share of white", (0.1, 0.2, 0.3, 0.4, 0.5), (0, 1),
         _IMAGENET_C + "brightness", ("imagenet-c", "robobev", "multicorrupt"), brightness),
    Spec("low_light", "camera", ("camera",), "light_scale", "share of the light", (0.14, 0.10, 0.07, 0.04, 0.023), (0, 1),
         "after 3D Common Corruptions (Kar et al., CVPR 2022), low light", ("robobev", "multicorrupt"), low_light),
    Spec("contrast", "camera", ("camera",), "contrast_share", "share of the contrast", (0.4, 0.3, 0.2, 0.1, 0.05), (0, 1),
         _IMAGENET_C + "contrast", ("imagenet-c",), contrast),
    Spec("saturate", "camera", ("camera",), "saturation_gain", "times", (2, 3, 5, 10, 20), (0, 255),
         "after " + _IMAGENET_C + "saturate", ("imagenet-c",), saturate),
    Spec("color_quant", "camera", ("camera",), "color_bits", "bits", (5, 4, 3, 2, 1), (1, 8),
         "RoboBEV (Xie et al., arXiv 2304.06719), color quant", ("robobev",), color_quant),
    Spec("jpeg", "camera", ("camera",), "jpeg_quality", "of 100", (25, 18, 15, 10, 7), (1, 95),
         _IMAGENET_C + "JPEG compression", ("imagenet-c",), jpeg),
    Spec("pixelate", "camera", ("camera",), "resolution_share", "share of the resolution",
         (0.6, 0.5, 0.4, 0.3, 0.25), (0.001, 1),
         _IMAGENET_C + "pixelate", ("imagenet-c",), pixelate),
    Spec("elastic", "camera", ("camera",), "elastic_shift", "share of the width",
         (0.001, 0.0015, 0.002, 0.003, 0.005), (0, 0.05),
         "after " + _IMAGENET_C + "elastic transform", ("imagenet-c",), elastic),
    Spec("frost", "camera", ("camera",), "ice_cover", "share of the image", (0.2, 0.35, 0.5, 0.65, 0.8), (0, 1),
         "after " + _IMAGENET_C + "frost", ("imagenet-c",), frost),
    Spec("lens_dirt", "camera", ("camera",), "dirt_share", "share of the image", (0.05, 0.10, 0.15, 0.20, 0.30), (0, 1),
         "after Yu et al., arXiv 2205.14951, occluded lenses", (), lens_dirt),
    Spec("rain_drops", "camera", ("camera",), "drop_cover", "share of the image", (0.02, 0.05, 0.10, 0.15, 0.25), (0, 1),
         "after Roser & Geiger (ICCV Workshops 2009) and Porav et al. (ICRA 2019)", (), rain_drops),
    Spec("occlusion", "camera", ("camera",), "occluded_share", "share of one image", (0.1, 0.2, 0.3, 0.4, 0.5), (0, 1),
         "a soft edge of an object on the lens; no public suite has it", (), occlusion),
)
# fmt: on
