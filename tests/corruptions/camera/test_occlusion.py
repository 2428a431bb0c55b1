from __future__ import annotations

import numpy as np

from calico.frame import Frame
from corruptions import corrupt, corrupt_with
from corruptions.imaging.linear_light import to_linear


def test_an_object_hides_one_camera_only(street: Frame) -> None:
    after = corrupt_with(street, "occlusion", 0.4, seed=3)
    changed = [not np.array_equal(a, b) for a, b in zip(after.images, street.images, strict=True)]
    assert sum(changed) == 1
    dark = to_linear(after.images[changed.index(True)]).max(axis=-1) < 0.011
    assert 0.3 < dark.mean() < 0.4  # the rest of the 0.4 is the inner half of the soft edge
    hit = {
        tuple(
            np.array_equal(a, b)
            for a, b in zip(corrupt(f, "occlusion", 1, 0).images, f.images, strict=True)
        )
        for f in (street.replace(scene=f"s{i}") for i in range(30))
    }
    assert len(hit) == 6
