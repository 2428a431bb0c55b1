from dataclasses import replace

import pytest
import torch

from calico.config.schema import Config
from calico.data.batch import Batch
from calico.data.targets import TargetMaker
from calico.errors import CalicoError
from calico.losses.center import center_losses
from calico.losses.segmentation import sigmoid_focal_loss
from calico.losses.supervised import compute_losses
from calico.models.calico import build_model


def test_the_total_is_the_sum_of_the_heads_own_losses(small: Config, batch: Batch) -> None:
    model = build_model(small, 0).eval()
    outputs = model(batch)
    terms = compute_losses(model, outputs, batch)
    heads = small.model
    assert heads.detection is not None
    assert heads.map is not None
    assert outputs.map_logits is not None
    assert batch.map_masks is not None
    maker = TargetMaker.from_config(heads.detection, model.trunk_grid, model.taxonomy)
    targets = maker.make_targets(batch.boxes, batch.labels)
    assert len(targets) == len(heads.detection.tasks)
    expected = center_losses(outputs.tasks, targets, heads.detection)
    focal = sigmoid_focal_loss(outputs.map_logits, batch.map_masks, heads.map.focal_gamma)
    expected["map"] = heads.map.loss_weight * focal
    assert set(terms) == {*expected, "total"}
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value)
    assert float(terms["total"].detach()) == pytest.approx(
        sum(float(value.detach()) for value in expected.values()), rel=1e-6
    )


@pytest.mark.parametrize("rows", [0, 1])
def test_masks_of_another_shape_are_an_error(small: Config, batch: Batch, rows: int) -> None:
    model = build_model(small, 0).eval()
    assert batch.map_masks is not None
    masks = batch.map_masks[:, :, rows:] if rows else None
    with pytest.raises(CalicoError, match=r"no map masks|the batch has map masks \(1, "):
        compute_losses(model, model(batch), replace(batch, map_masks=masks))


def test_targets_of_the_loader_give_the_same_losses(small: Config, batch: Batch) -> None:
    model = build_model(small, 0).eval()
    outputs = model(batch)
    assert small.model.detection is not None
    maker = TargetMaker.from_config(small.model.detection, model.trunk_grid, model.taxonomy)
    made = replace(batch, targets=maker.make_targets(batch.boxes, batch.labels)).to("cpu")
    without = compute_losses(model, outputs, batch)
    for name, value in compute_losses(model, outputs, made).items():
        assert torch.equal(value, without[name])
    none = replace(batch, boxes=(torch.zeros(0, 9),), labels=(torch.zeros(0).long(),))
    other = compute_losses(model, outputs, replace(none, targets=made.targets))
    assert torch.equal(other["total"], without["total"])  # boxes and labels are not looked at
