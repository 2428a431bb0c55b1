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
"""Standard deviation of the normal filter that makes the displacements smooth, as a share of the width (ImageNet-C: 2.44 px)."""
CELLS = 2
"""Grid cells to that standard deviation."""


def elastic(frame: FrameLike, elastic_shift: float, streams: Streams) -> FrameLike:
    """Local distortion, as behind hot air or jelly: every part of the image is shifted a little.

    Parameter: the root mean square shift along each axis as a share of the width, 0.1 0.15 0.2 0.3 0.5 %; smooth over about
    1/160 of the width; a draw of its own for every camera and frame. After ImageNet-C (Hendrycks & Dietterich, ICLR 2019),
    elastic transform, whose three larger levels shift by 0.8 1.1 2.0 px (its uniform noise through its filter, times its
    factor), its pixel being 1/400 of the width. Deviation: without its random affine transform of the whole image, which is
    most of its two smaller levels: that is another camera, not a worse image (`extrinsic`, `intrinsics`).
    """

    def distort(image: UInt8, camera: str) -> UInt8:
        height, width = image.shape[:2]
        rng = streams.per_frame(camera)
        down, right = (smooth_field(height, width, elastic_shift * width, rng) for _ in range(2))
        return warp_image(image, down, right)

    return each_image(frame, distort)


def smooth_field(height: int, width: int, rms: float, rng: np.random.Generator) -> Float32:
    """(H, W) smooth normal noise of mean square rms^2."""
    sigma = CORRELATION * width
    cell = max(1, int(sigma / CELLS))
    noise = rng.standard_normal((-(-height // cell) + 1, -(-width // cell) + 1), dtype=np.float32)
    field = grow_map(gaussian_filter(noise, sigma / cell, mode="reflect"), cell, height, width)
    scale: float = rms / float(np.sqrt(np.mean(field * field)))
    result: Float32 = field * np.float32(scale)
    return result
