"""A LiDAR that repeats itself."""

from __future__ import annotations

from dataclasses import replace

from corruptions.frame_like import POINT_FIELDS, FrameLike, copy_arrays, load_previous
from corruptions.rng import Streams


def lidar_stuck(frame: FrameLike, hold_frames: float, streams: Streams) -> FrameLike:
    """Hand out an old point cloud as if it were new, for some frames on end.

    Every frame is stuck with probability 1 - 1/L, by a draw of its own token. It then shows the
    cloud of the last frame before it that is not stuck (at most, of the scene's first). All frames
    of a scene agree on it: those in a row show the same cloud. Sweeps, their poses and the times
    `dt` are those of the old cloud. Points stay where they were from the sensor, so that the world
    seems to stand still about a vehicle that drives. A frame that is fresh at some L is so at all
    lower ones. A frame without points stays so.

    Args:
        frame: Frame to corrupt. Its `previous` gives the frames before.
        hold_frames: Mean number of keyframes L for which one cloud is handed out. Severities: 1.5,
            2, 3, 5, 10.
        streams: Random streams of the corruption and frame.

    Source:
        After the temporal misalignment of MultiCorrupt (Beemelmanns et al., IV 2024), where 20, 40,
        60 % of the frames, each on its own, show the cloud of the frame before. The values are
        ours.
    """
    held = frame
    while (
        len(frame.points)
        and replace(streams, token=held.token).nested_per_frame("lidar").random()
        < 1 - 1 / hold_frames
    ):
        older = load_previous(held)
        if older is None:
            break
        held = older
    if held is frame:
        return frame
    names = (*POINT_FIELDS, "sweep_T", "lidar_T")
    return frame.replace(**{name: copy_arrays(getattr(held, name)) for name in names})
