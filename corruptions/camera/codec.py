"""Images that were stored or sent with too few bits."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

from corruptions.frame_like import FrameLike, UInt8
from corruptions.imaging.each_image import each_image
from corruptions.rng import Streams


def jpeg(frame: FrameLike, jpeg_quality: float, streams: Streams) -> FrameLike:
    """Artefacts of strong JPEG compression.

    Parameter: the quality of libjpeg (1 to 95; rounded), 25 18 15 10 7, with its blocks of 8x8 pixels and colours at half the
    resolution. Source: ImageNet-C (Hendrycks & Dietterich, ICLR 2019), JPEG compression. The bytes depend on the libjpeg
    that Pillow was built with.
    """

    def compress(image: UInt8, _: str) -> UInt8:
        file = io.BytesIO()
        Image.fromarray(image).save(file, "JPEG", quality=round(jpeg_quality))
        return np.array(Image.open(file))

    return each_image(frame, compress)


def pixelate(frame: FrameLike, resolution_share: float, streams: Streams) -> FrameLike:
    """Fewer and larger pixels.

    Parameter: the resolution that is left, along each axis, 0.6 0.5 0.4 0.3 0.25: mean over the larger pixels (box filter),
    then the nearest one of them. Source: ImageNet-C (Hendrycks & Dietterich, ICLR 2019), pixelate.
    """

    def enlarge(image: UInt8, _: str) -> UInt8:
        height, width = image.shape[:2]
        size = max(1, int(width * resolution_share)), max(1, int(height * resolution_share))
        small = Image.fromarray(image).resize(size, Image.Resampling.BOX)
        return np.array(small.resize((width, height), Image.Resampling.BOX))

    return each_image(frame, enlarge)
