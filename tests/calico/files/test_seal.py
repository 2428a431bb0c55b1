import hashlib
import io
import json
import random
from pathlib import Path

import numpy as np
import onnx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.numpy import load, save

from calico.files import SEAL_PLACEHOLDER, FileError, check_seal, is_sealed, seal, seal_zip


def parquet() -> bytes:
    table = pa.table({"a": list(range(100))}).replace_schema_metadata({"sha256": SEAL_PLACEHOLDER})
    stream = io.BytesIO()
    pq.write_table(table, stream)
    return seal(stream.getvalue())


def safetensors() -> bytes:
    card = json.dumps({"sha256": SEAL_PLACEHOLDER})
    return seal(save({"w": np.arange(50, dtype=np.float32)}, metadata={"calico": card}))


def graph() -> bytes:
    model = onnx.helper.make_model(onnx.helper.make_graph([], "g", [], []))
    onnx.helper.set_model_props(model, {"sha256": SEAL_PLACEHOLDER})
    return seal(model.SerializeToString())


def npz() -> bytes:
    stream = io.BytesIO()
    np.savez(stream, a=np.arange(20), b=np.ones(3))
    return seal_zip(stream.getvalue())


def state() -> bytes:
    stream = io.BytesIO()
    torch.save({"step": 3, "w": torch.arange(5)}, stream)
    return seal_zip(stream.getvalue())


MAKERS = (parquet, safetensors, graph, npz, state)


def test_every_format_stays_readable() -> None:
    assert pq.read_table(io.BytesIO(parquet())).column("a").to_pylist() == list(range(100))
    assert load(safetensors())["w"].tolist() == list(range(50))
    assert onnx.load_from_string(graph()).graph.name == "g"
    with np.load(io.BytesIO(npz()), allow_pickle=False) as arrays:
        assert arrays["a"].tolist() == list(range(20))
    assert torch.load(io.BytesIO(state()), weights_only=True)["step"] == 3


@pytest.mark.parametrize("make", MAKERS)
def test_no_flipped_bit_is_accepted(make) -> None:  # type: ignore[no-untyped-def]
    content = make()
    check_seal(content, "file")
    rng = random.Random(0)
    for bit in rng.sample(range(8 * len(content)), 400):
        damaged = bytearray(content)
        damaged[bit // 8] ^= 1 << bit % 8
        with pytest.raises(FileError, match="checksum"):
            check_seal(bytes(damaged), "file")


@pytest.mark.parametrize("make", MAKERS)
def test_a_cut_or_longer_file_is_refused(make) -> None:  # type: ignore[no-untyped-def]
    content = make()
    for damaged in (
        content[:-1],
        content[: len(content) // 2],
        b"",
        content + b"\0",
        b"\0" + content,
    ):
        with pytest.raises(FileError, match="checksum"):
            check_seal(damaged, "file")


def test_the_digits_are_the_hash_of_the_content_with_zeros() -> None:
    content = seal(f"a {SEAL_PLACEHOLDER} b".encode())
    expected = hashlib.sha256(f"a {SEAL_PLACEHOLDER} b".encode()).hexdigest()
    assert content.decode() == f"a calico-sha256:{expected} b"


def test_a_content_has_one_seal(tmp_path: Path) -> None:
    for content in (b"", SEAL_PLACEHOLDER.encode() * 2, seal(SEAL_PLACEHOLDER.encode())):
        with pytest.raises(ValueError, match="exactly once"):
            seal(content)
    assert not is_sealed(b"abc")
    with pytest.raises(FileError, match="carries no checksum"):
        check_seal(b"abc", "file")
    with pytest.raises(ValueError, match="zip archive without a comment"):
        seal_zip(npz())
