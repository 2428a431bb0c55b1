"""A model file asks for no more memory than its own weights need, and its weights are taken as they
are or not at all."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save

from calico.config.load import load_config
from calico.errors import CalicoError
from calico.files import SEAL_PLACEHOLDER, seal
from calico.models.calico import MAX_PARAMETERS, build_model
from calico.train import checkpoint
from calico.train.checkpoint import FORMAT, METADATA_KEY, load_model
from tests.mini import LIDAR_ONLY

Weights = dict[str, torch.Tensor]


def write(path: Path, change: Callable[[Weights, dict[str, Any]], Any]) -> Path:
    """A sealed model file after a change of its weights or its configuration."""
    config = load_config("tiny", None, LIDAR_ONLY)
    weights = {
        name: value.clone() for name, value in build_model(config, seed=1).state_dict().items()
    }
    tree = config.model_dump(mode="json")
    change(weights, tree)
    card = {"format": FORMAT, "config": tree, "sha256": SEAL_PLACEHOLDER}
    path.write_bytes(seal(save(weights, {METADATA_KEY: json.dumps(card)})))
    return path


def put(key: str, value: object) -> Callable[[Weights, dict[str, Any]], None]:
    def change(weights: Weights, tree: dict[str, Any]) -> None:
        *path, last = key.split(".")
        for name in path:
            tree = tree[name]
        tree[last] = value

    return change


def test_what_is_sound_is_read(tmp_path: Path) -> None:
    load_model(write(tmp_path / "m.safetensors", lambda weights, tree: None))


def first(weights: Weights) -> str:
    return next(
        name for name, value in weights.items() if value.dtype == torch.float32 and value.ndim > 1
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w, t: w.update({first(w): w[first(w)].to(torch.int64)}),
            r"torch\.int64, expected .* torch\.float32",
        ),
        (
            lambda w, t: w.update({first(w): w[first(w)].half()}),
            r"torch\.float16, expected .* torch\.float32",
        ),
        (
            lambda w, t: w.update({first(w): w[first(w)][:1].clone()}),
            "do not fit the architecture in its metadata",
        ),
        (lambda w, t: w.pop(first(w)), "1 names differ"),
        (lambda w, t: w.update(more=torch.zeros(1)), "1 names differ, e.g. more"),
        (
            lambda w, t: w[first(w)].view(-1)[:1].fill_(float("nan")),
            "holds values that are not finite",
        ),
        (put("model.lidar.pillar_channels", 4096), "do not fit the architecture in its metadata"),
        (put("model.lidar.pillar_channels", 10**12), "does not fit this version"),
        (put("grid.pillar_m", 1e-9), "does not fit this version"),
        (put("grid.pillar_m", 1e-300), "does not fit this version"),
        (put("grid.x_range_m", [-1e308, 1e308]), "does not fit this version"),
        (put("model.bev.layers", [10**9]), "does not fit this version"),
        (put("model.detection.nms_rounds", 10**9), "does not fit this version"),
        (put("model", []), "does not fit this version"),
    ],
)
def test_what_does_not_fit_is_refused(
    change: Callable[[Weights, dict[str, Any]], Any],
    message: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Before a model of that size is built."""
    path = write(tmp_path / "m.safetensors", change)
    monkeypatch.setattr(
        checkpoint, "build_model", lambda config, seed: pytest.fail("a model was built")
    )
    with pytest.raises(CalicoError, match=rf"model file .*m\.safetensors: .*{message}"):
        load_model(path)


def test_a_configuration_that_asks_for_more_parameters_than_fit_is_refused_at_once() -> None:
    huge = (
        "model.bev={layers: [64, 64], strides: [2, 2], channels: [4096, 4096], neck_channels: "
        "8, out_stride: 2}"
    )
    with pytest.raises(
        CalicoError, match=rf"model: \d+ parameters, expected at most {MAX_PARAMETERS}"
    ):
        build_model(load_config("tiny", None, [*LIDAR_ONLY, huge]), seed=0)
