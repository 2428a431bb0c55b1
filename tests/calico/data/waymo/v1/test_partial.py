from __future__ import annotations

import io

import pytest

from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.messages import FRAME
from calico.data.waymo.v1.partial import find_number, read_without
from calico.errors import CalicoError

SMALL = {"context": {"name": "a" * 300}, "timestamp_micros": -7, "laser_labels": [{"id": "b"}]}
WHOLE = encode_message(SMALL | {"images": [{"image": bytes(5000)}, {"image": bytes(6000)}]}, FRAME)


def test_fields_are_left_out() -> None:
    stream = io.BytesIO(b"before" + WHOLE + b"behind")
    end = 6 + len(WHOLE)
    assert read_without(stream, 6, end, (4, 5), "f") == encode_message(SMALL, FRAME)
    assert read_without(stream, 6, end, (), "f") == WHOLE


def test_a_number_is_found() -> None:
    stream = io.BytesIO(b"before" + WHOLE)
    assert find_number(stream, 6, 6 + len(WHOLE), 2, "f") == -7


@pytest.mark.parametrize("size", [1, 2, 300, 305, 310, 1000, 6000, len(WHOLE) - 1])
def test_cut_messages_are_refused(size: int) -> None:
    with pytest.raises(CalicoError, match=r"f, offset \d+: (states|ends)"):
        read_without(io.BytesIO(WHOLE), 0, size, (4,), "f")


def test_a_missing_number_is_refused() -> None:
    with pytest.raises(CalicoError, match="f: has no number in field 9"):
        find_number(io.BytesIO(WHOLE), 0, len(WHOLE), 9, "f")
