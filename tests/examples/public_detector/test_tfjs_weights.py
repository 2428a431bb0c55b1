"""Weights of TensorFlow.js models: whole and quantised ones, and files that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from examples.public_detector.tfjs_weights import read_weights
from tests.examples.public_detector.graph_writer import GraphWriter


def test_weights_of_all_kinds_are_read_one_after_another(tmp_path: Path) -> None:
    graph = GraphWriter()
    values = np.array([[-1.0, 0.5], [2.0, 7.0]], np.float32)
    graph.add_constant("whole", values)
    for stored in ("float16", "uint8", "uint16"):
        graph.add_constant(stored, values, stored)
    graph.add_constant("counts", np.array([3, -4]))
    graph.add_constant("empty", np.zeros((0, 1), np.int32))
    graph.add_constant("lowest", np.float32(-np.inf), "float16")
    graph.write(tmp_path)
    found = read_weights(graph.model()["weightsManifest"], tmp_path, "model")
    assert found["whole"].tolist() == values.tolist()
    assert found["float16"].tolist() == values.tolist()
    np.testing.assert_allclose(found["uint8"], values, atol=8 / 255 / 2)
    np.testing.assert_allclose(found["uint16"], values, atol=8 / 65535 / 2 + 1e-6)
    assert found["counts"].tolist() == [3, -4]
    assert found["empty"].shape == (0, 1)
    assert found["lowest"] == -np.inf
    assert {value.dtype.name for value in found.values()} == {"float32", "int32"}


def test_a_quantised_number_is_scale_times_code_plus_minimum(tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(bytes([0, 10, 255]))
    entry = {
        "name": "w",
        "shape": [3],
        "dtype": "float32",
        "quantization": {"dtype": "uint8", "scale": 0.5, "min": -2.0},
    }
    found = read_weights([{"paths": ["w.bin"], "weights": [entry]}], tmp_path, "model")
    assert found["w"].tolist() == [-2.0, 3.0, 125.5]


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (lambda g: g["weights"][0].update(shape=[2**40]), "shape"),
        (lambda g: g["weights"][0].update(shape=[60000, 60000]), "product"),
        (lambda g: g["weights"][0].update(shape=[-1]), "shape"),
        (lambda g: g["weights"][0].update(shape=[True]), "shape"),
        (lambda g: g["weights"][0].update(shape=[3]), "has 8 bytes; expected 12"),
        (lambda g: g["weights"][0].update(dtype="string"), "type 'string'"),
        (lambda g: g["weights"][0].update(quantization={"dtype": "uint4"}), "quantised as"),
        (
            lambda g: g["weights"][0].update(shape=[8], quantization={"dtype": "uint8"}),
            "without the numbers scale and min",
        ),
        (lambda g: g["weights"].append(g["weights"][0]), "has 8 bytes; expected 16"),
        (lambda g: g.update(paths=["../w.bin"]), "names of files in the same folder"),
        (lambda g: g.update(paths=["missing.bin"]), "no such file"),
        (lambda g: g.update(weights=None), "expected a list"),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    tmp_path: Path, fault: Callable[[dict[str, Any]], None], message: str
) -> None:
    (tmp_path / "w.bin").write_bytes(np.array([1.0, 2.0], np.float32).tobytes())
    group: dict[str, Any] = {
        "paths": ["w.bin"],
        "weights": [{"name": "w", "shape": [2], "dtype": "float32"}],
    }
    assert read_weights([group], tmp_path, "model")["w"].tolist() == [1.0, 2.0]
    fault(group)
    with pytest.raises(CalicoError) as caught:
        read_weights([group], tmp_path, "model")
    assert message in str(caught.value)


def test_not_a_number_is_refused(tmp_path: Path) -> None:
    for values in ([np.nan], [np.inf]):
        (tmp_path / "w.bin").write_bytes(np.array(values, np.float32).tobytes())
        group = {"paths": ["w.bin"], "weights": [{"name": "w", "shape": [1], "dtype": "float32"}]}
        with pytest.raises(CalicoError, match="NaN or infinite"):
            read_weights([group], tmp_path, "model")
