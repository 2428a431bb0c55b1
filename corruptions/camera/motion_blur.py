"""Blur by the camera's shake during the exposure."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike
from corruptions.imaging.convolution import blur_image
from corruptions.rng import Streams


def motion_blur(frame: FrameLike, smear: float, streams: Streams) -> FrameLike:
    """Shake the camera during the exposure: every point of the image becomes a short line.

    The motion is steady over the exposure (a uniform line), in a direction of its own for every
    camera and frame, in linear light. The length is a share of the width, so that it means the same
    angle at any resolution.

    Args:
        frame: Frame to corrupt.
        smear: Length of the line as a share of the width. Severities: 0.5, 1, 1.5, 2, 3 % (8 to 48
            px of 1600).
        streams: Random streams of the corruption and frame.

    Source:
        After `motion_blur` of ImageNet-C (Hendrycks & Dietterich, ICLR 2019), whose kernel is a
        half Gaussian of up to 20 px in images of 224 px, at angles within 45 degrees, on pixel
        values.
    """
    images = []
    for view, image in enumerate(frame.images):
        angle = streams.per_frame(f"camera{view}").uniform(0.0, np.pi)
        images.append(blur_image(image, line_kernel(smear * image.shape[1], angle)))
    return frame.replace(images=tuple(images))


def line_kernel(length_px: float, angle_rad: float) -> Float32:
    """Return a uniform line through the centre of an odd-sized square, which sums to 1.

    It is spread bilinearly over the pixels.

    Args:
        length_px: Length of the line [px].
        angle_rad: Angle from the image's u axis towards v (down) [rad].

    Returns:
        (n, n) float32.
    """
    half = int(np.ceil(length_px / 2)) + 1
    samples = max(int(np.ceil(length_px * 8)), 2)
    offset = ((np.arange(samples) + 0.5) / samples - 0.5) * length_px
    u, v = half + offset * np.cos(angle_rad), half + offset * np.sin(angle_rad)
    column, row = np.floor(u).astype(int), np.floor(v).astype(int)
    right, down = u - column, v - row
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    for j, weight_v in ((0, 1 - down), (1, down)):
        for i, weight_u in ((0, 1 - right), (1, right)):
            np.add.at(kernel, (row + j, column + i), weight_u * weight_v)
    return (kernel / samples).astype(np.float32)
