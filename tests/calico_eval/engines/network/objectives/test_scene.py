"""What is derived from the clean batch: computed once, and defined for empty scenes."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from calico.data.batch import collate_frames
from calico.frame import Boxes, Frame
from calico_eval.attacks import AttackSpec, Threat, attack_frames
from calico_eval.engines.network.objectives import OBJECTIVES, Scene
from calico_eval.engines.torch import TorchEngine


def test_the_clean_outputs_are_made_once_and_counted(
    fused: TorchEngine, street_frame: Frame
) -> None:
    calls = []
    handle = fused.model.backbone.register_forward_hook(lambda *_: calls.append(1))
    spec = AttackSpec("pgd", Threat(camera_levels=2), "feat", steps=2)
    (result,) = attack_frames(fused, [street_frame], spec, 0)
    handle.remove()
    assert (
        result.details.forwards == len(calls) == 2 + 1 + 2 + 1
    )  # steps, last iterate, before and after, the clean outputs


@pytest.mark.parametrize("name", sorted(OBJECTIVES))
def test_an_objective_has_finite_values_for_scenes_without_anything(
    fused: TorchEngine, street_frame: Frame, name: str
) -> None:
    assert street_frame.map_masks is not None
    unknown = np.zeros(street_frame.map_masks.shape[1:], np.bool_)
    batch = collate_frames(
        [street_frame.replace(boxes=Boxes.empty(), map_known=unknown), street_frame]
    )
    with torch.no_grad():
        found = OBJECTIVES[name].loss(Scene(fused.model, batch), fused.model(batch))
    assert found.shape == (2,)
    assert torch.isfinite(found).all()
