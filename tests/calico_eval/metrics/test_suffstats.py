from __future__ import annotations

import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from calico.errors import CalicoError
from calico.files import SEAL_PLACEHOLDER, seal
from calico_eval.metrics.nuscenes import class_ranges
from calico_eval.metrics.suffstats import FrameStats, compute_frame_stats, load_stats, save_stats


@pytest.fixture
def stats(random_pair: Callable[..., Any], with_maps: Callable[..., Any]) -> list[FrameStats]:
    """Frames with and without maps, one without predictions, one without objects."""
    rng = np.random.default_rng(0)
    pairs = [with_maps(rng, random_pair(rng, f"t{i}", scene=f"s{i // 2}")) for i in range(4)]
    pairs[1] = random_pair(rng, "no map", scene="s0")
    pairs[2] = with_maps(rng, (pairs[2][0], random_pair(rng, "none", objects=0)[1]))
    pairs[3] = random_pair(rng, "empty", scene="s1", objects=0)
    return [compute_frame_stats(*pair, class_ranges()) for pair in pairs]


def assert_same(a: FrameStats, b: FrameStats) -> None:
    assert (a.token, a.scene) == (b.token, b.scene)
    for name in ("labels", "scores", "tp", "errors", "n_gt"):
        left, right = getattr(a.detection, name), getattr(b.detection, name)
        np.testing.assert_array_equal(left, right)
        assert left.dtype == right.dtype
    assert (a.segmentation is None) == (b.segmentation is None)
    if a.segmentation is not None:
        for name in ("tp", "fp", "fn"):
            np.testing.assert_array_equal(
                getattr(a.segmentation, name), getattr(b.segmentation, name)
            )


def test_what_is_written_is_read(stats: list[FrameStats], tmp_path: Path) -> None:
    save_stats(tmp_path / "new" / "frames.parquet", stats)
    again = load_stats(tmp_path / "new" / "frames.parquet")
    assert [s.segmentation is None for s in again] == [False, True, False, True]
    assert np.isnan(
        again[0].detection.errors[again[0].detection.tp[:, 2]]
    ).any()  # unknown velocities come back as NaN
    for a, b in zip(stats, again, strict=True):
        assert_same(a, b)


def test_same_bytes_and_nothing_left_behind(stats: list[FrameStats], tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_stats(tmp_path / name, stats)
    save_stats(tmp_path / "c", load_stats(tmp_path / "a"))
    assert (
        (tmp_path / "a").read_bytes()
        == (tmp_path / "b").read_bytes()
        == (tmp_path / "c").read_bytes()
    )
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a", "b", "c"]


def test_nan_is_never_written(stats: list[FrameStats], tmp_path: Path) -> None:
    save_stats(tmp_path / "a", stats)
    errors = pq.read_table(tmp_path / "a").column("errors").combine_chunks().flatten()
    assert errors.null_count > 0
    assert not np.isnan(errors.drop_null().to_numpy()).any()


def test_no_frames(tmp_path: Path) -> None:
    save_stats(tmp_path / "a", [])
    assert load_stats(tmp_path / "a") == []


def test_a_failed_write_keeps_the_old_file(
    stats: list[FrameStats], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_stats(tmp_path / "a", stats)
    before = (tmp_path / "a").read_bytes()

    def half(table: pa.Table, where: io.BytesIO, **options: object) -> None:
        where.write(b"PAR1")
        raise OSError("disk full")

    monkeypatch.setattr(pq, "write_table", half)
    with pytest.raises(OSError, match="disk full"):
        save_stats(tmp_path / "a", stats[:1])
    assert (tmp_path / "a").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_faults_name_the_file(stats: list[FrameStats], tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    with pytest.raises(CalicoError, match=r"frames.parquet: no such file"):
        load_stats(path)
    save_stats(path, stats)
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CalicoError, match=r"frames.parquet: does not match its checksum"):
        load_stats(path)
    table = pa.table({"token": ["a"]})
    pq.write_table(table, path)
    with pytest.raises(CalicoError, match=r"frames.parquet: carries no checksum"):
        load_stats(path)
    stream = io.BytesIO()
    pq.write_table(table.replace_schema_metadata({"sha256": SEAL_PLACEHOLDER}), stream)
    path.write_bytes(seal(stream.getvalue()))
    with pytest.raises(
        CalicoError, match=r"frames.parquet: not per-frame statistics of this version"
    ):
        load_stats(path)
    path.write_bytes(seal(SEAL_PLACEHOLDER.encode()))
    with pytest.raises(CalicoError, match=r"frames.parquet: not a readable parquet file"):
        load_stats(path)


def test_the_statistics_of_another_cell_or_run_are_refused(
    stats: list[FrameStats], tmp_path: Path
) -> None:
    sha256 = save_stats(tmp_path / "a", stats, "abc")
    assert len(load_stats(tmp_path / "a", "abc", sha256)) == 4
    with pytest.raises(CalicoError, match=r"another run or cell \(abc\), expected cell abd"):
        load_stats(tmp_path / "a", "abd")
    save_stats(tmp_path / "a", stats[:3], "abc")  # another run's file of the same cell
    with pytest.raises(CalicoError, match="another run or cell"):
        load_stats(tmp_path / "a", "abc", sha256)


def test_no_flipped_bit_is_accepted(stats: list[FrameStats], tmp_path: Path) -> None:
    path = tmp_path / "frames.parquet"
    save_stats(path, stats)
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        path.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match="checksum"):
            load_stats(path)
