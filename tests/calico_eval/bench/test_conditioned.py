"""Frames under a condition, as the benchmark's cars with a cheaper LiDAR see them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np
import pytest

from calico.config.data import SimConfig
from calico.data.sim import SimSource
from calico.frame import Float32
from calico.geometry.grid import Grid
from calico_eval.bench.conditioned import ConditionedSource
from calico_eval.bench.protocol import SIZES
from corruptions.preset import Condition

CLEAN = SimSource(SimConfig(val_scenes=2, frames_per_scene=2, image_size=(32, 64)), "val", Grid(-24, 24, -24, 24, 1.0))
SPARSE = ConditionedSource(CLEAN, Condition("beams_reduced", 5))


@pytest.mark.parametrize(("size", "beams"), [("laptop-8-beams", 8), ("laptop-4-beams", 4)])
def test_a_frame_has_so_many_of_the_32_beams_and_all_of_its_labels(size: str, beams: int) -> None:
    condition = SIZES[size].condition
    assert condition is not None
    source = ConditionedSource(CLEAN, condition)
    clean, sparse = CLEAN[1], source[1]
    left = np.unique(sparse.ring)
    assert len(left) == beams
    assert set(np.diff(left)) == {32 // beams}
    np.testing.assert_array_equal(np.unique(source[0].ring), left)  # the same in a scene
    np.testing.assert_array_equal(sparse.points, clean.points[np.isin(clean.ring, left)])
    np.testing.assert_array_equal(sparse.boxes.boxes, clean.boxes.boxes)
    np.testing.assert_array_equal(sparse.boxes.num_points, clean.boxes.num_points)
    np.testing.assert_array_equal(sparse.images, clean.images)


def test_the_same_frame_every_time_also_in_another_process() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        points = pool.submit(_points, SPARSE, 3).result()
    np.testing.assert_array_equal(points, SPARSE[3].points)


def _points(source: ConditionedSource, index: int) -> Float32:
    return source[index].points


def test_it_is_the_source_but_for_its_frames() -> None:
    assert len(SPARSE) == len(CLEAN)
    assert SPARSE.name == CLEAN.name
    assert SPARSE.map_grid == CLEAN.map_grid
    assert SPARSE.cameras == CLEAN.cameras
    assert SPARSE.info(2) == CLEAN.info(2)
    np.testing.assert_array_equal(SPARSE.labels(2), CLEAN.labels(2))
    hashes = {CLEAN.content_hash(), SPARSE.content_hash()}
    hashes.add(ConditionedSource(CLEAN, Condition("beams_reduced", 4)).content_hash())
    assert len(hashes) == 3
