from __future__ import annotations

import tracemalloc
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo.records import CameraImage, WaymoRecord
from calico.data.waymo.v1.writer import write_segment
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.making import make_record


def test_the_same_frames_give_the_same_bytes(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        write_segment(tmp_path / folder, "training", "segment-a", [make_record(1), make_record(2)])
    files = sorted(tmp_path.rglob("*"))
    contents = [file.read_bytes() for file in files if file.is_file()]
    assert len(contents) == 2
    assert contents[0] == contents[1]


def test_one_frame_at_a_time_is_in_memory(tmp_path: Path) -> None:
    image = next(iter(make_record(1).images.values()))

    def frames() -> Iterator[WaymoRecord]:
        for seed in range(1, 13):
            large = CameraImage(
                np.random.default_rng(seed).bytes(1_000_000),
                image.world_T_vehicle, None, 0.0, 0.0, 0.0, 0.0,
            )  # fmt: skip
            yield replace(make_record(seed), images={1: large})

    tracemalloc.start()
    write_segment(tmp_path, "training", "segment-a", frames())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert next(tmp_path.rglob("*.tfrecord")).stat().st_size > 12_000_000
    assert peak < 10_000_000


@pytest.mark.parametrize(
    ("context", "records", "reason"),
    [
        ("segment-a", [], "has no frame to write"),
        ("b", [make_record(1)], "segment b: got a frame of segment 'segment-a'"),
        ("segment-a", [make_record(2), make_record(1)], "expected ascending times"),
        ("segment-a", [make_record(2), make_record(2)], "expected ascending times"),
        ("../a", [make_record(1)], r"got the name '\.\./a', expected"),
        ("a/b", [make_record(1)], "got the name 'a/b', expected"),
        ("segment-a", [make_record(1, timestamp_us=2**63)], "timestamp_micros: got"),
    ],
)
def test_what_cannot_be_written_leaves_nothing_behind(
    context: str, records: list[WaymoRecord], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match=reason):
        write_segment(tmp_path, "training", context, records)
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == []
