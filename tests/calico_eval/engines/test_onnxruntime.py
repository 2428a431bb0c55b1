"""The ONNX engine: the same answers as torch from the file alone, and what is said when it cannot
run."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from calico.data.batch import collate_frames
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.export.graph import read_metadata
from calico.export.onnx import export_onnx
from calico.export.sealing import seal_graph
from calico.predictions import Predictions
from calico_eval.engines.onnxruntime import OnnxEngine
from calico_eval.engines.open import open_engine
from calico_eval.engines.torch import TorchEngine

pytestmark = pytest.mark.slow  # the export of the graph takes most of a minute


@pytest.fixture(scope="module")
def graph(
    small_engine: TorchEngine, street: FrameSource, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    path = tmp_path_factory.mktemp("graph") / "model.onnx"
    export_onnx(small_engine.model, small_engine.config, collate_frames([street[0]]), path)
    return path


def unmatched(ours: Predictions, theirs: Predictions) -> int:
    """Boxes of `ours` without a box of the same class in `theirs` within 1 cm, 0.1 degrees and 1e-3
    of score."""
    count = 0
    for box, score, label in zip(ours.boxes, ours.scores, ours.labels, strict=True):
        near = np.linalg.norm(theirs.boxes[:, :3] - box[:3], axis=1) < 0.01
        turned = np.abs((theirs.boxes[:, 6] - box[6] + np.pi) % (2 * np.pi) - np.pi) < np.deg2rad(
            0.1
        )
        count += not (
            near & turned & (np.abs(theirs.scores - score) < 1e-3) & (theirs.labels == label)
        ).any()
    return count


def test_agrees_with_torch_on_every_frame(
    graph: Path, small_engine: TorchEngine, street: FrameSource
) -> None:
    engine = open_engine(str(graph), device="cpu")
    frames = [street[index] for index in range(len(street))]
    pairs = list(zip(small_engine.predict(frames), engine.predict(frames), strict=True))
    assert sum(len(torch_one.boxes) for torch_one, _ in pairs) > 20
    for torch_one, onnx_one in pairs:
        assert unmatched(torch_one, onnx_one) == unmatched(onnx_one, torch_one) == 0
        assert torch_one.map_probs is not None
        assert onnx_one.map_probs is not None
        assert np.abs(torch_one.map_probs - onnx_one.map_probs).max() < 1e-3


def test_says_what_it_is(graph: Path) -> None:
    engine = OnnxEngine(graph, "cpu", model_name="fast")
    assert (engine.name, engine.model_name, engine.sensors) == (
        "onnxruntime-cpu",
        "fast",
        ("camera", "lidar"),
    )
    assert engine.provider == "CPUExecutionProvider"
    assert engine.sha256 == hashlib.sha256(graph.read_bytes()).hexdigest()
    assert open_engine(str(graph)).model_name == "small"


def test_batches_of_one_and_of_many_and_repeats_agree(graph: Path, street: FrameSource) -> None:
    engine = OnnxEngine(graph, "cpu")
    frames = [street[index] for index in range(3)]
    together, again = engine.predict(frames), engine.predict(frames)
    for one, two in zip(together, again, strict=True):
        assert np.array_equal(one.boxes, two.boxes)
        assert np.array_equal(one.scores, two.scores)
    for frame, found in zip(frames, together, strict=True):
        assert unmatched(engine.predict([frame])[0], found) == 0


def test_a_frame_without_points_runs(
    graph: Path, small_engine: TorchEngine, street: FrameSource
) -> None:
    none = np.zeros(0, np.int16)
    blind = street[0].replace(points=np.zeros((0, 5), np.float32), ring=none, sweep_index=none)
    ours, theirs = OnnxEngine(graph, "cpu").predict([blind])[0], small_engine.predict([blind])[0]
    assert unmatched(ours, theirs) == unmatched(theirs, ours) == 0


def test_a_missing_camera_is_an_error_that_names_the_rig(graph: Path, street: FrameSource) -> None:
    frame = street[0]
    five = frame.replace(
        images=frame.images[:5],
        camera_K=frame.camera_K[:5],
        camera_T_lidar=frame.camera_T_lidar[:5],
        camera_time_s=frame.camera_time_s[:5],
    )
    with pytest.raises(
        CalicoError, match="the graph takes 6 images of 32 x 64 pixels, the batch has 5 of 32 x 64"
    ):
        OnnxEngine(graph, "cpu").predict([five])


@pytest.mark.skipif(
    torch.cuda.is_available(), reason="this machine has a GPU; the guard is for those without"
)
def test_cuda_that_does_not_load_is_an_error(graph: Path) -> None:
    with pytest.raises(
        CalicoError, match=r"device 'cuda': ONNX Runtime .* runs model\.onnx on the CPU"
    ):
        OnnxEngine(graph, "cuda")


def test_auto_says_that_it_passed_a_gpu_over(
    graph: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr("onnxruntime.get_available_providers", lambda: ["CPUExecutionProvider"])
    assert OnnxEngine(graph, "auto").provider == "CPUExecutionProvider"
    assert "runs model.onnx on the CPU: its CUDA provider did not load" in caplog.text


def _no_metadata(path: Path) -> None:
    proto = onnx.load(path)
    del proto.metadata_props[:]
    onnx.save(proto, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda path: path.unlink(), "no such file"),
        (lambda path: path.write_bytes(b"not a graph"), "not an ONNX file"),
        (_no_metadata, "carries no CALICO metadata"),
    ],
)
def test_files_that_are_no_graph(
    damage: Callable[[Path], object], message: str, graph: Path, tmp_path: Path
) -> None:
    path = tmp_path / "broken.onnx"
    path.write_bytes(graph.read_bytes())
    damage(path)
    with pytest.raises(CalicoError, match=message):
        open_engine(str(path))


def test_a_graph_that_onnx_runtime_refuses(graph: Path, tmp_path: Path) -> None:
    proto = onnx.load(graph)
    proto.graph.node[0].op_type = "NoSuchOperator"
    onnx.save(proto, tmp_path / "odd.onnx")
    with pytest.raises(
        CalicoError,
        match=r"odd\.onnx: does not match its checksum.*export it again, or, if .*seal_graph",
    ):
        OnnxEngine(tmp_path / "odd.onnx", "cpu")
    (tmp_path / "odd.onnx").write_bytes(seal_graph(proto))
    with pytest.raises(CalicoError, match=r"odd\.onnx: ONNX Runtime .* cannot load it"):
        OnnxEngine(tmp_path / "odd.onnx", "cpu")


def test_metadata_is_that_of_the_torch_model(graph: Path, small_engine: TorchEngine) -> None:
    assert read_metadata(graph).config.model == small_engine.config.model
