"""Engines that give gradients are told from those that do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from calico.errors import CalicoError
from calico_eval.engines.load_user import load_user_engine, wrap_user_model
from calico_eval.engines.user import UserEngine
from calico_eval.engines.user_white_box import UserWhiteBox
from calico_eval.engines.white_box import as_white_box, white_box_of

NOTHING = {"boxes": np.zeros((0, 9)), "scores": np.zeros(0), "labels": np.zeros(0, np.int64)}


def test_a_model_without_a_loss_gives_no_gradients() -> None:
    class Plain:
        def predict(self, frames: list[Any]) -> list[dict[str, np.ndarray]]:
            return [NOTHING for _ in frames]

    engine = wrap_user_model(Plain())
    assert type(engine) is UserEngine
    assert as_white_box(engine) is None
    with pytest.raises(CalicoError, match=r"attack pgd: engine user gives no gradients.*loss\(ba"):
        white_box_of(engine, "attack pgd", ("camera",))


def test_a_factory_of_a_model_with_a_loss_makes_a_white_box(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "white_model.py").write_text(
        "class Model:\n"
        "    sensors = ('camera',)\n"
        "    device = 'cpu'\n"
        "    def predict(self, frames): return [dict(boxes=[], scores=[], labels=[])]\n"
        "    def loss(self, batch): return batch.images.flatten(1).sum(1)\n"
        "def create(): return Model()\n"
    )
    monkeypatch.chdir(tmp_path)
    engine = load_user_engine("white_model:create")
    assert isinstance(engine, UserWhiteBox)
    with pytest.raises(CalicoError, match="sensor is 'lidar', but model white_model only looks at"):
        white_box_of(engine, "attack pgd", ("lidar",))
