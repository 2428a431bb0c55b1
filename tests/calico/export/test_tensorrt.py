from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest
import torch

from calico.config.presets import make_nuscenes
from calico.data.batch import Batch
from calico.errors import CalicoError
from calico.export.metadata import GraphMetadata
from calico.export.onnx import export_onnx
from calico.export.pillars import PillarBudget
from calico.export.tensorrt import build_engine
from calico.models.calico import build_model


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> GraphMetadata:
    """A graph's metadata without a graph: for what is checked before the file's content matters."""
    metadata = GraphMetadata("trt", make_nuscenes(), (), (), 0, (0, 0), None, "")
    monkeypatch.setattr("calico.export.tensorrt.read_metadata", lambda _: metadata)
    return metadata


def test_a_missing_package_gives_the_install_line(
    card: GraphMetadata, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setitem(sys.modules, "tensorrt_rtx", None)
    with pytest.raises(CalicoError, match=r"pip install 'calico-bev\[trt-rtx\]'"):
        build_engine(tmp_path / "model.onnx", tmp_path / "model.engine")


def test_a_graph_for_ort_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    metadata = GraphMetadata("ort", make_nuscenes(), (), (), 0, (0, 0), None, "")
    monkeypatch.setattr("calico.export.tensorrt.read_metadata", lambda _: metadata)
    with pytest.raises(CalicoError, match="expected 'trt'"):
        build_engine(tmp_path / "model.onnx", tmp_path / "model.engine")


def test_an_unknown_gpu_generation_is_refused(card: GraphMetadata) -> None:
    from calico.export.tensorrt import _target_gpus

    library = pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt_rtx is not installed (extra trt-rtx)"
    )
    with pytest.raises(CalicoError, match="SM61: not known"):
        _target_gpus("tensorrt-rtx", library, None, ("SM61",))


@pytest.mark.slow
def test_the_nuscenes_configuration_becomes_an_engine(tmp_path: Path) -> None:
    """512 x 512 pillars, six images of 900 x 1600, random weights and points: 50,000 rows of 8
    points."""
    if importlib.util.find_spec("tensorrt_rtx") is None:
        pytest.skip("tensorrt_rtx is not installed (extra trt-rtx)")
    config = make_nuscenes()
    example = Batch(
        points=torch.rand(1, 1000, 5),
        point_mask=torch.ones(1, 1000, dtype=torch.bool),
        images=torch.zeros(1, 6, 3, 900, 1600),
        image_from_lidar=torch.eye(4).expand(1, 6, 4, 4),
    )
    graph = export_onnx(
        build_model(config, 0), config, example, tmp_path / "m.onnx", "trt", PillarBudget(50_000, 8)
    )
    info = build_engine(graph.path, tmp_path / "m.engine", max_batch=1)
    assert info.file_bytes > 50_000_000
