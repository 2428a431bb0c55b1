"""Feeding a graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from calico.config.schema import Config
from calico.data.batch import collate_frames
from calico.errors import CalicoError
from calico.export.graph import graph_inputs, graph_outputs
from calico.export.onnx import ExportInfo, export_onnx
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


def test_inputs_of_another_rig_are_refused(shared: Callable[[str], Exported], frame: Frame) -> None:
    metadata = shared("ort")[1].metadata
    batch = collate_frames([frame])
    with pytest.raises(CalicoError, match="takes 2 images of 64 x 128 pixels, the batch has 1 of"):
        graph_inputs(replace(batch, images=batch.images[:, :1]), metadata)
    raw = replace(
        metadata, raw_hw=(90, 160)
    )  # not the network's size: the graph fits its images itself
    with pytest.raises(
        CalicoError, match="takes 2 images of 90 x 160 pixels, the batch has 2 of 64 x 128"
    ):
        graph_inputs(batch, raw)


def test_the_session_is_fed_by_name(shared: Callable[[str], Exported], frame: Frame) -> None:
    """What an engine does: inputs by name, outputs by name."""
    _, info = shared("ort")
    session = onnxruntime.InferenceSession(str(info.path), providers=["CPUExecutionProvider"])
    assert tuple(item.name for item in session.get_inputs()) == info.metadata.inputs
    values = session.run(
        list(info.metadata.outputs), graph_inputs(collate_frames([frame]), info.metadata)
    )
    outputs = dict(zip(info.metadata.outputs, values, strict=True))
    assert outputs["labels"].dtype == np.int64
    assert outputs["nms_residual"].tolist() == [0.0]
    (prediction,) = graph_outputs(outputs, info.metadata, 1)
    assert (prediction.scores > 0.1).all()
