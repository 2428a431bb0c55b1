"""Scenes that are looked up in an index file, which is mapped into memory.

The operating system keeps one copy of the file for all processes, and reads only the parts that are
used. A pickled scene holds the path of the file and no records.
"""

from __future__ import annotations

import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.nuscenes.index_columns import BOX, MATRIX, POSE, STREAMS
from calico.data.nuscenes.records import SampleRecord, SensorRecord
from calico.data.nuscenes.scenes import Scene
from calico.errors import CalicoError
from calico.files import FileError, check_seal, open_regular
from calico.frame import Boxes

DIGEST_KEY = b"calico.sha256"
"""Key of the seal in the metadata of the first stream."""


class SceneIndex:
    """The opened file of an index.

    Args:
        path: The file.
        digest: Seal that the file must carry. None verifies the whole file instead.

    Raises:
        FileError: The file is not the one that was written (with `digest`: not the one that was
            opened before).
        pyarrow.ArrowException: The file is no chain of Arrow streams.
    """

    def __init__(self, path: Path, digest: str | None = None) -> None:
        self.path = path
        if digest is None:
            _verify(path)
        self._batches, self.digest = _read_streams(path)
        if digest is None:
            self._check_references()
        elif digest != self.digest:
            raise FileError(
                f"index {path}: was replaced while a process used it; start the command again"
            )

    def __reduce__(self) -> tuple[object, tuple[Path, str]]:
        return (SceneIndex, (self.path, self.digest))

    def scene_names(self) -> tuple[str, ...]:
        """See `calico.data.nuscenes.scenes.SceneStore`."""
        return tuple(self._batches["scenes"].column("name").to_pylist())

    def scenes(self, names: Sequence[str]) -> tuple[Scene, ...]:
        """See `calico.data.nuscenes.scenes.SceneStore`."""
        rows = {row["name"]: row for row in self._batches["scenes"].to_pylist()}
        for name in names:
            if rows[name]["error"]:
                raise CalicoError(rows[name]["error"])
        return tuple(
            IndexedScene(
                self, name, rows[name]["location"], rows[name]["first"], rows[name]["count"]
            )
            for name in names
        )

    def numbers(self, stream: str, column: str, width: int = 0) -> np.ndarray:
        """Return a column of numbers as a view of the file.

        Args:
            stream: One of `STREAMS`.
            column: Name of the column.
            width: Numbers of one row. 0 for a column of single numbers.
        """
        key = f"{stream}.{column}"
        if key not in self._views:
            values = self._batches[stream].column(column)
            flat = (values.flatten() if width else values).to_numpy(zero_copy_only=True)
            self._views[key] = flat.reshape(-1, width) if width else flat
        return self._views[key]

    def text(self, stream: str, column: str, row: int) -> str:
        """Return a text of a column."""
        return str(self._batches[stream].column(column)[row].as_py())

    def rows_of(self, column: str, sample: int) -> np.ndarray:
        """Return the rows of sensors that a sample refers to in `lidar` or `cameras`."""
        offsets, values = self._lists[column]
        return values[offsets[sample] : offsets[sample + 1]]

    def texts(self, stream: str, column: str, rows: np.ndarray) -> list[str]:
        """Return some texts of a column."""
        import pyarrow as pa

        found: list[str] = self._batches[stream].column(column).take(pa.array(rows)).to_pylist()
        return found

    def sensors(self, rows: np.ndarray) -> tuple[SensorRecord, ...]:
        """Return the records of some files."""
        mounts = self.numbers("sensors", "mount")[rows]
        matrices = self.numbers("mounts", "matrix", MATRIX)[mounts].reshape(-1, 3, 3).tolist()
        columns = zip(
            self.texts("sensors", "token", rows),
            self.texts("sensors", "filename", rows),
            self.numbers("sensors", "time_us")[rows].tolist(),
            map(bool, self.numbers("sensors", "is_key")[rows].tolist()),
            zip(
                self.numbers("sensors", "width")[rows].tolist(),
                self.numbers("sensors", "height")[rows].tolist(),
                strict=True,
            ),
            map(tuple, self.numbers("sensors", "pose", POSE)[rows].tolist()),
            map(tuple, self.numbers("mounts", "pose", POSE)[mounts].tolist()),
            (
                tuple(map(tuple, matrix)) if camera else ()
                for matrix, camera in zip(
                    matrices, self.numbers("mounts", "is_camera")[mounts].tolist(), strict=True
                )
            ),
            strict=True,
        )
        return tuple(SensorRecord(*row) for row in columns)

    def boxes(self, sample: int) -> Boxes:
        """Return copies of the boxes of a sample."""
        first = int(self.numbers("samples", "first")[sample])
        part = slice(first, first + int(self.numbers("samples", "count")[sample]))
        instances = self.numbers("boxes", "instance")[part]
        return Boxes(
            boxes=self.numbers("boxes", "box", BOX)[part].copy(),
            labels=self.numbers("boxes", "label")[part].copy(),
            attributes=self.numbers("boxes", "attribute")[part].copy(),
            num_points=self.numbers("boxes", "points")[part].copy(),
            instances=tuple(self.texts("instances", "name", instances)),
        )

    @cached_property
    def _views(self) -> dict[str, np.ndarray]:
        return {}

    @cached_property
    def _lists(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        columns = {name: self._batches["samples"].column(name) for name in ("lidar", "cameras")}
        return {
            name: (values.offsets.to_numpy(), values.values.to_numpy(zero_copy_only=True))
            for name, values in columns.items()
        }

    def _check_references(self) -> None:
        """Check that every row number leads to a row, so that no look-up can fail later."""
        sizes = {name: batch.num_rows for name, batch in self._batches.items()}
        for name, batch in self._batches.items():
            batch.validate(full=True)
            if any(column.null_count for column in batch.columns):
                raise FileError(f"index {self.path}: has empty values in {name}")
        for values, target in (
            (self._lists["lidar"][1], "sensors"),
            (self._lists["cameras"][1], "sensors"),
            (self.numbers("sensors", "mount"), "mounts"),
            (self.numbers("boxes", "instance"), "instances"),
        ):
            if len(values) and not (values.min() >= 0 and values.max() < sizes[target]):
                raise FileError(f"index {self.path}: refers to rows of {target} that are missing")
        for stream, target in (("scenes", "samples"), ("samples", "boxes")):
            first, count = self.numbers(stream, "first"), self.numbers(stream, "count")
            if ((first < 0) | (count < 0) | (first + count > sizes[target])).any():
                raise FileError(f"index {self.path}: refers to rows of {target} that are missing")


@dataclass(frozen=True)
class IndexedScene:
    """A scene of an index (see `calico.data.nuscenes.scenes.Scene`).

    Attributes:
        index: The index.
        name: Name of the scene.
        location: Name of its map.
        first: Number of its first sample in the index.
        count: Number of its samples.
    """

    index: SceneIndex
    name: str
    location: str
    first: int
    count: int

    def __len__(self) -> int:
        return self.count

    def __getitem__(self, position: int) -> SampleRecord:
        sample = self._sample(position)
        lidar, cameras = (self.index.rows_of(name, sample) for name in ("lidar", "cameras"))
        found = self.index.sensors(np.concatenate([lidar, cameras]))
        return SampleRecord(
            token=self.index.text("samples", "token", sample),
            scene=self.name,
            location=self.location,
            lidar=found[: len(lidar)],
            cameras=found[len(lidar) :],
            boxes=self.index.boxes(sample),
        )

    def boxes(self, position: int) -> Boxes:
        """See `Scene`."""
        return self.index.boxes(self._sample(position))

    def image_sizes(self) -> set[tuple[int, int]]:
        """See `Scene`."""
        samples = range(self.first, self.first + self.count)
        rows = [self.index.rows_of("cameras", sample) for sample in samples]
        chosen = np.concatenate(rows) if rows else np.zeros(0, np.int64)
        sizes = [self.index.numbers("sensors", name)[chosen] for name in ("height", "width")]
        return {(height, width) for height, width in np.unique(sizes, axis=1).T.tolist()}

    def _sample(self, position: int) -> int:
        if not -self.count <= position < self.count:
            raise IndexError(position)
        return self.first + position % self.count


def _verify(path: Path) -> None:
    """Check the seal of a file without reading all of it into this process's memory."""
    with open_regular(path, "index") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    check_seal(content, f"index {path}")  # type: ignore[arg-type]


def _read_streams(path: Path) -> tuple[dict[str, Any], str]:
    """Map the file; return a record batch by stream, and the seal."""
    import pyarrow as pa

    source, batches, digest = pa.memory_map(str(path)), {}, ""
    for name in STREAMS:
        stream = pa.ipc.open_stream(source)
        found = list(stream)
        if len(found) != 1:
            raise FileError(f"index {path}: has {len(found)} tables of {name}, expected one")
        batches[name] = found[0]
        digest = digest or (stream.schema.metadata or {}).get(DIGEST_KEY, b"").decode()
    return batches, digest
