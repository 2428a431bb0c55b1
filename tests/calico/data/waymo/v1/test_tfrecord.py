from __future__ import annotations

import io
import struct

import pytest

from calico.data.waymo.v1 import tfrecord
from calico.data.waymo.v1.crc32c import compute_crc32c, mask_crc
from calico.data.waymo.v1.tfrecord import list_records, read_record, write_record
from calico.errors import CalicoError

CONTENTS = (b"", b"abc", bytes(1000))


def written() -> io.BytesIO:
    stream = io.BytesIO()
    for content in CONTENTS:
        write_record(stream, content)
    return stream


def test_records_come_back() -> None:
    stream = written()
    found = list(list_records(stream, "f"))
    assert found == [(0, 0), (16, 3), (35, 1000)]
    assert [read_record(stream, offset, "f") for offset, _ in found] == list(CONTENTS)
    assert list(list_records(io.BytesIO(), "f")) == []


def test_tensorboard_writes_the_same_bytes() -> None:
    writer = pytest.importorskip("tensorboard.summary.writer.record_writer")
    stream = io.BytesIO()
    for content in CONTENTS:
        writer.RecordWriter(stream).write(content)
    assert stream.getvalue() == written().getvalue()


def test_every_flipped_bit_is_found() -> None:
    content = written().getvalue()[16:35]
    for bit in range(8 * len(content)):
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        with pytest.raises(CalicoError, match=r"f, record 1: .*checksum"):
            read_record(io.BytesIO(bytes(changed)), 0, "f, record 1")


@pytest.mark.parametrize("size", [1, 11, 12, 15, 17, 30, 34, 36, 1050])
def test_cut_files_are_refused(size: int) -> None:
    stream = io.BytesIO(written().getvalue()[:size])
    with pytest.raises(CalicoError, match=r"file f, record \d: (the file ends|states)"):
        list(list_records(stream, "file f"))


def test_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    length = struct.pack("<Q", 1 << 40)
    header = length + struct.pack("<I", mask_crc(compute_crc32c(length)))
    with pytest.raises(CalicoError, match="has 1099511627776 bytes, expected at most"):
        list(list_records(io.BytesIO(header), "f"))
    monkeypatch.setattr(tfrecord, "MAX_RECORDS", 2)
    with pytest.raises(CalicoError, match="more than 2 records"):
        list(list_records(written(), "f"))
