"""Something stuck over a lens."""

from __future__ import annotations

import numpy as np

from corruptions.frame_like import Float32, FrameLike
from corruptions.imaging.linear_light import to_linear, to_pixels
from corruptions.rng import Streams

PENUMBRA = 0.04
"""Width of the object's edge as a share of the image's: it is far too near to be sharp."""
ROUGHNESS = 0.02
"""How far the edge strays from a straight line, as a share of the image's width."""
LIGHT = 0.01
"""Linear light of the object's dark side."""


def occlusion(frame: FrameLike, occluded_share: float, streams: Streams) -> FrameLike:
    """Tape an object over part of one camera's lens for a whole scene.

    The object comes in from one side, which is drawn once for a scene like the camera, the same at
    every severity. It is nearly black, and its edge is blurred over 4 % of the width, as it touches
    the lens. No public suite has this corruption.

    Args:
        frame: Frame to corrupt.
        occluded_share: Share of that camera's image that is hidden (by half or more). Severities:
            0.1, 0.2, 0.3, 0.4, 0.5.
        streams: Random streams of the corruption and frame.
    """
    if not frame.images:
        return frame
    rng = streams.nested_per_scene("camera")
    hidden = int(rng.integers(len(frame.images)))
    images = list(frame.images)
    height, width = images[hidden].shape[:2]
    cover = draw_cover(height, width, occluded_share, rng)[..., None]
    light = to_linear(images[hidden])
    images[hidden] = to_pixels(light + cover * (np.float32(LIGHT) - light))
    return frame.replace(images=tuple(images))


def draw_cover(height: int, width: int, share: float, rng: np.random.Generator) -> Float32:
    """Draw how much of each pixel an object hides that comes in from a random side.

    Args:
        height: Height of the image [px].
        width: Width of the image [px].
        share: Share of the pixels that are hidden by at least half.
        rng: Random generator.

    Returns:
        (H, W) float32, 0..1.
    """
    angle, waves, phases = (
        rng.uniform(0, 2 * np.pi),
        rng.uniform(2, 12, 4),
        rng.uniform(0, 2 * np.pi, 4),
    )
    v = ((np.arange(height) - height / 2) / width)[:, None]
    u = (np.arange(width) - width / 2) / width
    along = (v * np.cos(angle) - u * np.sin(angle))[..., None]
    rough = (np.sin(2 * np.pi * waves * along + phases) / waves).sum(axis=-1)
    depth = u * np.cos(angle) + v * np.sin(angle) + ROUGHNESS * rough
    edge = np.quantile(depth, 1 - share)
    soft = max(PENUMBRA * min(share / 0.1, 1.0), 1e-6)  # a tip of an object has a narrower edge
    result: Float32 = np.clip((depth - edge) / soft + 0.5, 0.0, 1.0).astype(np.float32)
    return result
