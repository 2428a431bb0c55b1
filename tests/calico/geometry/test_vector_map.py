"""Shapes on a grid around a vehicle, against cells that are counted by hand."""

from __future__ import annotations

import numpy as np

from calico.geometry.frames import from_yaw
from calico.geometry.grid import Grid
from calico.geometry.vector_map import VectorMap, make_shape
from calico.taxonomy import MapClass, ObjectClass, Taxonomy

GRID = Grid(-4.0, 4.0, -4.0, 4.0, 1.0)
TAXONOMY = Taxonomy(
    "two", (ObjectClass("car"),), (MapClass("area", sources=("yard",)), MapClass("line"))
)
SQUARE = np.array([[0.0, 0], [2, 0], [2, 2], [0, 2]])


def vector_map(**shapes: list[np.ndarray]) -> VectorMap:
    made = {
        name: [make_shape([ring], is_line=name == "line") for ring in rings]
        for name, rings in shapes.items()
    }
    return VectorMap({name: tuple(s for s in found if s) for name, found in made.items()})


def cells(mask: np.ndarray) -> list[tuple[int, int]]:
    """Lower corners (x, y) of the cells that are marked."""
    return sorted((int(x) - 4, int(y) - 4) for y, x in np.argwhere(mask))


def test_a_square_lies_where_the_pose_says() -> None:
    found = vector_map(area=[SQUARE + 100])
    here = found.masks(from_yaw(0.0, (100.0, 100.0, 7.0)), GRID, TAXONOMY)
    assert cells(here[0]) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    # The vehicle looks along y: what is ahead on the map's x axis is on its right, at negative y.
    turned = found.masks(from_yaw(np.pi / 2, (100.0, 100.0, 7.0)), GRID, TAXONOMY)
    assert cells(turned[0]) == [(0, -2), (0, -1), (1, -2), (1, -1)]
    assert not here[1].any()


def test_sources_are_joined_and_other_names_left_out() -> None:
    found = vector_map(area=[SQUARE], yard=[SQUARE - 3], other=[SQUARE - 1])
    masks = found.masks(np.eye(4), GRID, TAXONOMY)
    assert masks[0].sum() == 8
    assert (-3, -3) in cells(masks[0])


def test_lines_are_two_cells_wide() -> None:
    line = np.array([[-2.0, 1.0], [2.0, 1.0]])
    masks = vector_map(line=[line]).masks(np.eye(4), GRID, TAXONOMY)
    assert cells(masks[1]) == [(x, y) for x in (-2, -1, 0, 1) for y in (0, 1)]


def test_far_shapes_are_left_out() -> None:
    masks = vector_map(area=[SQUARE + 50, SQUARE - 50]).masks(np.eye(4), GRID, TAXONOMY)
    assert not masks.any()


def test_shapes_without_extent_are_none() -> None:
    assert make_shape([SQUARE[:1]], is_line=True) is None
    assert make_shape([SQUARE[:2]], is_line=False) is None
    shape = make_shape([SQUARE, SQUARE[:2]], is_line=False)
    assert shape is not None
    assert len(shape.rings) == 1
    assert (shape.low.tolist(), shape.high.tolist()) == ([0, 0], [2, 2])
