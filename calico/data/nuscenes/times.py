"""Times of the tables: microseconds since 1970 or any start, rising, of one unit in all tables."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from statistics import median

from calico.data.nuscenes.tables import Row
from calico.errors import CalicoError

LATEST_US = 10**16
"""The year 2286. Nanoseconds of our days are 1.7e18."""
SHORTEST_GAP_US = 1_000
"""Keyframes of 1000 Hz. In milliseconds or seconds 2 Hz are gaps of 500 or 0."""
CLOCK_START_US = 10**14
"""Later times count from 1970 (this is 1973); earlier ones from a start of their own, such as a
simulator's."""
LONGEST_GAP_US = 30_000_000
"""Of a clock of its own: 2 Hz in nanoseconds are gaps of 500 s."""
TOGETHER_US = 10_000_000
"""How far the files of a keyframe may be from it, and a sweep from the one before. Delays that
corruptions make are shorter."""


def check_scene_times(table: Path, scene: str, samples: Sequence[Row]) -> None:
    """Check the times of a scene's samples.

    Args:
        table: The table, for the message.
        scene: Name of the scene, for the message.
        samples: Rows, sorted by time.

    Raises:
        CalicoError: Two are the same, or they cannot be microseconds.
    """
    times = [row["timestamp"] for row in samples]
    for one, other in pairwise(samples):
        if one["timestamp"] == other["timestamp"]:
            raise CalicoError(
                f"{table}: rows '{one['token']}' and '{other['token']}' of scene '{scene}' have "
                "the same timestamp "
                f"{one['timestamp']}, expected one keyframe at a time"
            )
    if not times:
        return
    advice = (
        "expected microseconds; divide nanoseconds by 1000, multiply milliseconds by 1000, "
        "in "
        "all tables"
    )
    if times[0] < 0 or times[-1] > LATEST_US:
        worst = times[0] if times[0] < 0 else times[-1]
        raise CalicoError(
            f"{table}: row '{samples[0 if worst < 0 else -1]['token']}' has timestamp {worst}, "
            "which in microseconds is "
            f"{'before 1970' if worst < 0 else f'the year {1970 + worst // 31_557_600_000_000}'}; "
            f"{advice}"
        )
    if len(times) < 2:
        return
    gap = median(later - earlier for earlier, later in pairwise(times))
    if gap < SHORTEST_GAP_US or (gap > LONGEST_GAP_US and times[-1] < CLOCK_START_US):
        raise CalicoError(
            f"{table}: the keyframes of scene '{scene}' are {gap * 1e-6:g} s apart if timestamp is "
            "in microseconds (first: "
            f"row '{samples[0]['token']}', {times[0]}); {advice}"
        )


def check_together(table: Path, sample: Row, files: Sequence[Row]) -> None:
    """Check that the files of a keyframe were taken about its time.

    Args:
        table: The table, for the message.
        sample: Row of the keyframe.
        files: Rows of its files.

    Raises:
        CalicoError: The time of a file's row is wrong or in another unit.
    """
    for row in files:
        if abs(row["timestamp"] - sample["timestamp"]) > TOGETHER_US:
            raise CalicoError(
                f"{table}: row '{row['token']}' has timestamp {row['timestamp']}, its sample "
                f"'{sample['token']}' has "
                f"{sample['timestamp']}; expected at most {TOGETHER_US // 1_000_000} s between "
                "them, in microseconds"
            )
