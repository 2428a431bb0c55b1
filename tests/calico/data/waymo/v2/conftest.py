"""A written segment that the tests read, and a copy that they may damage."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from calico.data.waymo.records import WaymoRecord
from calico.data.waymo.v2.reader import ParquetSegment, open_segments
from calico.data.waymo.v2.writer import write_segment
from tests.calico.data.waymo.v2.samples import CONTEXT, make_records


@pytest.fixture(scope="session")
def made() -> tuple[WaymoRecord, ...]:
    """Eleven frames."""
    return tuple(make_records(11))


@pytest.fixture(scope="session")
def written(made: tuple[WaymoRecord, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The frames as a data set with row groups of four frames; nobody changes it."""
    root = tmp_path_factory.mktemp("waymo")
    write_segment(root, "training", CONTEXT, made, frames_per_group=4)
    return root


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Path:
    """A copy of the data set."""
    return Path(shutil.copytree(written, tmp_path / "waymo"))


@pytest.fixture
def place(copy: Path) -> Callable[[str], Path]:
    """Finds the file of a component in the copy."""
    return lambda tag: copy / "training" / tag / f"{CONTEXT}.parquet"


@pytest.fixture
def open_copy(copy: Path, tmp_path: Path) -> Callable[[], ParquetSegment]:
    """Opens the segment of the copy."""
    return lambda: open_segments(copy, "training", tmp_path / "cache")[0]


@pytest.fixture
def edit(place: Callable[[str], Path]) -> Callable[..., None]:
    """Replaces the table of a component: `edit(tag, change)`, in one row group."""

    def apply(tag: str, change: Callable[[Any], Any], **options: Any) -> None:
        table = change(pq.ParquetFile(place(tag)).read())
        pq.write_table(table, place(tag), **{"compression": "brotli", **options})

    return apply
