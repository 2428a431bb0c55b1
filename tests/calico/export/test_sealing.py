"""The checksum of a graph."""

from __future__ import annotations

import hashlib
import random
from pathlib import Path
from types import ModuleType

import onnx
import pytest

from calico.errors import CalicoError
from calico.export.reading import read_metadata
from calico.export.sealing import SEAL_PROPERTY, seal_graph
from calico.files import to_sealed_json


@pytest.fixture
def engine_card(graphs: ModuleType, tmp_path: Path) -> Path:
    (tmp_path / "m.engine").write_bytes(b"plan")
    about = {"path": "m.engine", "sha256": hashlib.sha256(b"plan").hexdigest()}
    content = {"engine": about, "metadata": graphs.metadata().to_properties()}
    (tmp_path / "m.json").write_bytes(to_sealed_json(content))
    return tmp_path / "m.json"


@pytest.mark.parametrize("kind", ["graph", "card"])
def test_no_flipped_bit_is_accepted(
    kind: str, graphs: ModuleType, engine_card: Path, tmp_path: Path
) -> None:
    path = engine_card if kind == "card" else graphs.write_graph(tmp_path / "m.onnx")
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        path.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(CalicoError, match=r"graph .*m\.(onnx|json): "):
            read_metadata(path)


def test_a_graph_without_a_seal_says_what_to_do(graphs: ModuleType, tmp_path: Path) -> None:
    path = graphs.write_graph(tmp_path / "m.onnx")
    proto = onnx.load(path)
    last = proto.metadata_props.pop()
    assert last.key == SEAL_PROPERTY
    onnx.save(proto, path)
    with pytest.raises(
        CalicoError, match=r"carries no checksum.*earlier version wrote it; export it again"
    ):
        read_metadata(path)
    path.write_bytes(seal_graph(proto))
    assert read_metadata(path) == graphs.metadata()
    assert seal_graph(onnx.load(path)) == path.read_bytes()
