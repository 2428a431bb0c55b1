"""Pictures of a data set's frames, on which a wrong calibration shows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from calico.data.source import FrameSource
from calico.draw import draw_bev, draw_cameras
from calico.files import file_name
from calico.files.images import write_png

Progress = Callable[[int, int], None]


def write_overlays(
    source: FrameSource,
    out: Path,
    *,
    frames: int,
    range_m: float,
    progress: Progress | None = None,
) -> list[Path]:
    """Draw frames from above and, with their points and boxes, through every camera.

    Args:
        source: The frames.
        out: Folder that exists.
        frames: How many, spread evenly over the source.
        range_m: Half of the side of the view from above [m].
        progress: Called with (frames done, frames in all); None for no progress.

    Returns:
        The files, <token>-bev.png and <token>-cameras.png.
    """
    wanted = np.unique(np.linspace(0, len(source) - 1, frames).round().astype(int)).tolist()
    files = []
    for done, index in enumerate(wanted):
        frame = source[index]
        pictures = {"bev": draw_bev(frame, range_m=range_m, map_grid=source.map_grid)}
        if frame.images:
            pictures["cameras"] = draw_cameras(frame, points=True)
        for name, picture in pictures.items():
            files.append(out / f"{file_name(frame.token)}-{name}.png")
            write_png(files[-1], picture)
        if progress is not None:
            progress(done + 1, len(wanted))
    return files
