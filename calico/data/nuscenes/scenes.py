"""The records of scenes: in memory, made from the tables, or looked up in an index file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from calico.data.nuscenes.records import SampleReader, SampleRecord
from calico.frame import Boxes


class Scene(Protocol):
    """The keyframes of one scene, in order. It can be pickled into worker processes."""

    @property
    def location(self) -> str:
        """Name of the scene's map."""
        ...

    def __len__(self) -> int: ...

    def __getitem__(self, position: int) -> SampleRecord:
        """Return the record of a keyframe."""
        ...

    def boxes(self, position: int) -> Boxes:
        """Return the boxes of a keyframe, without the rest of its record."""
        ...

    def image_sizes(self) -> set[tuple[int, int]]:
        """Return every (height, width) of its images that the tables state."""
        ...


class SceneStore(Protocol):
    """All scenes of a data set."""

    def scene_names(self) -> tuple[str, ...]:
        """Return all scenes, in the table's order."""
        ...

    def scenes(self, names: Sequence[str]) -> tuple[Scene, ...]:
        """Return some scenes.

        Raises:
            CalicoError: The tables of one of these scenes contradict themselves.
        """
        ...


class LoadedScene:
    """A scene whose records are in memory.

    Args:
        samples: Its keyframes, in order.
    """

    def __init__(self, samples: Iterable[SampleRecord]) -> None:
        self.samples = tuple(samples)

    @property
    def location(self) -> str:
        """See `Scene`."""
        return self.samples[0].location

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, position: int) -> SampleRecord:
        return self.samples[position]

    def boxes(self, position: int) -> Boxes:
        """See `Scene`."""
        return self.samples[position].boxes

    def image_sizes(self) -> set[tuple[int, int]]:
        """See `Scene`."""
        cameras = (camera for sample in self.samples for camera in sample.cameras)
        return {(camera.size_wh[1], camera.size_wh[0]) for camera in cameras}


class LoadedScenes:
    """The scenes of tables, each read when it is asked for.

    Args:
        reader: Reads the records.
    """

    def __init__(self, reader: SampleReader) -> None:
        self.reader = reader

    def scene_names(self) -> tuple[str, ...]:
        """See `SceneStore`."""
        return self.reader.scene_names()

    def scenes(self, names: Sequence[str]) -> tuple[Scene, ...]:
        """See `SceneStore`."""
        read, samples = self.reader.read, self.reader.samples
        return tuple(LoadedScene(read(*rows) for rows in samples(name)) for name in names)
