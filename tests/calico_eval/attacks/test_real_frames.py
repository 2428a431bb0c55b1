"""Search spaces on a real frame (PandaSet in the nuScenes format): real clouds hold what synthetic
ones do not, as -0.0."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from calico.data.nuscenes import NuScenesSource
from calico.frame import Frame
from calico_eval.attacks import Threat, check_budget, measure_budget
from calico_eval.attacks.budget.saved import frame_sha256
from calico_eval.attacks.search_space.joint import make_domain

SHARED = Path(os.environ.get("CALICO_SHARED_DATA", Path(__file__).parents[3] / "../shared/data"))
ROOT = SHARED / "pandaset_nuscenes"
THREATS = (
    Threat(camera_levels=8),
    pytest.param(Threat(camera_rms=2.0), marks=pytest.mark.slow),
    Threat(range_m=0.1),
    Threat(axis_m=0.1),
    Threat(range_m=0.1, intensity=0.1),
    Threat(camera_levels=8, axis_m=0.1),
)


@pytest.fixture(scope="module")
def real() -> Frame:
    if not (ROOT / "v1.0-mini").is_dir():
        pytest.skip(f"no real frames: {ROOT} does not exist (set CALICO_SHARED_DATA)")
    return NuScenesSource(ROOT, "v1.0-mini", "mini_val", None)[0]


@pytest.mark.parametrize("threat", THREATS, ids=str)
def test_the_centre_is_the_clean_frame_and_a_corner_is_within_budget(
    real: Frame, threat: Threat
) -> None:
    domain = make_domain([real], threat, torch.device("cpu"))
    assert frame_sha256(domain.deliver_frames(domain.clean)[0]) == frame_sha256(real)
    (corner,) = domain.deliver_frames(domain.corner([torch.Generator().manual_seed(0)]))
    passed, message = check_budget(threat, measure_budget(real, corner, structural=False))
    assert passed, message
    assert frame_sha256(corner) != frame_sha256(real)
