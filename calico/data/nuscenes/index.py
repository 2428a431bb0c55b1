"""An index of the tables: one file in the cache folder that opens at once.

The official tables are over 1 GB of JSON. Parsing and checking them takes minutes and gigabytes of
memory. So the first start writes the records of all scenes into an Arrow file
(`index_columns`), and later starts map that file into memory (`index_scenes`).

The name of the file stands for the folder, the cameras, the number of sweeps, the classes and the
reader's version. A note beside it says to which file it belongs, and of which tables that was made:
size, time of the last change, and SHA-256. The index is made again when the size or the content of
a table is another one. The contents are read only if a time differs, or if a table was young when
the index was made. So only a change that keeps both size and time of a table goes unnoticed.

All checks of the tables happen when the index is made. An error in a scene is kept with the scene.
Without pyarrow, for small tables, and where the cache cannot be written, the tables are read as
they are.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from calico.config.taxonomy import describe_taxonomy
from calico.data.nuscenes.index_columns import STREAMS, IndexColumns
from calico.data.nuscenes.index_scenes import DIGEST_KEY, SceneIndex
from calico.data.nuscenes.records import SampleReader
from calico.data.nuscenes.scenes import LoadedScenes, SceneStore
from calico.data.nuscenes.tables import FIELDS, MAX_TABLE_BYTES, Tables
from calico.files import (
    SEAL_PLACEHOLDER,
    FileError,
    is_replaceable,
    open_regular,
    read_sealed_json,
    seal,
    to_sealed_json,
    user_cache_dir,
    write_atomic,
)
from calico.taxonomy import Taxonomy

LOG = logging.getLogger(__name__)
INDEX_VERSION = 1
"""Raised whenever the columns, or the records of the same tables, become others."""
SMALLEST_TABLES = 8 << 20
"""Smaller tables [bytes] are read in a fraction of a second, and get no index of their own
accord."""
SETTLED_S = 2.0
"""A table that was changed less than this before [s] may change again within one tick of the file
system's clock."""
LARGEST_TABLES = ("sample_annotation", "sample", "sample_data")
"""In the order in which `SampleReader` asks for them."""
Stamp = tuple[int, int] | None
"""Size [bytes] and time of the last change [ns] of a table; None for a missing one."""
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class IndexSettings:
    """What decides the content of an index besides the tables.

    Attributes:
        cameras: Channels, in the order of the views.
        sweeps: LiDAR sweeps a frame.
        taxonomy: Classes of the boxes.
        reader: Version of the reader.
        cache_dir: Folder of the index. None for calico/nuscenes in the user's cache folder.
        smallest: Smallest tables that get an index [bytes].
    """

    cameras: tuple[str, ...]
    sweeps: int
    taxonomy: Taxonomy
    reader: int
    cache_dir: Path | None = None
    smallest: int = SMALLEST_TABLES

    def locate(self, tables: Tables) -> Path:
        """Return the place of the index of some tables, whether it exists or not."""
        taxonomy = describe_taxonomy(self.taxonomy)
        what = (INDEX_VERSION, self.reader, self.cameras, self.sweeps, taxonomy)
        text = repr((*what, str(tables.folder.resolve())))
        name = hashlib.sha256(text.encode()).hexdigest()[:40]
        return (self.cache_dir or user_cache_dir() / "nuscenes") / f"{name}.arrow"


def open_scenes(
    tables: Tables, settings: IndexSettings, progress: Progress | None = None
) -> SceneStore:
    """Open the scenes of tables: by their index, which is made if need be, or by the tables.

    Args:
        tables: The data set's.
        settings: What is read of them.
        progress: Called with (percent done, 100) while an index is made.

    Raises:
        CalicoError: The tables contradict themselves; see `SampleReader`.
    """

    def read_tables() -> SampleReader:
        return SampleReader(tables, settings.cameras, settings.sweeps, settings.taxonomy)

    if find_spec("pyarrow") is None:
        return LoadedScenes(read_tables())
    try:
        path = settings.locate(tables)
    except FileError as error:
        LOG.warning("%s; the tables are read without an index", error)
        return LoadedScenes(read_tables())
    found = _load(path, tables)
    if found is not None:
        return found
    stamps = _stamp_tables(tables)
    size = sum(stamp[0] for stamp in stamps.values() if stamp is not None)
    if size < settings.smallest:
        return LoadedScenes(read_tables())
    started = time.time()
    for percent, name in enumerate(LARGEST_TABLES):  # most of the time goes into parsing
        if progress is not None:
            progress(20 * percent, 100)
        tables.rows(name)
    reader = read_tables()
    made = _make(path, reader, stamps, started, progress)
    return LoadedScenes(reader) if made is None else made


def _make(
    path: Path,
    reader: SampleReader,
    stamps: Mapping[str, Stamp],
    started: float,
    progress: Progress | None,
) -> SceneIndex | None:
    """Write the index and open it; None, with a warning, where that cannot be done."""
    tables, columns = reader.tables, IndexColumns()
    names = reader.scene_names()
    for done, name in enumerate(names):
        if progress is not None:
            progress(60 + 40 * done // len(names), 100)
        columns.add_scene(name, (reader.read(*rows) for rows in reader.samples(name)))
    try:
        content = _write(columns)
        if _stamp_tables(tables) != stamps:
            raise FileError("the tables changed while they were read")
        path.parent.mkdir(parents=True, exist_ok=True)
        for file in (path, _note_of(path)):
            if not is_replaceable(file):
                file.unlink()  # a pipe or a device in the place of a cached file
        write_atomic(path, content)
        index = SceneIndex(path)
        _write_note(path, _name_seal(index), stamps, _hash_tables(tables, stamps), started)
    except (OSError, OverflowError, ValueError) as error:  # ValueError: of Arrow, and FileError
        LOG.warning("index %s: not written (%s); the tables are read without it", path, error)
        return None
    if progress is not None:
        progress(100, 100)
    return index


def _write(columns: IndexColumns) -> bytes:
    """Return the sealed content of an index file."""
    import pyarrow as pa

    stream = io.BytesIO()
    for name, batch in columns.to_batches().items():
        if name == STREAMS[0]:
            batch = batch.replace_schema_metadata({DIGEST_KEY: SEAL_PLACEHOLDER.encode()})
        with pa.ipc.new_stream(stream, batch.schema) as writer:
            writer.write_batch(batch)
    return seal(stream.getvalue())


def _load(path: Path, tables: Tables) -> SceneIndex | None:
    """Open an index that is there and is that of the tables as they are now."""
    import pyarrow as pa

    try:
        if not path.is_file() or not _note_of(path).is_file():
            return None
        digest = _find_current(path, tables)
        if digest is None:
            return None
        index = SceneIndex(path)
        if _name_seal(index) != digest:  # of other tables: a process died before it wrote the note
            raise FileError("its note belongs to another file")
        return index
    except (FileError, OSError, KeyError, TypeError, ValueError, pa.ArrowException) as error:
        LOG.warning("index %s: cannot be used (%s); made again", path, error)
        return None


def _find_current(path: Path, tables: Tables) -> str | None:
    """Return the seal of the index that was made of the tables as they are now, or None."""
    note = read_sealed_json(_note_of(path), what="note of an index")
    known = {name: None if row is None else (row[0], row[1]) for name, row in note["of"].items()}
    found, started, stamps = str(note["index"]), time.time(), _stamp_tables(tables)
    if note["settled"] is True and stamps == known:
        return found
    if {n: s and s[0] for n, s in stamps.items()} != {n: s and s[0] for n, s in known.items()}:
        return None
    digests = {name: _hash_file(tables.path(name)) for name, stamp in stamps.items() if stamp}
    if digests != {name: row[2] for name, row in note["of"].items() if row is not None}:
        return None
    if _stamp_tables(tables) == stamps and _are_settled(stamps, started):
        try:
            _write_note(path, found, stamps, digests, started)
        except OSError as error:
            LOG.info("index %s: its note stays as it is (%s)", path, error)
    return found


def _write_note(
    path: Path,
    index: str,
    stamps: Mapping[str, Stamp],
    digests: Mapping[str, str],
    started: float,
) -> None:
    of = {
        name: None if stamp is None else [*stamp, digests[name]] for name, stamp in stamps.items()
    }
    settled = _are_settled(stamps, started)
    content: dict[str, Any] = {"of": of, "settled": settled, "index": index}
    write_atomic(_note_of(path), to_sealed_json(content))


def _name_seal(index: SceneIndex) -> str:
    """Return the seal of an index without its mark, which would be a second seal of the note."""
    return index.digest.rpartition(":")[2]


def _are_settled(stamps: Mapping[str, Stamp], now: float) -> bool:
    return all(stamp is None or stamp[1] * 1e-9 < now - SETTLED_S for stamp in stamps.values())


def _note_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _stamp_tables(tables: Tables) -> dict[str, Stamp]:
    result: dict[str, Stamp] = {}
    for name in FIELDS:
        try:
            status = tables.path(name).stat()
        except OSError:
            result[name] = None
        else:
            result[name] = (status.st_size, status.st_mtime_ns)
    return result


def _hash_tables(tables: Tables, stamps: Mapping[str, Stamp]) -> dict[str, str]:
    """Return the SHA-256 of every table: of the bytes that were read, or of the file."""
    return {
        name: tables.digests.get(name) or _hash_file(tables.path(name))
        for name, stamp in stamps.items()
        if stamp is not None
    }


def _hash_file(path: Path) -> str:
    """Return the SHA-256 of a file that is not kept in memory."""
    digest = hashlib.sha256()
    with open_regular(path, "table") as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_TABLE_BYTES:
            raise FileError(
                f"table {path}: has {size} bytes, expected at most {MAX_TABLE_BYTES}; is it the "
                "right file?"
            )
        while part := file.read(1 << 20):
            digest.update(part)
    return digest.hexdigest()
