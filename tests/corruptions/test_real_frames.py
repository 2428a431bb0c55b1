"""The suite on real frames (PandaSet in the nuScenes format): every condition changes what it says,
from 64 real beams.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from calico.data.nuscenes import NuScenesSource
from calico.frame import Frame
from corruptions import SPECS, check_effect, corrupt, list_corruptions, measure_effect
from corruptions.weather.range_image import range_image

SHARED = Path(os.environ.get("CALICO_SHARED_DATA", Path(__file__).parents[2] / "../shared/data"))
ROOT = SHARED / "pandaset_nuscenes"


@pytest.fixture(scope="module")
def real() -> Frame:
    """The last frame of a scene, with a past and an older sweep."""
    if not (ROOT / "v1.0-mini").is_dir():
        pytest.skip(f"no real frames: {ROOT} does not exist (set CALICO_SHARED_DATA)")
    return NuScenesSource(ROOT, "v1.0-mini", "mini_val", None, sweeps=2)[5]


@pytest.mark.parametrize("name", list_corruptions())
def test_effect(real: Frame, name: str) -> None:
    before, after = real, corrupt(real, name, 5, seed=0)
    while (
        not measure_effect(before, after).changed and before.previous is not None
    ):  # spared by chance: take the frame before
        before = before.previous()
        after = corrupt(before, name, 5, seed=0)
    passed, measured, message = check_effect(name, before, after)
    assert passed, message
    if name == "beam_missing":
        assert len(np.unique(after.ring)) == 64 - 40
    if name == "fog":
        assert (
            measured["removed_share"] > 0.2
        )  # at 30 m visibility much of the cloud is the fog's own echo
        assert measured["intensity_ratio"] < 0.3
    if name == "extrinsic":
        assert measured["rotation_deg"] == pytest.approx(SPECS[name].value_at(5), abs=1e-9)


def test_cells_of_points_are_as_far_as_the_points(real: Frame) -> None:
    found = range_image(real, 1)
    assert found.shape == (225, 400)
    # The top of the image is sky in part, the bottom rows are the road or the vehicle a few metres
    # ahead.
    assert np.isinf(found[:60]).mean() > 0.2
    assert 2 < np.median(found[-5:]) < 12
    assert np.isfinite(found[150:]).all()
