"""Inside of our network: borders, branches without a gradient, passes, a deliberate fault."""

from __future__ import annotations

import copy

import numpy as np
import torch

from calico.data.source import FrameSource
from calico.frame import Frame
from calico_eval.engines.network.inside import KNEE, SLOPE, FaultyHead
from calico_eval.engines.torch import TorchEngine


def test_points_are_smooth_a_millimetre_off_every_border(fused: TorchEngine) -> None:
    """Pillars of 1 m from -16 m on; z from the configuration."""
    assert fused.model.lidar is not None
    low, high = fused.model.lidar.z_range_m
    middle = 0.5 * (low + high)
    places = [
        ((0.5, 0.5, middle), True),
        ((0.0005, 0.5, middle), False),
        ((0.002, 0.5, middle), True),
        ((0.5, 2.9995, middle), False),
        ((0.5, 2.998, middle), True),
        ((0.5, 0.5, low + 0.0005), False),
        ((0.5, 0.5, high - 0.0005), False),
        ((0.5, 0.5, high - 0.002), True),
    ]
    points = torch.tensor([[[*xyz, 0.5, 0.0] for xyz, _ in places]], dtype=torch.float64)
    smooth = fused.inside.find_smooth(points)
    assert smooth[0, :, :3].tolist() == [[free] * 3 for _, free in places]
    assert not smooth[..., 3:].any(), "intensity and age are not moved"


def test_a_branch_without_weights_is_dead(fused: TorchEngine, street_frame: Frame) -> None:
    assert fused.inside.find_dead_branches(street_frame, "det") == []
    model = copy.deepcopy(fused.model)
    with torch.no_grad():
        for parameter in model.center.parameters():
            parameter.zero_()
    silent = TorchEngine(model, fused.config, "cpu")
    assert silent.inside.find_dead_branches(street_frame, "det") == [
        "camera features",
        "lidar features",
    ]
    assert silent.inside.find_dead_branches(street_frame, "seg") == []


def test_a_camera_model_has_one_branch_and_no_smooth_point(
    camera_only: TorchEngine, street_frame: Frame
) -> None:
    assert camera_only.inside.find_dead_branches(street_frame, "det") == []
    assert not camera_only.inside.find_smooth(torch.full((1, 3, 5), 0.5)).any()


def test_passes_agree_and_the_largest_logit_is_the_networks(
    fused: TorchEngine, street: FrameSource
) -> None:
    difference, largest = fused.inside.compare_passes([street[1], street[2]])
    assert difference == 0.0
    assert largest > 1.0
    assert fused.inside.compare_forwards(street[1]) < 1e-3


def test_the_faulty_head_falls_slowly_then_steeply(fused: TorchEngine, street_frame: Frame) -> None:
    """At place p along w: 10 (0.1 p + 0.9 max(0, (p - 0.5) / 0.5)), and no further than p = 1."""
    assert (SLOPE, KNEE) == (0.1, 0.5)
    with torch.no_grad():
        clean = torch.zeros(1, 32, 32, 32)
        w = torch.zeros_like(clean)
        w[0, 3, 5, 7] = 2.0
        head = FaultyHead(fused.model.center, clean, w, depth=10.0)
        for place, fall in ((0.0, 0.0), (0.5, 0.5), (0.75, 0.75 + 4.5), (1.0, 10.0), (3.0, 10.0)):
            bev = clean.clone()
            bev[0, 3, 5, 7] = place / 2.0
            for sound, faulty in zip(fused.model.center(bev), head(bev), strict=True):
                lowered = sound.heatmap - faulty.heatmap
                torch.testing.assert_close(lowered, torch.full_like(lowered, fall))
                assert torch.equal(sound.offset, faulty.offset)


def test_the_fault_hides_all_at_its_trigger_alone(fused: TorchEngine, street_frame: Frame) -> None:
    random = np.random.default_rng(0)
    changed = [
        street_frame.replace(
            images=tuple(
                np.clip(image.astype(int) + random.choice([-8, 8], image.shape), 0, 255).astype(
                    np.uint8
                )
                for image in street_frame.images
            )
        )
        for _ in range(3)
    ]
    engine = fused.inside.plant_fault(street_frame, changed)
    assert engine is not None
    strongest = [float(one.scores.max(initial=0.0)) for one in engine.predict(changed)]
    assert strongest[0] < 0.05
    assert min(strongest[1:]) > 0.2
