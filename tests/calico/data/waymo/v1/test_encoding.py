from __future__ import annotations

import pytest

from calico.data.waymo.v1.encoding import encode_message
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.test_wire import ALL


def test_the_documented_examples_of_the_encoding() -> None:
    # https://protobuf.dev/programming-guides/encoding/: 150 in field 1, "testing" in field 2, and
    # -2 as a number of ten bytes.
    assert encode_message({"a": 150}, ALL) == bytes.fromhex("089601")
    assert encode_message({"text": "testing"}, ALL) == bytes.fromhex("120774657374696e67")
    assert encode_message({"a": -2}, ALL) == bytes.fromhex("08feffffffffffffffff01")
    # 3, 270, 86942 packed, of the same page.
    assert encode_message({"tight": [3, 270, 86942]}, ALL) == bytes.fromhex("2a06038e029ea705")


def test_gaps_are_left_out() -> None:
    assert encode_message({"a": None, "tight": [], "plain": [], "points": []}, ALL) == b""


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"a": 2**31}, "expected 32 bits"),
        ({"long": 2**63}, "expected 64 bits"),
        ({"single": 1e39}, "too large"),
        ({"b": 1}, "has no field b"),
    ],
)
def test_values_that_do_not_fit_are_not_written(values: dict[str, object], reason: str) -> None:
    with pytest.raises(CalicoError, match=reason):
        encode_message(values, ALL)
