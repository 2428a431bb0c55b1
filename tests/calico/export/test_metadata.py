"""The card of a graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import onnx
import pytest
import torch

from calico.config.schema import Config
from calico.data.batch import collate_frames
from calico.export.graph import read_metadata
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


def test_metadata_is_read_back(shared: Callable[[str], Exported], small: Config) -> None:
    info = shared("trt")[1]
    assert read_metadata(info.path) == info.metadata
    assert info.metadata.config == small
    assert info.metadata.raw_hw == (64, 128)
    properties = {item.key: item.value for item in onnx.load(info.path).metadata_props}
    assert {
        "class_names",
        "map_classes",
        "pillar_grid",
        "map_grid",
        "score_threshold",
        "image_rule",
        "frame_conventions",
    } <= set(properties)
