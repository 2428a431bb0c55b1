"""Frames under a condition, as the benchmark's cars with a cheaper LiDAR see them."""

from __future__ import annotations

import pickle

import numpy as np

from calico.config.data import SimConfig
from calico.data.sim import SimSource
from calico.geometry.grid import Grid
from calico_eval.bench.conditioned import ConditionedSource
from corruptions.preset import Condition

CLEAN = SimSource(SimConfig(val_scenes=2, frames_per_scene=2, image_size=(32, 64)), "val", Grid(-24, 24, -24, 24, 1.0))
SPARSE = ConditionedSource(CLEAN, Condition("beams_reduced", 5))


def test_a_frame_has_an_eighth_of_the_beams_and_all_of_its_labels() -> None:
    clean, sparse = CLEAN[1], SPARSE[1]
    beams = np.unique(sparse.ring)
    assert len(beams) == 4
    assert set(np.diff(beams)) == {8}
    kept = np.isin(clean.ring, beams)
    np.testing.assert_array_equal(sparse.points, clean.points[kept])
    np.testing.assert_array_equal(sparse.boxes.boxes, clean.boxes.boxes)
    np.testing.assert_array_equal(sparse.boxes.num_points, clean.boxes.num_points)
    np.testing.assert_array_equal(sparse.images, clean.images)


def test_the_same_frame_every_time_also_in_another_process() -> None:
    again = pickle.loads(pickle.dumps(SPARSE))
    np.testing.assert_array_equal(again[3].points, SPARSE[3].points)


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
