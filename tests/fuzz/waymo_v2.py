"""Files of Waymo's version 2: damaged as a whole, and in the pages and the footer only."""

from __future__ import annotations

import io
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq

from calico.data.waymo.v2.reader import open_segments
from calico.data.waymo.v2.writer import write_segment
from tests.calico.data.waymo.v1.plain import to_plain
from tests.calico.data.waymo.v2.samples import CONTEXT, make_records
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import HOSTILE, damage_bytes


def _write(tag: str) -> Callable[[Path], Path]:
    def write(folder: Path) -> Path:
        root = folder / "waymo"
        write_segment(root, "training", CONTEXT, make_records(3), frames_per_group=2)
        return root / "training" / tag / f"{CONTEXT}.parquet"

    return write


def _read(file: Path) -> object:
    """All frames."""
    root = file.parents[2]
    with patch.dict(os.environ, XDG_CACHE_HOME=str(root.parent / "cache")):
        (segment,) = open_segments(root, "training")
        return [to_plain(segment.read(time)) for time in segment.timestamps_us.tolist()]


def _damage(rng: random.Random, content: bytes) -> bytes:
    """Change the pages, the footer, or a value of the table."""
    kind = rng.random()
    if kind < 0.4:
        return _damage_value(rng, content)
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    pages, end = content[:footer], content[footer:-8]
    if kind < 0.8:  # of the same length, so that the footer still fits
        place = rng.randrange(4, len(pages))
        noise = rng.randbytes(rng.choice((1, 1, 2, 8, 100)))[: len(pages) - place]
        pages = pages[:place] + noise + pages[place + len(noise) :]
    else:
        end = damage_bytes(rng, end)
    return pages + end + len(end).to_bytes(4, "little") + b"PAR1"


def _damage_value(rng: random.Random, content: bytes) -> bytes:
    """Put a hostile value into a column, or leave the column out."""
    table = pq.read_table(io.BytesIO(content))
    place = rng.randrange(table.num_columns)
    name = table.column_names[place]
    if rng.random() < 0.1:
        changed = table.drop_columns([name])
    else:
        values: list[Any] = table[name].to_pylist()
        if not values:
            return content
        row = rng.randrange(len(values))
        if isinstance(values[row], list) and rng.random() < 0.7:
            values[row][rng.randrange(len(values[row]))] = rng.choice(HOSTILE)
        else:
            values[row] = rng.choice(HOSTILE)
        if rng.random() < 0.3:
            values = [values[row]] * len(values)
        try:
            array = pa.array(values)
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            return content
        changed = table.set_column(place, name, array)
    stream = io.BytesIO()
    try:
        pq.write_table(changed, stream, compression="brotli")
    except pa.ArrowException:
        return content
    return stream.getvalue()


SUBJECTS = tuple(
    Subject(f"waymo-v2-{tag}", _write(tag), _read, _damage, named=(CONTEXT, "training"))
    for tag in ("lidar", "camera_image", "lidar_box", "lidar_calibration", "vehicle_pose", "stats")
)
