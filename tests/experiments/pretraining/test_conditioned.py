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
from corruptions.preset import Level
from experiments.pretraining.conditioned import ConditionedSource
from experiments.pretraining.protocol import SIZES


@pytest.fixture(scope="module")
def clean(tmp_path_factory: pytest.TempPathFactory) -> SimSource:
    """Two scenes of two frames."""
    config = SimConfig(val_scenes=2, frames_per_scene=2, image_size=(32, 64))
    return SimSource(
        config, "val", Grid(-24, 24, -24, 24, 1.0), cache_dir=tmp_path_factory.mktemp("sim")
    )


@pytest.mark.parametrize(("size", "beams"), [("laptop-8-beams", 8), ("laptop-4-beams", 4)])
def test_a_frame_has_so_many_of_the_32_beams_and_all_of_its_labels(
    clean: SimSource, size: str, beams: int
) -> None:
    condition = SIZES[size].condition
    assert condition is not None
    source = ConditionedSource(clean, condition)
    frame, sparse = clean[1], source[1]
    left = np.unique(sparse.ring)
    assert len(left) == beams
    assert set(np.diff(left)) == {32 // beams}
    np.testing.assert_array_equal(np.unique(source[0].ring), left)  # the same in a scene
    np.testing.assert_array_equal(sparse.points, frame.points[np.isin(frame.ring, left)])
    np.testing.assert_array_equal(sparse.boxes.boxes, frame.boxes.boxes)
    np.testing.assert_array_equal(sparse.boxes.num_points, frame.boxes.num_points)
    np.testing.assert_array_equal(sparse.images, frame.images)


def test_the_same_frame_every_time_also_in_another_process(clean: SimSource) -> None:
    sparse = ConditionedSource(clean, Level("beams_reduced", 5))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        points = pool.submit(_points, sparse, 3).result()
    np.testing.assert_array_equal(points, sparse[3].points)


def _points(source: ConditionedSource, index: int) -> Float32:
    return source[index].points


def test_it_is_the_source_but_for_its_frames(clean: SimSource) -> None:
    sparse = ConditionedSource(clean, Level("beams_reduced", 5))
    assert len(sparse) == len(clean)
    assert sparse.name == clean.name
    assert sparse.map_grid == clean.map_grid
    assert sparse.cameras == clean.cameras
    assert sparse.info(2) == clean.info(2)
    np.testing.assert_array_equal(sparse.labels(2), clean.labels(2))
    hashes = {clean.content_hash(), sparse.content_hash()}
    hashes.add(ConditionedSource(clean, Level("beams_reduced", 4)).content_hash())
    assert len(hashes) == 3
