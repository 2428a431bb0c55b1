"""Apply a function of one image to every image of a frame."""

from __future__ import annotations

from collections.abc import Callable

from corruptions.frame_like import FrameLike, UInt8


def each_image(frame: FrameLike, change: Callable[[UInt8, str], UInt8]) -> FrameLike:
    """Replace every image of a frame by `change(image, "camera<number>")`.

    Args:
        frame: Frame with V images.
        change: Function of an image and of the name that its random stream has.
    """
    return frame.replace(
        images=tuple(change(image, f"camera{view}") for view, image in enumerate(frame.images))
    )
