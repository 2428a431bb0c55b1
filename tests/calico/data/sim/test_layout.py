"""Layouts: streets, junctions and crossings are sound."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from calico.data.sim.layout import KINDS, Kind, build_layout


@pytest.mark.parametrize("kind", KINDS)
def test_streets_are_sound(kind: Kind) -> None:
    for seed in range(6):
        layout = build_layout(np.random.default_rng(seed), kind, 220.0, 120.0)
        assert len(layout.roads) == (2 if kind in ("t_junction", "crossroads") else 1)
        assert (
            len(layout.crossings)
            == {"straight": 1, "curved": 1, "t_junction": 3, "crossroads": 4}[kind]
        )
        assert layout.drivable.geom_type == "Polygon"
        assert layout.drivable.intersection(layout.walkway).area < 0.1
        assert layout.drivable.intersection(layout.carpark).area < 0.1
        for lane in layout.lanes:
            line = shapely.LineString(lane.path.xy)
            assert line.difference(layout.drivable.buffer(0.3)).length < 2.0
        for crossing in layout.crossings:
            road = layout.roads[crossing.road]
            middle = road.center.at((crossing.start + crossing.stop) / 2)[0]
            assert layout.drivable.contains(shapely.Point(middle))
