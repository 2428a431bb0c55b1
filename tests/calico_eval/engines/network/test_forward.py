"""The cheap forward pass is the model's; the model is put back as it was."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from calico.data.batch import collate_frames
from calico.frame import Frame
from calico_eval.engines.network.forward import AttackForward, white_box
from calico_eval.engines.torch import TorchEngine


@pytest.mark.parametrize("crossing_m", [None, 0.1])
@pytest.mark.parametrize("attacked", [("camera",), ("lidar",), ("camera", "lidar")])
def test_the_cheap_forward_pass_equals_the_models(
    fused: TorchEngine, street_frame: Frame, attacked: tuple[str, ...], crossing_m: float | None
) -> None:
    batch = collate_frames([street_frame])
    changed = batch
    if "camera" in attacked:
        changed = replace(changed, images=batch.images * 0.5)
    if "lidar" in attacked:
        changed = replace(changed, points=batch.points * 0.9)
    with torch.no_grad():
        ours = AttackForward(fused.model, batch, attacked, map=True, crossing_m=crossing_m)(changed)
        expected = fused.model(changed)
    for mine, theirs in zip(ours.tasks, expected.tasks, strict=True):
        assert torch.equal(mine.heatmap, theirs.heatmap)
        assert torch.equal(mine.offset, theirs.offset)
    assert ours.map_logits is not None
    assert torch.equal(ours.map_logits, expected.map_logits)


def test_heads_that_nobody_reads_do_not_run(fused: TorchEngine, street_frame: Frame) -> None:
    batch = collate_frames([street_frame])
    with torch.no_grad():
        only_map = AttackForward(fused.model, batch, ("camera",), detection=False, map=True)(batch)
        only_boxes = AttackForward(fused.model, batch, ("camera",))(batch)
    assert only_map.tasks == ()
    assert only_map.map_logits is not None
    assert only_boxes.map_logits is None
    assert len(only_boxes.tasks) == 2


def test_the_model_is_put_back_when_the_attack_fails(fused: TorchEngine) -> None:
    def fail_inside() -> None:
        with white_box(fused):
            assert not any(p.requires_grad for p in fused.model.parameters())
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    assert all(p.requires_grad for p in fused.model.parameters())
