"""Regions of one frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calico.config.training import RegionConfig
from calico.frame import Boxes, Frame
from calico.regions import PROTOTYPE, cached_regions, find_regions
from calico.regions.coverage import Coverage, measure_coverage
from calico.regions.find import cluster_shape

THINGS = {  # x, y, length, width, lowest, highest above ground
    "car": (10.0, 0.0, 4.0, 1.8, 0.3, 1.5),
    "truck": (0.0, 12.0, 9.0, 3.0, 0.3, 3.4),
    "house": (-20.0, 0.0, 9.0, 9.0, 0.3, 4.0),
    "tower": (0.0, -15.0, 2.0, 2.0, 0.3, 9.0),
    "walker": (6.0, 8.0, 0.4, 0.4, 0.3, 1.7),
    "fence": (12.0, -12.0, 6.0, 0.1, 0.3, 1.0),
    "kerb": (-8.0, 10.0, 1.5, 1.0, 0.25, 0.28),
    "hood": (0.9, 0.0, 0.8, 1.6, 0.3, 0.6),
}


@pytest.fixture
def street(frame: Frame) -> Frame:
    """Level ground 1.8 m below the sensor and THINGS on it, 1000 points each, without boxes."""
    rng = np.random.default_rng(0)
    ground = np.column_stack([rng.uniform(-30, 30, (4000, 2)), np.full(4000, -1.8)])
    solids = [
        np.column_stack(
            [
                rng.uniform(-length / 2, length / 2, 1000) + x,
                rng.uniform(-w / 2, w / 2, 1000) + y,
                rng.uniform(low, high, 1000) - 1.8,
            ]
        )
        for x, y, length, w, low, high in THINGS.values()
    ]
    xyz = np.concatenate([ground, *solids])
    points = np.column_stack([xyz, np.zeros((len(xyz), 2))]).astype(np.float32)
    return with_points(frame, points).replace(boxes=Boxes.empty())


def with_points(frame: Frame, points: np.ndarray) -> Frame:
    none = np.zeros(len(points), np.int16)
    return frame.replace(points=points, ring=none, sweep_index=none)


def kept(street: Frame, config: RegionConfig) -> set[str]:
    """The things with most of their points in a region; each must be a region of its own."""
    ids = find_regions(street, config)
    assert (ids[:4000] == -1).all()
    regions = {name: np.unique(ids[4000 + 1000 * k :][:1000]) for k, name in enumerate(THINGS)}
    found = {name: values for name, values in regions.items() if (values >= 0).any()}
    assert sorted(int(values.max()) for values in found.values()) == list(range(len(found)))
    return set(found)


OPEN = RegionConfig(
    ground="ransac", area_m2=(0, 1e6), top_m=(0, 1e6), min_side_ratio=0, ego_radius_m=0
)


@pytest.mark.parametrize(
    ("limit", "dropped"),
    [
        ({}, set()),
        ({"area_m2": (0.5, 1e6)}, {"walker"}),
        ({"area_m2": (0, 60)}, {"house"}),
        ({"top_m": (0, 5)}, {"tower"}),
        ({"top_m": (0.3, 1e6)}, {"kerb"}),
        ({"min_side_ratio": 0.1}, {"fence"}),
        ({"ego_radius_m": 1.5}, {"hood"}),
    ],
)
def test_every_filter_drops_what_it_is_for(
    street: Frame, limit: dict[str, object], dropped: set[str]
) -> None:
    assert kept(street, OPEN.model_copy(update=limit)) == set(THINGS) - dropped


def test_defaults_keep_a_walker_and_the_prototype_does_not(street: Frame) -> None:
    assert kept(street, RegionConfig(ground="ransac")) == {"car", "truck", "walker", "fence"}
    assert kept(street, PROTOTYPE.model_copy(update={"ground": "ransac"})) == {"car", "kerb"}


def test_a_ceiling_keeps_what_stands_under_something_high(street: Frame) -> None:
    ids = find_regions(street, RegionConfig(ground="ransac", ceiling_m=4.0))
    tower = slice(7000, 8000)
    height = street.points[tower, 2] + 1.8
    assert (ids[tower][height < 3.9] >= 0).all()
    assert (ids[tower][height > 4.1] == -1).all()


@pytest.mark.parametrize("method", ["dbscan_xy", "dbscan_xyz", "grid"])
@pytest.mark.parametrize("ground", ["gpf", "ransac"])
def test_the_order_of_points_does_not_matter(street: Frame, method: str, ground: str) -> None:
    config = RegionConfig(method=method, ground=ground, area_m2=(0, 1e6))
    ids = find_regions(street, config)
    order = np.random.default_rng(1).permutation(len(ids))
    assert ids.dtype == np.int32
    assert ids.max() > 2
    assert np.array_equal(
        find_regions(with_points(street, street.points[order]), config), ids[order]
    )


class Poison:
    """Any use of it fails."""

    def __getattribute__(self, name: str) -> object:
        raise AssertionError(f"labels were read: {name}")


def test_neither_boxes_nor_map_are_read(street: Frame, tmp_path: Path) -> None:
    poisoned = street.replace(
        boxes=Poison(),
        map_masks=Poison(),
        map_known=Poison(),
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    config = RegionConfig(cache_dir=tmp_path)
    assert np.array_equal(cached_regions(poisoned, config), find_regions(street, config))


def test_an_empty_cloud_has_no_regions(street: Frame, tmp_path: Path) -> None:
    empty = with_points(street, np.zeros((0, 5), np.float32))
    for config in (
        RegionConfig(cache_dir=tmp_path),
        RegionConfig(ground="ransac", method="grid", cache_dir=tmp_path),
    ):
        assert cached_regions(empty, config).shape == (0,)
    assert measure_coverage(empty, np.zeros(0, np.int32)) == Coverage(1, *[(0,) * 10] * 3)


def test_shape_of_a_turned_rectangle() -> None:
    """4 m by 1 m, turned by 0.6 rad about its middle at (10, 0)."""
    local = np.array([[2, 0.5], [2, -0.5], [-2, -0.5], [-2, 0.5], [0, 0]])
    c, s = np.cos(0.6), np.sin(0.6)
    shape = cluster_shape(
        local @ np.array([[c, s], [-s, c]]) + [10, 0], np.array([0.3, 1.0, 1.5, 0.4, 0.5])
    )
    assert shape.area_m2 == pytest.approx(4.0)
    assert shape.side_ratio == pytest.approx(0.25)
    assert shape.top_m == 1.5
    assert shape.range_m == pytest.approx(10.0)


def test_shapes_of_lines_and_points() -> None:
    line = cluster_shape(np.array([[1.0, 1], [2, 2], [4, 4]]), np.ones(3))
    assert line.area_m2 == 0
    assert line.side_ratio == pytest.approx(0, abs=1e-9)
    assert cluster_shape(np.ones((5, 2)), np.ones(5)).side_ratio == 1.0
