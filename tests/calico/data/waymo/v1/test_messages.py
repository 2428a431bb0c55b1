"""The tables of fields against the descriptors of the official protos."""

from __future__ import annotations

from typing import Any

import pytest

from calico.data.waymo.v1 import messages
from calico.data.waymo.v1.wire import Message
from tests.calico.data.waymo.v1.protos import official

ROOTS = (
    ("dataset_pb2", "Frame", messages.FRAME),
    ("dataset_pb2", "MatrixFloat", messages.MATRIX_FLOAT),
    ("protos.metrics_pb2", "Objects", messages.OBJECTS),
    ("protos.submission_pb2", "Submission", messages.SUBMISSION),
)


def _compare(message: Message, descriptor: Any, place: str) -> int:
    """Compare a table with a descriptor and with those below; gives the number of fields."""
    kinds = {value: name.removeprefix("TYPE_").lower() for name, value in _types(descriptor)}
    count = 0
    for number, field in message.fields.items():
        official_field = descriptor.fields_by_number[number]
        where = f"{place}.{field.name}"
        assert field.name == official_field.name, where
        assert field.kind == kinds[official_field.type], where
        assert field.repeated == official_field.is_repeated, where
        if field.repeated and field.kind not in ("message", "string", "bytes"):
            assert field.packed == official_field.is_packed, where
        count += 1
        if field.message is not None:
            count += _compare(field.message, official_field.message_type, where)
    return count


def _types(descriptor: Any) -> list[tuple[str, int]]:
    one = descriptor.fields[0]
    return [(name, getattr(one, name)) for name in dir(one) if name.startswith("TYPE_")]


@pytest.mark.parametrize(("module", "name", "table"), ROOTS, ids=[one[1] for one in ROOTS])
def test_tables_are_those_of_the_official_protos(module: str, name: str, table: Message) -> None:
    assert _compare(table, getattr(official(module), name).DESCRIPTOR, name) >= 3


@pytest.mark.parametrize("table", [one[2] for one in ROOTS], ids=[one[1] for one in ROOTS])
def test_fields_are_in_the_order_of_their_numbers(table: Message) -> None:
    todo, seen = [table], 0
    while todo:
        one = todo.pop()
        assert list(one.fields) == sorted(one.fields), one.name
        todo += [field.message for field in one.fields.values() if field.message is not None]
        seen += 1
    assert seen >= 2
