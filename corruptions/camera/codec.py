"""Images that were stored or sent with too few bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from corruptions.frame_like import FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def jpeg(frame: FrameLike, jpeg_quality: float, streams: Streams) -> FrameLike:
    """Add the artefacts of strong JPEG compression.

    The codec is libjpeg, with its blocks of 8x8 pixels and colours at half the resolution. The
    bytes depend on the libjpeg that Pillow was built with.

    Args:
        frame: Frame to corrupt.
        jpeg_quality: Quality of libjpeg, 1 to 95, rounded. Severities: 25, 18, 15, 10, 7.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), JPEG compression.
    """

    def compress(image: UInt8, _: str) -> UInt8:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=round(jpeg_quality))
        return np.array(Image.open(file))

    return each_image(frame, compress)


def pixelate(frame: FrameLike, resolution_share: float, streams: Streams) -> FrameLike:
    """Make pixels fewer and larger.

    A large pixel is the mean over its area (box filter). The image is then enlarged by the nearest
    one.

    Args:
        frame: Frame to corrupt.
        resolution_share: Share of the resolution that is left along each axis. Severities: 0.6,
            0.5, 0.4, 0.3, 0.25.
        streams: Random streams (not used).

    Source:
        ImageNet-C (Hendrycks & Dietterich, ICLR 2019), pixelate.
    """

    def enlarge(image: UInt8, _: str) -> UInt8:
        height, width = image.shape[:2]
        size = max(1, int(width * resolution_share)), max(1, int(height * resolution_share))
        small = Image.fromarray(image).resize(size, Image.Resampling.BOX)
        return np.array(small.resize((width, height), Image.Resampling.BOX))

    return each_image(frame, enlarge)
