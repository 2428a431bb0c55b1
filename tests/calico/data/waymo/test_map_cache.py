from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.data.waymo import map_cache
from calico.data.waymo.map_cache import default_cache_dir, load_map
from calico.data.waymo.maps import WaymoMap, build_map
from calico.data.waymo.records import MapFeature
from calico.geometry.frames import from_yaw
from calico.geometry.grid import Grid
from calico.taxonomy import WAYMO
from tests.calico.data.waymo.v1.making import make_map

GRID = Grid(-30.0, 30.0, -30.0, 30.0, 0.5)


@pytest.fixture(autouse=True)
def _cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


class Mapped:
    """A segment with a map, which counts how often it is read."""

    def __init__(self, features: tuple[MapFeature, ...] | None, key: str = "a 1") -> None:
        self.features, self.map_key, self.reads = features, key, 0

    def read_map(self) -> tuple[MapFeature, ...] | None:
        self.reads += 1
        return self.features


def drawn(found: WaymoMap | None) -> tuple[bytes, bytes]:
    assert found is not None
    masks, known = found.masks(from_yaw(0.2, (1.0, 2.0, 0.0)), np.zeros(3), GRID, WAYMO)
    assert masks.any()
    return masks.tobytes(), known.tobytes()


def test_a_map_is_built_once() -> None:
    segment = Mapped(make_map(np.random.default_rng(0)))
    expected = drawn(build_map(segment.features))
    assert [drawn(load_map(segment)) for _ in range(3)] == [expected] * 3
    assert segment.reads == 1


def test_a_path_may_hold_bytes_that_are_no_text() -> None:
    segment = Mapped(make_map(np.random.default_rng(0)), "/data/\udcff 1")
    assert [drawn(load_map(segment)) for _ in range(2)] == [drawn(build_map(segment.features))] * 2
    assert segment.reads == 1


def test_an_unknown_map_is_kept_too() -> None:
    segment = Mapped(None)
    assert load_map(segment) is None
    assert load_map(segment) is None
    assert segment.reads == 1


def test_another_file_has_another_map() -> None:
    first = Mapped(make_map(np.random.default_rng(0)))
    second = Mapped(make_map(np.random.default_rng(1)), "a 2")
    assert drawn(load_map(first)) != drawn(load_map(second))
    assert len(list(default_cache_dir().iterdir())) == 2


def test_a_map_of_an_earlier_version_is_built_again(monkeypatch: pytest.MonkeyPatch) -> None:
    segment = Mapped(make_map(np.random.default_rng(0)))
    load_map(segment)
    monkeypatch.setattr(map_cache, "MAPS_VERSION", 10**6)
    load_map(segment)
    assert segment.reads == 2


def test_damaged_maps_are_built_again(caplog: pytest.LogCaptureFixture) -> None:
    segment = Mapped(make_map(np.random.default_rng(0)))
    expected = drawn(load_map(segment))
    (path,) = default_cache_dir().iterdir()
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    for round_ in range(30):
        damaged = bytearray(content)
        damaged[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(damaged if round_ else content[: len(content) // 2])
        assert drawn(load_map(segment)) == expected
        assert path.read_bytes() == content
    assert segment.reads == 31
    assert "made again" in caplog.text


def test_the_map_of_another_segment_is_not_taken() -> None:
    first = Mapped(make_map(np.random.default_rng(0)))
    load_map(first)
    (path,) = default_cache_dir().iterdir()
    second = Mapped(make_map(np.random.default_rng(1)), "b")
    expected = drawn(load_map(second))
    (other,) = (one for one in default_cache_dir().iterdir() if one != path)
    other.write_bytes(path.read_bytes())
    assert drawn(load_map(second)) == expected
    assert second.reads == 2


def test_a_cache_that_cannot_be_written_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"in the way")
    assert load_map(Mapped(make_map(np.random.default_rng(0)))) is not None
    assert "cannot be stored" in caplog.text
