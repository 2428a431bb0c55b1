"""What grows with the severity of the camera corruptions, measured from the frames before and
after.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calico.frame import Frame
from corruptions import measure_effect


def sharpness(frame: Frame) -> float:
    return float(
        np.mean(
            [
                abs(np.diff(image.astype(float), axis=axis)).mean()
                for image in frame.images
                for axis in (0, 1)
            ]
        )
    )


def brightness(frame: Frame) -> float:
    return float(np.mean([image.mean() for image in frame.images]))


def deviation(before: Frame, after: Frame) -> float:
    """Root mean square change of the pixel values."""
    squares = [
        ((a.astype(float) - b) ** 2).mean()
        for a, b in zip(after.images, before.images, strict=True)
    ]
    return float(np.sqrt(np.mean(squares)))


def changed_share(before: Frame, after: Frame) -> float:
    """Share of the pixels that changed."""
    return float(
        np.mean(
            [(a != b).any(axis=-1).mean() for a, b in zip(after.images, before.images, strict=True)]
        )
    )


def spread(frame: Frame) -> float:
    """Standard deviation of the pixel values of an image and colour."""
    return float(np.mean([image.std(axis=(0, 1)) for image in frame.images]))


def colourfulness(frame: Frame) -> float:
    return float(np.mean([np.ptp(image.astype(float), axis=-1).mean() for image in frame.images]))


def age(before: Frame, after: Frame) -> float:
    """How many frames old the images are, summed over the cameras."""
    total, past, steps = 0, before.previous, 1
    shown = [image.tobytes() for image in after.images]
    own = [image.tobytes() for image in before.images]
    while past is not None:
        found = past()
        for view, image in enumerate(found.images):
            total += steps * (shown[view] != own[view] and shown[view] == image.tobytes())
        past, steps = found.previous, steps + 1
    return float(total)


MEASURES: dict[str, Callable[[Frame, Frame], float]] = {
    "camera_crash": lambda before, after: measure_effect(before, after).cameras_black,
    "frame_lost": lambda before, after: measure_effect(before, after).cameras_black,
    "camera_stuck": age,
    "gaussian_noise": deviation,
    "uniform_noise": deviation,
    "impulse_noise": changed_share,
    "shot_noise": deviation,
    "speckle_noise": deviation,
    "iso_noise": deviation,
    "defocus_blur": lambda before, after: -sharpness(after),
    "gaussian_blur": lambda before, after: -sharpness(after),
    "glass_blur": deviation,
    "motion_blur": lambda before, after: -sharpness(after),
    "zoom_blur": lambda before, after: -sharpness(after),
    "brightness": lambda before, after: brightness(after),
    "low_light": lambda before, after: -brightness(after),
    "contrast": lambda before, after: -spread(after),
    "saturate": lambda before, after: colourfulness(after),
    "color_quant": deviation,
    "jpeg": deviation,
    "pixelate": deviation,
    "elastic": deviation,
    "frost": changed_share,
    "lens_dirt": changed_share,
    "rain_drops": changed_share,
    "occlusion": changed_share,
}
SEEDLESS = {
    "defocus_blur",
    "gaussian_blur",
    "zoom_blur",
    "brightness",
    "contrast",
    "saturate",
    "color_quant",
    "jpeg",
    "pixelate",
}
