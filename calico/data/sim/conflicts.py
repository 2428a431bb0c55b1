"""No two things in one place: drops actors that would run through others."""

from __future__ import annotations

import numpy as np
import shapely

from calico.data.sim.actors import Actor
from calico.data.sim.motion import Track
from calico.data.sim.sizes import Size
from calico.frame import Float64
from calico.geometry.boxes import box_corners


def without_conflicts(
    actors: list[Actor], ego: Track, ego_size: Size, times: Float64
) -> list[Actor]:
    """Leave out actors whose footprints meet the ego vehicle's or each other's at some time.

    If a standing actor and a moving one meet, the standing one stays. If two that move meet,
    the earlier in the list stays.

    Args:
        actors: All actors.
        ego: Track of the ego vehicle.
        ego_size: Its length, width, height [m].
        times: (T,) times that are checked [s].
    """
    order = sorted(range(len(actors)), key=lambda i: (not actors[i].static, i))
    rank = np.empty(len(actors) + 1, np.int64)
    rank[[i + 1 for i in order]] = np.arange(1, len(actors) + 1)
    rank[0] = 0
    tracks = [ego, *(actor.track for actor in actors)]
    sizes = np.array([ego_size, *(actor.size for actor in actors)])
    meetings: set[tuple[int, int]] = set()
    for poses in np.stack([track.sample(times) for track in tracks], axis=1):
        boxes = np.zeros((len(tracks), 7))
        boxes[:, [0, 1, 6]], boxes[:, 3:6] = poses, sizes
        outlines = shapely.polygons(box_corners(boxes)[:, :4, :2])
        first, second = shapely.STRtree(outlines).query(outlines, predicate="intersects")
        earlier = rank[first] < rank[second]
        meetings |= set(zip(first[earlier].tolist(), second[earlier].tolist(), strict=True))
    dropped: set[int] = set()
    for first_one, second_one in sorted(meetings, key=lambda pair: (rank[pair[1]], rank[pair[0]])):
        if first_one not in dropped:
            dropped.add(second_one)
    return [actor for i, actor in enumerate(actors) if i + 1 not in dropped]
