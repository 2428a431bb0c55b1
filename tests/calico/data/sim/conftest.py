"""Worlds and frames of the simulator, built once for all of its tests."""

from __future__ import annotations

import pytest

from calico.data.sim import SimSource
from calico.data.sim.world import World, build_world
from calico.frame import Frame
from tests.calico.data.sim.small import DEFAULT, GRID, TINY, frame_of


@pytest.fixture(scope="session")
def world() -> World:
    return build_world(3, "train", 0, 4)


@pytest.fixture(scope="session")
def frame(world: World) -> Frame:
    return frame_of(world, 1)


@pytest.fixture(scope="session")
def worlds() -> list[World]:
    """The default validation split."""
    return [
        build_world(DEFAULT.seed, "val", scene, DEFAULT.frames_per_scene)
        for scene in range(DEFAULT.val_scenes)
    ]


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> SimSource:
    return SimSource(TINY, "train", GRID, cache_dir=tmp_path_factory.mktemp("sim"))
