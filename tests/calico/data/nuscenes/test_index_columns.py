"""Columns of the index, made and read back by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.nuscenes.index_columns import IndexColumns
from calico.data.nuscenes.records import SampleReader
from calico.data.nuscenes.tables import Tables
from calico.errors import CalicoError
from calico.taxonomy import CAMERAS, NUSCENES

pytest.importorskip("pyarrow", reason="pyarrow is not installed")


def test_rows_refer_to_each_other_by_number(tiny: Path) -> None:
    reader = SampleReader(Tables(tiny, "v1.0-mini"), CAMERAS[:2], 2, NUSCENES)
    columns = IndexColumns()
    for name in reader.scene_names():
        columns.add_scene(name, (reader.read(*rows) for rows in reader.samples(name)))
    batches = columns.to_batches()
    scenes, samples, sensors = (batches[name] for name in ("scenes", "samples", "sensors"))
    assert scenes.column("name").to_pylist() == ["scene-0061", "scene-0103"]
    assert scenes.column("first").to_pylist() == [0, 2]
    assert scenes.column("count").to_pylist() == [2, 2]
    names = sensors.column("token").to_pylist()
    lidar = [[names[row] for row in rows] for rows in samples.column("lidar").to_pylist()]
    assert lidar[:2] == [["LIDAR_TOP-0-0"], ["LIDAR_TOP-0-2", "LIDAR_TOP-0-1"]]
    assert len(names) == len(set(names)) == 4 * 2 + 6
    assert batches["mounts"].num_rows == 3
    assert batches["mounts"].column("is_camera").to_pylist() == [0, 1, 1]
    assert samples.column("count").to_pylist() == [2, 1, 2, 1]  # the animal has no class
    instances = batches["instances"].column("name").to_pylist()
    used = [instances[row] for row in batches["boxes"].column("instance").to_pylist()]
    assert used == ["object-0-0", "object-0-1", "object-0-0", "object-1-0", "object-1-1",
                    "object-1-0"]  # fmt: skip


def test_a_scene_that_cannot_be_read_keeps_its_error_and_no_samples(tiny: Path) -> None:
    reader = SampleReader(Tables(tiny, "v1.0-mini"), CAMERAS, 1, NUSCENES)

    def broken() -> object:
        yield reader.read(*next(iter(reader.samples("scene-0061"))))
        raise CalicoError("broken")

    columns = IndexColumns()
    columns.add_scene("bad", broken())  # type: ignore[arg-type]
    columns.add_scene("good", (reader.read(*rows) for rows in reader.samples("scene-0103")))
    batches = columns.to_batches()
    assert batches["scenes"].column("error").to_pylist() == ["broken", ""]
    assert batches["scenes"].column("count").to_pylist() == [0, 2]
    first = batches["samples"].column("first").to_pylist()[0]
    boxes = batches["boxes"].column("box").flatten().to_numpy().reshape(-1, 9)
    expected = reader.read(*next(iter(reader.samples("scene-0103")))).boxes.boxes
    assert np.array_equal(boxes[first : first + len(expected)], expected, equal_nan=True)
