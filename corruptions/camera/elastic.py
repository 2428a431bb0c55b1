"""Images that wobble."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

from corruptions.frame_like import Float32, FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.imaging.resample import grow_map
from corruptions.imaging.warp import warp_image
from corruptions.rng import Streams

CORRELATION = 2.44 / 400
"""Standard deviation of the filter that makes displacements smooth, as a share of the width.

ImageNet-C takes 2.44 px.
"""
CELLS = 2
"""Grid cells to that standard deviation."""


def elastic(frame: FrameLike, elastic_shift: float, streams: Streams) -> FrameLike:
    """Distort images locally, as behind hot air or jelly.

    Every part of an image is shifted a little. The shift is smooth over about 1/160 of the width,
    and a draw of its own for every camera and frame.

    Args:
        frame: Frame to corrupt.
        elastic_shift: Root mean square shift along each axis as a share of the width. Severities:
            0.1, 0.15, 0.2, 0.3, 0.5 %.
        streams: Random streams of the corruption and frame.

    Source:
        After ImageNet-C (Hendrycks & Dietterich, ICLR 2019), elastic transform. Its three larger
        levels shift by 0.8, 1.1, 2.0 px (its uniform noise through its filter, times its factor),
        where a pixel is 1/400 of the width. Deviation: without its random affine transform of the
        whole image, which is most of its two smaller levels. That is another camera, not a worse
        image (`extrinsic`, `intrinsics`).
    """

    def distort(image: UInt8, camera: str) -> UInt8:
        height, width = image.shape[:2]
        rng = streams.per_frame(camera)
        down, right = (smooth_field(height, width, elastic_shift * width, rng) for _ in range(2))
        return warp_image(image, down, right)

    return each_image(frame, distort)


def smooth_field(height: int, width: int, rms: float, rng: np.random.Generator) -> Float32:
    """Draw smooth normal noise.

    Args:
        height: Height of the field [px].
        width: Width of the field [px].
        rms: Root mean square of the noise.
        rng: Random generator.

    Returns:
        (H, W) float32.
    """
    sigma = CORRELATION * width
    cell = max(1, int(sigma / CELLS))
    noise = rng.standard_normal((-(-height // cell) + 1, -(-width // cell) + 1), dtype=np.float32)
    field = grow_map(gaussian_filter(noise, sigma / cell, mode="reflect"), cell, height, width)
    scale: float = rms / float(np.sqrt(np.mean(field * field)))
    result: Float32 = field * np.float32(scale)
    return result
