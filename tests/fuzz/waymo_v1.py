"""Files of Waymo's version 1, damaged within and without their checksums."""

from __future__ import annotations

import io
import os
import random
import zlib
from collections.abc import Callable
from pathlib import Path
from unittest.mock import patch

import numpy as np

from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.messages import MATRIX_FLOAT
from calico.data.waymo.v1.objects import read_objects, write_objects
from calico.data.waymo.v1.reader import open_segments
from calico.data.waymo.v1.tfrecord import list_records, read_record, write_record
from calico.data.waymo.v1.wire import Decoder
from calico.data.waymo.v1.writer import write_segment
from tests.calico.data.waymo.v1.making import make_map, make_record
from tests.calico.data.waymo.v1.plain import to_plain
from tests.calico.data.waymo.v1.test_objects import make_objects
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import damage_bytes


def _write(folder: Path) -> Path:
    features = make_map(np.random.default_rng(0))
    records = [make_record(seed, "a", map_features=features) for seed in (1, 2)]
    write_segment(folder / "waymo", "training", "a", records)
    return next((folder / "waymo" / "training").iterdir())


def _read(file: Path) -> object:
    """All frames, whole and without their sensors."""
    found = []
    with patch.dict(os.environ, XDG_CACHE_HOME=str(file.parents[2] / "cache")):
        for segment in open_segments(file.parents[1], file.parent.name):
            for time in segment.timestamps_us.tolist():
                found.append(to_plain(segment.read(time)))
                found.append(to_plain(segment.read(time, lasers=(), cameras=())))
    return found


def _damage_content(rng: random.Random, content: bytes) -> bytes:
    """Change bytes of a record, or of a message in it, whose lengths and checksums stay right."""
    source, result = io.BytesIO(content), io.BytesIO()
    offsets = [offset for offset, _ in list_records(source, "f")]
    chosen = rng.randrange(len(offsets))
    for number, offset in enumerate(offsets):
        record = read_record(source, offset, "f")
        write_record(result, damage_message(rng, record) if number == chosen else record)
    return result.getvalue()


def damage_message(rng: random.Random, content: bytes) -> bytes:
    """Change a message, or, likely, a part of it at any depth."""
    change: Callable[[bytes], bytes] = lambda part: damage_bytes(rng, part)  # noqa: E731
    fields = _split(content)
    inner = [place for place, one in enumerate(fields) if one[1] is not None]
    if not inner or rng.random() < 0.2:
        return change(content)
    place = rng.choice(inner)
    tag, body = fields[place]
    assert body is not None
    if rng.random() < 0.1:
        del fields[place]
    elif body[:1] == b"\x78":
        fields[place] = tag, _damage_compressed(rng, body)
    else:
        fields[place] = tag, damage_message(rng, body)
    return b"".join(
        tag if part is None else tag + _length(len(part)) + part for tag, part in fields
    )


def _damage_compressed(rng: random.Random, body: bytes) -> bytes:
    try:
        return zlib.compress(damage_message(rng, zlib.decompress(body)))
    except zlib.error:
        return damage_bytes(rng, body)


def _split(content: bytes) -> list[tuple[bytes, bytes | None]]:
    """The fields of a message, as tag and body or as all of it and None."""
    decoder, position, fields = Decoder(content), 0, []
    try:
        while position < len(content):
            _, wire_type, behind = decoder.tag(position, len(content))
            if wire_type == 2:
                start, end = decoder.span(behind, len(content))
                fields.append((content[position:behind], content[start:end]))
            else:
                end = decoder.skip(wire_type, behind, len(content))
                fields.append((content[position:end], None))
            position = end
    except Exception:
        return [(content, None)]
    return fields


def _length(number: int) -> bytes:
    """A length, as it stands in the packed field of a message."""
    message = encode_message({"shape": {"dims": [number]}}, MATRIX_FLOAT)
    return message[3:]


def _objects(folder: Path) -> Path:
    write_objects(folder / "boxes.bin", make_objects(9))
    return folder / "boxes.bin"


def _segment(name: str) -> Subject:
    return Subject(name, _write, _read, _damage_content, named=(".tfrecord", "training"))


SUBJECTS = (
    _segment("waymo-v1"),
    Subject("waymo-objects", _objects, lambda file: to_plain(read_objects(file)), damage_message),
)
