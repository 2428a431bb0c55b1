"""A function of one image, done to every image of a frame."""

from __future__ import annotations

from collections.abc import Callable

from corruptions.frame_like import FrameLike, UInt8


def each_image(frame: FrameLike, change: Callable[[UInt8, str], UInt8]) -> FrameLike:
    """The frame with `change(image, "camera<number>")` in place of every image. The name is for the random streams."""
    return frame.replace(
        images=tuple(change(image, f"camera{view}") for view, image in enumerate(frame.images))
    )
