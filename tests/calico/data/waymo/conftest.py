"""Simulated records that all tests of the Waymo readers share; they are made once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from calico.data.waymo.records import WaymoRecord
from tests.calico.data.waymo.small import SEGMENTS, segment


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Indices and maps are kept in a folder of the tests, not in the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("waymo-cache")))
        yield


@pytest.fixture(scope="session")
def records() -> tuple[WaymoRecord, ...]:
    """The three frames of the first training scene."""
    return tuple(segment().records())


@pytest.fixture(scope="session")
def v1_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data set of version 1: two training segments and one for validation."""
    from calico.data.waymo.v1.writer import write_segment

    root = tmp_path_factory.mktemp("waymo-v1")
    for split, scene, folder in SEGMENTS:
        one = segment(split, scene)
        write_segment(root, folder, one.context, one.records())
    return root


@pytest.fixture(scope="session")
def v2_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same data set of version 2."""
    from calico.data.waymo.v2.writer import write_segment

    root = tmp_path_factory.mktemp("waymo-v2")
    for split, scene, folder in SEGMENTS:
        one = segment(split, scene)
        write_segment(root, folder, one.context, one.records())
    return root


@pytest.fixture(params=["v1", "v2"])
def root(request: pytest.FixtureRequest) -> Path:
    """Each of the two data sets."""
    found: Path = request.getfixturevalue(f"{request.param}_root")
    return found
