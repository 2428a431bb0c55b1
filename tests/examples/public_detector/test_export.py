"""The small network as ONNX, beside torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from examples.public_detector.tfjs_graph import TfjsGraph
from tests.examples.public_detector.graph_writer import SIZE, write_tiny_nanodet

onnxruntime = pytest.importorskip("onnxruntime", reason="needs the extra 'export'")
from examples.public_detector.export import TOLERANCE, main, measure_difference  # noqa: E402


def test_the_exported_network_gives_the_outputs_of_torch(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_nanodet(tmp_path)
    out = tmp_path / "tiny.onnx"
    assert main(["--weights", str(tmp_path), "--out", str(out)]) == 0
    assert "differs from torch by at most" in capsys.readouterr().out
    session = onnxruntime.InferenceSession(out, providers=["CPUExecutionProvider"])
    graph = TfjsGraph(tmp_path / "nanodet.json")
    assert [one.name for one in session.get_outputs()] == list(graph.output_shapes)
    images = np.random.default_rng(9).normal(size=(1, 3, SIZE, SIZE)).astype(np.float32)
    found = session.run(["Identity_3:0"], {"images": images})[0]
    np.testing.assert_allclose(
        found, graph(torch.from_numpy(images))["Identity_3:0"].numpy(), atol=TOLERANCE
    )


def test_other_weights_are_a_difference(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_tiny_nanodet(tmp_path / str(seed), seed)
    out = tmp_path / "tiny.onnx"
    assert main(["--weights", str(tmp_path / "0"), "--out", str(out)]) == 0
    other = TfjsGraph(tmp_path / "1/nanodet.json")
    assert measure_difference(other, out.read_bytes()) > 100 * TOLERANCE


def test_missing_weights_are_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--weights", str(tmp_path), "--out", str(tmp_path / "tiny.onnx")]) == 2
    assert "no such file" in capsys.readouterr().err
