"""Corrupted copies: read back, they are the corrupted frames; killed and taken up again, they have
the same bytes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from calico.data.check import check_data
from calico.data.copies.corrupted import CopyWriter, Original
from calico.data.nuscenes import NuScenesSource
from calico.geometry.frames import transform_points
from corruptions import corrupt, corrupt_with, list_corruptions
from corruptions.preset import Level
from tests.calico.data.copies.helpers import (
    SEED,
    VERSION,
    ByHand,
    assert_same,
    error_of,
    files_of,
    original,
    read,
)
from tests.calico.data.nuscenes.loading import config


@pytest.mark.parametrize("name", [*list_corruptions(), "fog+extrinsic"])
def test_a_copy_reads_back_as_the_corrupted_frames(name: str, rich: Path, tmp_path: Path) -> None:
    before = files_of(rich)
    clean = original(rich)
    expected = [corrupt(clean.frames[index], name, 5, SEED) for index in range(4)]
    CopyWriter(clean, SEED).write(Level(name, 5), tmp_path / "copies")
    source = read(tmp_path / "copies" / f"{name}-5")
    for index, frame in enumerate(expected):
        assert_same(source[index], frame)
    assert files_of(rich) == before


def test_a_sweep_has_the_draws_of_the_keyframe_that_follows_it(tiny: Path, tmp_path: Path) -> None:
    """With three sweeps, the second frame also aggregates the first keyframe: it comes as its own
    copy has it."""
    CopyWriter(original(tiny, sweeps=3), SEED).write(Level("point_drop", 5), tmp_path)
    clean, source = original(tiny, sweeps=3).frames, read(tmp_path / "point_drop-5", sweeps=3)
    first, second = (corrupt(clean[index], "point_drop", 5, SEED) for index in (0, 1))
    own, older = source[1].sweep_index < 2, source[1].sweep_index == 2
    np.testing.assert_allclose(
        source[1].points[own], second.points[second.sweep_index < 2], atol=3e-5
    )
    there = transform_points(clean[1].sweep_T[2], first.points[:, :3])
    np.testing.assert_allclose(source[1].points[older, :3], there, atol=3e-5)


def test_a_level_of_a_suite_has_its_value_in_its_name(tiny: Path, tmp_path: Path) -> None:
    CopyWriter(original(tiny), SEED).write(Level("point_drop", 2, 0.8), tmp_path)
    source, clean = read(tmp_path / "point_drop-share_dropped=0.8"), original(tiny).frames
    assert_same(source[0], corrupt_with(clean[0], "point_drop", 0.8, SEED))
    manifest = json.loads((tmp_path / "point_drop-share_dropped=0.8" / "manifest.json").read_text())
    assert (manifest["severity"], manifest["parameters"]) == (None, {"share_dropped": 0.8})


def test_folders_that_are_refused(tiny: Path, tmp_path: Path) -> None:
    write = CopyWriter(original(tiny), SEED).write
    (tmp_path / "mine" / "fog-3").mkdir(parents=True)
    (tmp_path / "mine" / "fog-3" / "thesis.txt").write_text("mine")
    assert "holds thesis.txt and no manifest.json" in error_of(
        lambda: write(Level("fog", 3), tmp_path / "mine")
    )
    (tmp_path / "file-1").write_text("mine")
    (tmp_path / "fog-1").write_text("mine")
    assert "fog-1: is a file" in error_of(lambda: write(Level("fog", 1), tmp_path))
    assert "overlaps with the data set" in error_of(lambda: write(Level("fog", 3), tiny / "copies"))
    write(Level("beam_missing", 1), tmp_path)
    other = CopyWriter(original(tiny), SEED + 1).write
    message = error_of(lambda: other(Level("beam_missing", 1), tmp_path))
    assert "holds another copy: seed is 5 there and 6 now" in message
    (tmp_path / "beam_missing-1" / "manifest.json").write_text("{")
    assert "manifest.json: carries no checksum" in error_of(
        lambda: write(Level("beam_missing", 1), tmp_path)
    )
    assert "severity is 0, expected 1 to 5" in error_of(lambda: write(Level("fog", 0), tmp_path))


def test_a_copy_that_is_the_original_is_refused(tiny: Path, tmp_path: Path) -> None:
    nothing = ByHand("fog", 3, change=lambda frame: frame)
    message = error_of(lambda: CopyWriter(original(tiny), SEED).write(nothing, tmp_path))
    assert (
        "fog-3: fog: changed camera in 0 of 4 frames, lidar in 0 of 4 frames; expected a change"
        in message
    )
    assert json.loads((tmp_path / "fog-3" / "manifest.json").read_text())["status"] == "writing"


def test_the_check_of_a_copy_looks_at_the_splits_that_it_was_made_of(
    tiny: Path, tmp_path: Path
) -> None:
    source = NuScenesSource(tiny, VERSION, "val", None, sweeps=2)
    made_of = Original(source, source, tiny, VERSION, 2)
    CopyWriter(made_of, SEED).write(Level("point_drop", 5), tmp_path)
    copy = config(tmp_path / "point_drop-5", sweeps=2)
    report = check_data(copy)
    assert report.problems == []
    assert "train: the copy was made without it, so it is not checked" in report.notes
    assert dict(report.facts)["val"] == "'val': 1 scenes, 2 keyframes"
    assert "split 'train'" in check_data(copy, ["train"]).problems[0]
    assert [note for note in check_data(config(tiny, sweeps=2)).notes if "copy" in note] == []
