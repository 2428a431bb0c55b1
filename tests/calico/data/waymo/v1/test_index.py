from __future__ import annotations

import io
import os
from pathlib import Path

import pytest

from calico.data.waymo.v1 import index
from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.index import default_cache_dir, load_index, make_index
from calico.data.waymo.v1.messages import FRAME
from calico.data.waymo.v1.tfrecord import write_record
from calico.errors import CalicoError


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def frame(time: int, padding: int = 5000) -> bytes:
    content = {
        "context": {"name": "a" * padding},
        "timestamp_micros": time,
        "images": [{"image": bytes(20_000)}],
    }
    return encode_message(content, FRAME)


def content_of(*records: bytes) -> bytes:
    stream = io.BytesIO()
    for one in records:
        write_record(stream, one)
    return stream.getvalue()


class CountingStream(io.BytesIO):
    """Counts the bytes that are read."""

    total = 0

    def read(self, size: int | None = -1) -> bytes:
        found = super().read(size)
        self.total += len(found)
        return found


def test_frames_are_sorted_by_time() -> None:
    records = frame(30), frame(-5), frame(2**62)
    found = make_index(io.BytesIO(content_of(*records)), "f")
    assert found.timestamps_us.tolist() == [-5, 30, 2**62]
    assert found.offsets.tolist() == [len(records[0]) + 16, 0, 2 * len(records[0]) + 32 + 9]


def test_only_the_heads_of_the_records_are_read() -> None:
    stream = CountingStream(content_of(*(frame(time) for time in range(10))))
    make_index(stream, "f")
    assert stream.total < 10 * 100


def test_the_time_is_found_behind_anything() -> None:
    late = encode_message({"images": [{"image": bytes(9000)}]}, FRAME)
    late += bytes.fromhex("a50600000000" + "a1060000000000000000" + "a00601")
    found = make_index(io.BytesIO(content_of(late + frame(7))), "f")
    assert found.timestamps_us.tolist() == [7]


def test_an_index_is_kept_until_the_file_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content_of(frame(1), frame(2)))
    assert load_index(path).timestamps_us.tolist() == [1, 2]
    (cached,) = default_cache_dir().iterdir()

    def fail(*_: object) -> None:
        raise AssertionError("made again")

    with monkeypatch.context() as patch:
        patch.setattr(index, "make_index", fail)
        assert load_index(path).timestamps_us.tolist() == [1, 2]
        assert load_index(path).offsets.tolist() == [0, len(content_of(frame(1)))]
    path.write_bytes(content_of(frame(1), frame(3)))
    os.utime(path, ns=(1, 1))
    assert load_index(path).timestamps_us.tolist() == [1, 3]
    assert len(list(default_cache_dir().iterdir())) == 2
    assert cached.exists()


def test_a_damaged_index_is_made_again(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content_of(frame(1), frame(2)))
    load_index(path)
    (cached,) = default_cache_dir().iterdir()
    content = cached.read_bytes()
    for damaged in (content.replace(b" 2", b" 3", 1), b"", b"{}", content[:-9]):
        assert damaged != content
        cached.write_bytes(damaged)
        assert load_index(path).timestamps_us.tolist() == [1, 2]
        assert f"cached index {cached}: cannot be used" in caplog.text
        assert cached.read_bytes() == content
        caplog.clear()


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"in the way")
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content_of(frame(1)))
    assert load_index(path).timestamps_us.tolist() == [1]
    assert "cannot be stored" in caplog.text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "segment .*a.tfrecord: holds no frame"),
        (content_of(frame(4), frame(4)), "holds two frames of the time 4"),
        (content_of(frame(4), b""), "record 1: has no number in field 2"),
        (content_of(frame(4)[:3000]), "record 0, offset 12: states 5003 bytes"),
        (content_of(b"\x80"), "record 0, offset 12: ends within a number"),
        (content_of(b"\x0b\x01"), "record 0, offset 12: wire type 3"),
        (content_of(frame(4))[:-1], "record 0: states"),
    ],
)
def test_damaged_files_are_refused(content: bytes, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content)
    with pytest.raises(CalicoError, match=reason):
        load_index(path)
