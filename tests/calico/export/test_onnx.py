"""One export per target for the whole file: tracing takes most of the time."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch

from calico.config.schema import Config
from calico.data.batch import Batch, collate_frames
from calico.errors import CalicoError
from calico.export.graph import read_metadata
from calico.export.onnx import ExportInfo, export_onnx
from calico.export.parity import check_parity, onnx_predict
from calico.export.tensorrt import build_engine
from calico.frame import Frame
from calico.models.calico import CalicoModel, build_model
from calico.models.fuse import CAMERA_START, ConvFuser

Exported = tuple[CalicoModel, ExportInfo]


@pytest.fixture
def shared(
    tmp_path_factory: pytest.TempPathFactory, small: Config, frame: Frame
) -> Callable[[str], Exported]:
    """Exports each target once per test session."""

    def get(target: Any) -> Exported:
        if target not in CACHE:
            folder = tmp_path_factory.mktemp(target)
            model = build_model(small, 0)
            assert isinstance(model.fuser, ConvFuser)
            convolution = model.fuser.block[0]
            assert isinstance(convolution, torch.nn.Conv2d)
            with torch.no_grad():  # without it all scores of an untrained model are near ties
                convolution.weight[:, :16] /= CAMERA_START
            CACHE[target] = (
                model.eval(),
                export_onnx(model, small, collate_frames([frame]), folder / "model.onnx", target),
            )
        return CACHE[target]

    return get


CACHE: dict[str, Exported] = {}


def variants(frame: Frame) -> list[Batch]:
    """One frame; three frames of different sizes; an empty one."""
    third = frame.replace(
        points=frame.points[::3], ring=frame.ring[::3], sweep_index=frame.sweep_index[::3]
    )
    none = frame.replace(
        points=frame.points[:0], ring=frame.ring[:0], sweep_index=frame.sweep_index[:0]
    )
    dark = frame.replace(images=tuple(np.zeros_like(image) for image in frame.images))
    return [collate_frames([frame]), collate_frames([third, frame, dark]), collate_frames([none])]


@pytest.mark.parametrize("target", ["ort", "trt"])
def test_graph_and_torch_agree(
    shared: Callable[[str], Exported], frame: Frame, target: str
) -> None:
    model, info = shared(target)
    report = check_parity(model, onnx_predict(info.path), variants(frame))
    assert report.passed, report.summary()
    assert report.frames == 5
    assert report.boxes > 100
    assert report.matched == report.boxes
    assert report.map_max_difference is not None
    assert report.map_max_difference < 1e-5


def test_the_trt_graph_has_no_forbidden_operators(shared: Callable[[str], Exported]) -> None:
    operators = shared("trt")[1].operators
    assert not [name for name in operators if name.startswith("Scatter") and "(" in name]
    assert not {"NonZero", "NonMaxSuppression", "Unique", "RoiAlign", "If", "Loop"} & set(operators)
    assert operators["ScatterND"] == 1
    assert "ScatterElements(max)" in shared("ort")[1].operators


def test_the_file_is_plain_onnx_18(shared: Callable[[str], Exported]) -> None:
    proto = onnx.load(shared("ort")[1].path)
    assert {item.domain: item.version for item in proto.opset_import} == {"": 18}
    assert proto.ir_version == 10
    sizes = {
        item.name: [d.dim_param or d.dim_value for d in item.type.tensor_type.shape.dim]
        for item in proto.graph.input
    }
    assert sizes["points"] == ["batch", "points", 5]
    assert sizes["images"] == ["batch", 2, 3, 64, 128]
    assert not any(node.metadata_props or node.doc_string for node in proto.graph.node)
    assert b"/site-packages/" not in shared("ort")[1].path.read_bytes()


def test_the_same_export_gives_the_same_bytes(small: Config, frame: Frame, tmp_path: Path) -> None:
    detection = small.model.detection.model_copy(update={"tasks": (("car",),)})
    model = small.model.model_copy(update={"camera": None, "map": None, "detection": detection})
    config = small.model_copy(update={"model": model})
    digests = set()
    for name in ("a", "b"):
        info = export_onnx(build_model(config, 0), config, collate_frames([frame]), tmp_path / name)
        digests.add(hashlib.sha256(info.path.read_bytes()).hexdigest())
    assert len(digests) == 1
    assert info.metadata.inputs == ("points", "point_mask")
    assert info.metadata.outputs == ("boxes", "scores", "labels", "nms_residual")


def test_a_camera_only_map_only_graph(small: Config, frame: Frame, tmp_path: Path) -> None:
    config = small.model_copy(
        update={"model": small.model.model_copy(update={"lidar": None, "detection": None})}
    )
    model = build_model(config, 0)
    info = export_onnx(model, config, collate_frames([frame]), tmp_path / "m.onnx", "trt")
    assert info.metadata.inputs == ("images", "image_from_lidar")
    assert info.metadata.outputs == ("map_probs",)
    assert info.metadata.pillars is None
    assert model.training
    report = check_parity(model, onnx_predict(info.path), variants(frame))
    assert report.passed
    assert report.boxes == 0


def test_broken_and_foreign_files_are_explained(
    shared: Callable[[str], Exported], tmp_path: Path
) -> None:
    with pytest.raises(CalicoError, match="no such file"):
        read_metadata(tmp_path / "none.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"not a graph")
    with pytest.raises(CalicoError, match="not an ONNX file"):
        read_metadata(tmp_path / "broken.onnx")
    proto = onnx.load(shared("ort")[1].path)
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "foreign.onnx")
    with pytest.raises(CalicoError, match="no CALICO metadata"):
        read_metadata(tmp_path / "foreign.onnx")
    (tmp_path / "engine.json").write_text("[]")
    with pytest.raises(CalicoError, match="not the JSON file"):
        read_metadata(tmp_path / "engine.json")


def test_tensorrt_rtx_takes_the_trt_graph_and_builds_an_engine(
    shared: Callable[[str], Exported], tmp_path: Path
) -> None:
    library = pytest.importorskip(
        "tensorrt_rtx", reason="tensorrt_rtx is not installed (extra trt-rtx)"
    )
    from calico.export.tensorrt import list_refusals

    assert list_refusals(library, shared("trt")[1].path.read_bytes()) == []
    refused = list_refusals(library, shared("ort")[1].path.read_bytes())
    assert any("ScatterND" in line and "reduction" in line for line in refused)
    info = build_engine(
        shared("trt")[1].path,
        tmp_path / "model.engine",
        max_batch=2,
        compute_capabilities=("SM80", "SM89"),
    )
    assert (tmp_path / "model.engine").stat().st_size == info.file_bytes > 100_000
    assert read_metadata(tmp_path / "model.json") == shared("trt")[1].metadata
    if not torch.cuda.is_available():
        assert info.backend == "tensorrt-rtx"
        assert "not run" in info.note
