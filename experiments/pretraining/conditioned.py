"""A data set whose every frame is under one condition, as if its sensors were others."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from calico.data.source import FrameInfo, FrameSource
from calico.frame import Frame, Int64
from corruptions import SUITE_VERSION
from corruptions.preset import Level


class ConditionedSource:
    """The frames of a source under a condition, the same every time.

    Ground truth stays. Objects that the changed LiDAR misses are still labelled, as they are if
    labels were made with better sensors than the car's.

    Args:
        source: Clean frames.
        condition: Corruption and severity.
    """

    def __init__(self, source: FrameSource, condition: Level) -> None:
        self.name, self.map_grid, self.cameras = source.name, source.map_grid, source.cameras
        self.source, self.condition = source, condition
        self.taxonomy = source.taxonomy

    def __len__(self) -> int:
        return len(self.source)

    def __getitem__(self, index: int) -> Frame:
        return self.condition.corrupt_frame(self.source[index], 0)

    def info(self, index: int) -> FrameInfo:
        """See `FrameSource`."""
        return self.source.info(index)

    def annotations(self, index: int) -> Frame:
        """See `FrameSource`."""
        return self[index].without_sensors()

    def labels(self, index: int) -> Int64:
        """See `FrameSource`."""
        return self.source.labels(index)

    def image_sizes(self) -> frozenset[tuple[int, int]]:
        """See `FrameSource`."""
        return self.source.image_sizes()

    def labels_hash(self) -> str:
        """See `FrameSource`."""
        return self.content_hash()

    def content_hash(self) -> str:
        """See `FrameSource`."""
        what = f"{self.source.content_hash()} {self.condition.file_stem} {SUITE_VERSION}"
        return hashlib.sha256(what.encode()).hexdigest()

    def prepare(self, workers: int, progress: Callable[[int, int], None] | None = None) -> None:
        """Simulate the source's frames, if they are simulated.

        Args:
            workers: Number of processes.
            progress: Called with (frames done, frames in all).
        """
        prepare = getattr(self.source, "prepare", None)
        if prepare:
            prepare(workers=workers, progress=progress)
