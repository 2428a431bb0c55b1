from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from calico.data.waymo.v1.encoding import encode_message
from calico.data.waymo.v1.features import decode_features, encode_features
from calico.data.waymo.v1.messages import MAP_FEATURE
from calico.data.waymo.v1.wire import decode_message
from calico.errors import CalicoError
from tests.calico.data.waymo.v1.making import make_map
from tests.calico.data.waymo.v1.plain import to_plain

POINT = {"x": 1.0, "y": 2.0, "z": 3.0}


def test_features_of_every_kind_come_back() -> None:
    features = make_map(np.random.default_rng(0))
    assert {one.kind for one in features} == {
        "lane", "road_line", "road_edge", "stop_sign", "crosswalk", "speed_bump", "driveway"
    }  # fmt: skip
    stored = [encode_message(one, MAP_FEATURE) for one in encode_features(features)]
    found = decode_features([decode_message(one, MAP_FEATURE, "f") for one in stored], "f")
    assert to_plain(found) == to_plain(features)


@pytest.mark.parametrize("messages", [[], [{"id": 1}], [{"id": 1}, {"id": 1}]])
def test_a_map_without_content_is_unknown(messages: list[dict[str, Any]]) -> None:
    assert decode_features(messages, "f") is None


def test_missing_values_have_the_defaults_of_the_format() -> None:
    found = decode_features([{"lane": {"polyline": [{"x": 1.0}]}}, {"id": 5, "stop_sign": {}}], "f")
    assert found is not None
    lane, sign = found
    assert (lane.id, lane.type, lane.interpolating, lane.left) == (0, 0, False, ())
    assert lane.points.tolist() == [[1.0, 0.0, 0.0]]
    assert (sign.id, sign.lanes, sign.points.shape) == (5, (), (0, 3))


@pytest.mark.parametrize("value", [np.nan, np.inf, -1e9])
def test_impossible_points_are_refused(value: float) -> None:
    messages = [{"id": 1, "lane": {"polyline": [POINT, POINT | {"y": value}]}}]
    with pytest.raises(CalicoError, match=r"f: map feature 0 has a point beyond 1e\+08 m, or"):
        decode_features(messages, "f")


def test_ids_are_unique() -> None:
    messages = [{"id": 4, "crosswalk": {}}, {"id": 4, "driveway": {}}]
    with pytest.raises(CalicoError, match="f: map feature 1 has the id 4 of another"):
        decode_features(messages, "f")
