"""The torch engine: from a checkpoint or a model, deterministic, hashed by content."""

from __future__ import annotations

import copy
from pathlib import Path

import numpy as np
import pytest
import torch

from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.predictions import Predictions
from calico.train.checkpoint import save_model
from calico_eval.engines.open import open_engine
from calico_eval.engines.torch import TorchEngine


def same(a: Predictions, b: Predictions) -> bool:
    assert a.map_probs is not None
    assert b.map_probs is not None
    pairs = [
        (a.boxes, b.boxes),
        (a.scores, b.scores),
        (a.labels, b.labels),
        (a.map_probs, b.map_probs),
    ]
    return all(np.array_equal(x, y) for x, y in pairs)


def test_a_saved_model_opens_by_file_and_by_folder_and_predicts_the_same(
    small_engine: TorchEngine, street: FrameSource, tmp_path: Path
) -> None:
    path = tmp_path / "model.safetensors"
    save_model(path, small_engine.model, small_engine.config)
    here = small_engine.predict([street[0], street[3]])
    assert len(here[0].boxes) > 0
    for spec in (path, tmp_path):
        engine = open_engine(str(spec), device="cpu")
        assert isinstance(engine, TorchEngine)
        assert (engine.name, engine.model_name, engine.sensors) == (
            "torch-cpu",
            "small",
            ("camera", "lidar"),
        )
        assert engine.sha256 == small_engine.sha256
        assert all(
            same(a, b) for a, b in zip(engine.predict([street[0], street[3]]), here, strict=True)
        )


def test_predicts_the_same_twice_and_leaves_torch_as_it_was(
    small_engine: TorchEngine, street: FrameSource
) -> None:
    before = torch.are_deterministic_algorithms_enabled()
    first, second = small_engine.predict([street[1]])[0], small_engine.predict([street[1]])[0]
    assert same(first, second)
    assert torch.are_deterministic_algorithms_enabled() == before


def test_the_hash_sees_weights_and_configuration(small_engine: TorchEngine) -> None:
    other = copy.deepcopy(small_engine.model)
    with torch.no_grad():
        next(other.parameters()).view(-1)[0] += 1e-3
    assert TorchEngine(other, small_engine.config, "cpu").sha256 != small_engine.sha256
    detection = small_engine.config.model.detection
    assert detection is not None
    model = small_engine.config.model.model_copy(
        update={"detection": detection.model_copy(update={"score_threshold": 0.3})}
    )
    stricter = small_engine.config.model_copy(update={"model": model})
    assert TorchEngine(small_engine.model, stricter, "cpu").sha256 != small_engine.sha256


def test_a_folder_without_a_model_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match=r"model\.safetensors: not found"):
        open_engine(str(tmp_path))


def test_an_unknown_device_is_an_error(small_engine: TorchEngine) -> None:
    with pytest.raises(CalicoError, match="device 'tpu'"):
        TorchEngine(small_engine.model, small_engine.config, "tpu")
