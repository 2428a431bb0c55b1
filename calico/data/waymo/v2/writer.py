"""Segments of version 2, written with the data set's schema and with bounded memory.

pyarrow writes a row group from a whole table. Fifty frames of range images take more than 1 GB, so
the rows of a row group wait in an uncompressed file beside the output, which is then mapped into
memory and written column by column.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v2.rows import Row, list_calibration_rows, list_frame_rows
from calico.data.waymo.v2.schema import BINARY, COMPONENTS, SEGMENT, TEXT, Component, old_type
from calico.errors import CalicoError
from calico.files import file_name, open_atomic

FRAMES_PER_GROUP = 50
COMPRESSION = "brotli"
ONCE = ("lidar_calibration", "camera_calibration")
EVERY_FRAME = (
    "vehicle_pose",
    "lidar",
    "lidar_pose",
    "camera_image",
    "lidar_box",
    "lidar_camera_synced_box",
    "stats",
)


def write_segment(
    root: Path,
    split: str,
    context: str,
    records: Iterable[WaymoRecord],
    *,
    frames_per_group: int = FRAMES_PER_GROUP,
    compression_level: int | None = None,
    old_types: bool = False,
) -> None:
    """Write a segment, one file for each component. The files appear when all are complete.

    Args:
        root: Folder of the data set.
        split: Its split.
        context: Name of the segment.
        records: Its frames, by time. They are taken one after another. The calibrations of the
            first one hold for all. Map and zones without labels are left out.
        frames_per_group: Frames of each row group.
        compression_level: Of Brotli, 0 to 11, by default pyarrow's own.
        old_types: Write float32 where the schema has double, and names in place of the numbers of
            enums, as files before the release do.

    Raises:
        CalicoError: There is no record, or a record is of another segment, not later than the one
            before, or has other calibrations than the first.
    """
    if file_name(context) != context:
        raise CalicoError(f"segment name {context!r}: cannot be the name of a file")
    if frames_per_group < 1:
        raise CalicoError(f"frames_per_group is {frames_per_group}, expected 1 or more")
    folder = root / split
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        waiting = Path(tempfile.mkdtemp(prefix=f".{context[:80]}.", suffix=".tmp", dir=folder))
        stack.callback(shutil.rmtree, waiting, ignore_errors=True)
        files = {
            tag: stack.enter_context(
                _Table(COMPONENTS[tag], folder, context, waiting, compression_level, old_types)
            )
            for tag in (*ONCE, *EVERY_FRAME)
        }
        for count, record in enumerate(_checked(records, context)):
            if count == 0:
                for tag, rows in list_calibration_rows(record).items():
                    files[tag].add(rows)
            elif count % frames_per_group == 0:
                for tag in EVERY_FRAME:
                    files[tag].end_group()
            for tag, rows in list_frame_rows(record).items():
                files[tag].add(rows)
        for file in files.values():
            file.end_group()


def _checked(records: Iterable[WaymoRecord], context: str) -> Iterator[WaymoRecord]:
    """Pass on records that belong together."""
    first: dict[str, list[Row]] | None = None
    before = None
    for record in records:
        where = f"Waymo segment {context}: record {record.timestamp_us}"
        if record.context != context:
            raise CalicoError(f"{where}: is of the segment {record.context}")
        if before is not None and record.timestamp_us <= before:
            raise CalicoError(f"{where}: follows {before}, expected a later one")
        calibrations = list_calibration_rows(record)
        if first is None:
            first = calibrations
        elif not _equal(first, calibrations):
            raise CalicoError(f"{where}: has other calibrations than the first record")
        before = record.timestamp_us
        yield record
    if before is None:
        raise CalicoError(f"Waymo segment {context}: has no record, expected one or more")


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_equal(a[key], b[key]) for key in a)
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_equal, a, b))
    return bool(np.array_equal(a, b))


class _Table(contextlib.AbstractContextManager["_Table"]):
    """The file of one component while it is written."""

    def __init__(
        self,
        component: Component,
        folder: Path,
        context: str,
        waiting: Path,
        level: int | None,
        old_types: bool,
    ) -> None:
        self._component, self._context = component, context
        self._schema = component.schema()
        if old_types:
            self._schema = pa.schema([(c.name, old_type(c)) for c in component.columns])
        self._path = folder / component.tag / f"{context}.parquet"
        self._waiting = waiting / f"{component.tag}.arrow"
        self._level = level
        self._group: Any = None
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> _Table:
        self._path.parent.mkdir(exist_ok=True)
        stream = self._stack.enter_context(open_atomic(self._path))
        # Two JPEG images are never the same: a dictionary of them only takes time.
        coded = [c.name for c in self._component.columns if c.type != BINARY]
        self._writer = self._stack.enter_context(
            pq.ParquetWriter(
                stream,
                self._schema,
                compression=COMPRESSION,
                compression_level=self._level,
                use_compliant_nested_type=False,  # elements of lists are called "item"
                use_dictionary=coded if len(coded) < len(self._component.columns) else True,
            )
        )
        return self

    def __exit__(self, *error: Any) -> bool | None:
        if self._group is not None:
            self._group.close()
        return self._stack.__exit__(*error)

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows to the row group."""
        if self._group is None:
            self._group = pa.ipc.new_file(str(self._waiting), self._schema)
        if not rows:
            return
        try:
            batch = self._make_batch(rows)
        except (pa.ArrowException, KeyError, OverflowError) as error:
            raise CalicoError(
                f"Waymo segment {self._context}: {self._component.tag} cannot hold a value of a "
                f"record ({error})"
            ) from error
        self._group.write_batch(batch)

    def end_group(self) -> None:
        """Write the rows since the last call as a row group."""
        if self._group is None:
            return
        self._group.close()
        self._group = None
        with pa.memory_map(str(self._waiting)) as mapped:
            table = pa.ipc.open_file(mapped).read_all()
            if len(table):
                self._writer.write_table(table, row_group_size=len(table))
            del table
        self._waiting.unlink()

    def _make_batch(self, rows: Sequence[Row]) -> pa.RecordBatch:
        arrays = []
        for column, kind in zip(self._component.columns, self._schema.types, strict=True):
            path = column.name.split("].")[-1]
            values = [row.get(path) for row in rows]
            if column.name == SEGMENT:
                values = [self._context] * len(rows)
            if column.enum is not None and kind == TEXT:
                names = {0: "UNKNOWN", **column.enum}
                values = [None if value is None else names[value] for value in values]
            arrays.append(_make_array(values, kind))
        return pa.record_batch(arrays, schema=self._schema)


def _make_array(values: list[Any], kind: pa.DataType) -> pa.Array:
    """Make an array of plain values, or of lists that are numpy arrays."""
    if not pa.types.is_list(kind):
        return pa.array(values, kind)
    lengths = [0 if value is None else len(value) for value in values]
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    parts = [value for value in values if value is not None and len(value)]
    numbers = np.concatenate(parts) if parts else np.zeros(0)
    flat = pa.array(numbers).cast(kind.value_type)
    missing = pa.array([value is None for value in values])
    return pa.ListArray.from_arrays(pa.array(offsets), flat, type=kind, mask=missing)
