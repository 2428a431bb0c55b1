"""The check whether points lie in the boxes that the tables count them in.

A LiDAR whose axes differ from nuScenes' is noticed here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from calico.data.nuscenes.manifest import is_corrupted_copy
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import SampleRecord
from calico.data.nuscenes.sensors import read_points
from calico.data.report import DataReport
from calico.errors import CalicoError
from calico.frame import Float32, Float64, Int64
from calico.geometry.boxes import points_in_boxes

FRAMES = 8
"""Keyframes of a split that are looked at, spread over it."""
MIN_POINTS = 5
"""Boxes with fewer say nothing: a point at the edge is in or out by rounding."""
ENOUGH_POINTS = 100
"""Points that the boxes of all frames together must have for a verdict."""
WRONG_SHARE, ODD_SHARE = 0.5, 0.9
TURNS: Mapping[str, tuple[tuple[int, int], tuple[int, int]]] = {
    "turned by 90 degrees": ((0, -1), (1, 0)),
    "turned by 180 degrees": ((-1, 0), (0, -1)),
    "turned by -90 degrees": ((0, 1), (-1, 0)),
}


def check_points_in_boxes(
    folder: DataFolder, table: Path, split: str, samples: Sequence[SampleRecord], report: DataReport
) -> None:
    """Compare the numbers of points in boxes with those of the tables, on some keyframes.

    The share is over boxes with at least MIN_POINTS points: points found in the box, at most as
    many as the table says, over what it says. Radar points, which the numbers include, are few.

    Args:
        folder: The data set.
        table: Its sample_data.json, for the messages.
        split: Name of the split, for the report.
        samples: Keyframes.
        report: The result is added to it.
    """
    chosen = [
        samples[i]
        for i in sorted({len(samples) * k // FRAMES for k in range(FRAMES)})
        if i < len(samples)
    ]
    found, stated, clouds = 0, 0, []
    inside = 0
    for sample in chosen:
        try:
            path = folder.locate(sample.lidar[0].filename, table, sample.lidar[0].token)
            points, _ = read_points(
                path, sample.lidar[0].token, allow_empty=True, any_intensity=True
            )
        except CalicoError:
            continue  # a broken file is a problem of its own
        keep = sample.boxes.num_points >= MIN_POINTS
        boxes, numbers = sample.boxes.boxes[keep].astype(np.float64), sample.boxes.num_points[keep]
        counted = count_points(points, boxes)
        clouds.append((points, boxes, numbers))
        found += int(np.minimum(counted, numbers).sum())
        inside += int(counted.sum())
        stated += int(numbers.sum())
    if stated < ENOUGH_POINTS:
        return
    share = found / stated
    report.facts.append(
        (
            f"{split} points in boxes",
            f"{100 * share:.1f} % of those that the tables count ({len(clouds)} keyframes)",
        )
    )
    text = ""
    if share < WRONG_SHARE:
        text = (
            f"only {100 * share:.0f} % of the points that the tables count in boxes lie "
            f"there{_explain(clouds, stated)}"
        )
    elif inside > stated / WRONG_SHARE:
        text = f"{inside} points lie in boxes for which the tables count {stated}"
    if text:
        message = (
            f"{split}: {text} ({len(clouds)} keyframes looked at); expected the axes x right, y "
            "forward, z up in the files, "
            "calibrated_sensor and ego_pose of the same drive, and num_lidar_pts of these files"
        )
        (report.notes.append if is_corrupted_copy(folder.root) else report.add_problem)(message)
    elif share < ODD_SHARE:
        report.notes.append(
            f"{split}: {100 * (1 - share):.0f} % of the points that the tables count in boxes do "
            "not lie there"
        )


def count_points(points: Float32, boxes: Float64) -> Int64:
    """Count the points in each box.

    Args:
        points: (N, >= 3) points [m].
        boxes: (M, >= 7) boxes.

    Returns:
        (M,) counts.
    """
    counts = np.zeros(len(boxes), np.int64)
    for row, box in enumerate(boxes):
        reach = float(np.hypot(box[3], box[4])) / 2
        near = points[(abs(points[:, 0] - box[0]) <= reach) & (abs(points[:, 1] - box[1]) <= reach)]
        counts[row] = points_in_boxes(near, box[None]).sum()
    return counts


def _explain(clouds: Sequence[tuple[Float32, Float64, Int64]], stated: int) -> str:
    """Whether other axes of the LiDAR would explain it."""
    for name, turn in TURNS.items():
        found = 0
        for points, boxes, numbers in clouds:
            turned = points[:, :3].copy()
            turned[:, :2] = points[:, :2] @ np.array(turn, np.float32).T
            found += int(np.minimum(count_points(turned, boxes), numbers).sum())
        if found / stated > ODD_SHARE:
            return f"; {name} about z, {100 * found / stated:.0f} % would"
    return ""
