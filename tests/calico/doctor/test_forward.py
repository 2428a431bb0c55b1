"""The two small computations: they run, and what is broken is found."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import pytest

from calico.doctor import forward
from calico.doctor.forward import make_frame, try_graph, try_network

torch = pytest.importorskip("torch")
onnxruntime = pytest.importorskip("onnxruntime")
pytest.importorskip("onnx")


def test_a_network_runs_on_the_cpu() -> None:
    found = try_network("cpu")
    assert (found.status, found.device) == ("ok", "cpu"), found.detail
    assert found.seconds is not None
    assert found.seconds > 0


def test_a_graph_runs_and_equals_numpy() -> None:
    found = try_graph("cpu")
    assert (found.status, found.device) == ("ok", "CPUExecutionProvider"), found.detail


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_fails() -> None:
    found = try_network("cuda")
    assert found.status == "failed"
    assert "torch sees 0 GPUs" in found.detail
    found = try_graph("cuda")
    assert found.status == "failed"
    assert "CUDAExecutionProvider" in found.detail


def test_answers_that_are_not_finite_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """The weights of one convolution are NaN, as after a broken kernel."""
    from calico.models import calico

    build = calico.build_model

    def broken(*arguments: Any) -> Any:
        model = build(*arguments)
        with torch.no_grad():
            for weights in model.parameters():
                weights.fill_(float("nan"))
        return model

    monkeypatch.setattr(calico, "build_model", broken)
    assert try_network("cpu").status == "failed"


def test_a_graph_that_computes_something_else_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    write = forward._write_graph
    monkeypatch.setattr(forward, "_write_graph", lambda onnx, weights: write(onnx, weights * 1.01))
    found = try_graph("cpu")
    assert found.status == "failed"
    assert "differs from numpy by" in found.detail


@pytest.mark.parametrize("package", ["torch", "onnx", "onnxruntime"])
def test_a_missing_package_is_not_run(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setitem(sys.modules, package, None)
    found = try_network("cpu") if package == "torch" else try_graph("cpu")
    assert (found.status, found.detail) == ("not run", f"{package} is not installed")


def test_the_frame_is_the_same_each_time() -> None:
    one, two = make_frame(6, (64, 128)), make_frame(6, (64, 128))
    assert np.array_equal(one.points, two.points)
    assert all(np.array_equal(a, b) for a, b in zip(one.images, two.images, strict=True))
    assert len(make_frame(0, (64, 128)).images) == 0
