"""Map features: the proto `MapFeature` to the record and back.

Left out, because nothing here uses them: speed limits, neighbours, entries and exits of lanes.

Source: map.proto of waymo-research/waymo-open-dataset.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from calico.data.waymo.records import MapFeature
from calico.errors import CalicoError
from calico.frame import Float64

LINES = ("lane", "road_line", "road_edge")
AREAS = ("crosswalk", "speed_bump", "driveway")
MAX_COORDINATE_M = 1e8
"""More than twice the way around the Earth."""
KINDS = (*LINES, "stop_sign", *AREAS)
_BOUNDARY = ("lane_start_index", "lane_end_index", "boundary_feature_id", "boundary_type")
_Boundaries = tuple[tuple[int, int, int, int], ...]


def decode_features(
    messages: Sequence[dict[str, Any]], where: str
) -> tuple[MapFeature, ...] | None:
    """Make the features of a segment's map.

    Args:
        messages: Decoded `MapFeature`.
        where: Names the file and the record in errors.

    Returns:
        None if the file holds no feature, so that the map is unknown. Features without content,
        which some segments have, are left out.

    Raises:
        CalicoError: A point is not finite or beyond the Earth, or two features have one id.
    """
    features: dict[int, MapFeature] = {}
    for index, message in enumerate(messages):
        kinds = [kind for kind in KINDS if kind in message]
        if not kinds:
            continue
        feature = _decode(message, kinds[-1], f"{where}: map feature {index}")
        if feature.id in features:
            raise CalicoError(f"{where}: map feature {index} has the id {feature.id} of another")
        features[feature.id] = feature
    return tuple(features.values()) or None


def encode_features(features: Iterable[MapFeature]) -> list[dict[str, Any]]:
    """Make `MapFeature` messages, as dictionaries for `encode_message`."""
    return [{"id": one.id, one.kind: _encode(one)} for one in features]


def _decode(message: dict[str, Any], kind: str, where: str) -> MapFeature:
    content, number = message[kind], message.get("id", 0)
    if kind == "stop_sign":
        position = content.get("position")
        return MapFeature(
            number,
            kind,
            _decode_points([] if position is None else [position], where),
            lanes=tuple(int(lane) for lane in content.get("lane", ())),
        )
    points = _decode_points(content.get("polygon" if kind in AREAS else "polyline", ()), where)
    if kind != "lane":
        return MapFeature(number, kind, points, type=content.get("type", 0))
    return MapFeature(
        number,
        kind,
        points,
        type=content.get("type", 0),
        interpolating=content.get("interpolating", False),
        left=_decode_boundaries(content.get("left_boundaries", ())),
        right=_decode_boundaries(content.get("right_boundaries", ())),
    )


def _encode(feature: MapFeature) -> dict[str, Any]:
    points = [dict(zip("xyz", point, strict=True)) for point in feature.points.tolist()]
    if feature.kind == "stop_sign":
        return {"lane": feature.lanes, "position": points[0] if points else None}
    if feature.kind in AREAS:
        return {"polygon": points}
    content: dict[str, Any] = {"type": feature.type, "polyline": points}
    if feature.kind == "lane":
        content["interpolating"] = feature.interpolating
        for name, segments in (
            ("left_boundaries", feature.left),
            ("right_boundaries", feature.right),
        ):
            content[name] = [dict(zip(_BOUNDARY, one, strict=True)) for one in segments]
    return content


def _decode_points(messages: Sequence[dict[str, float]], where: str) -> Float64:
    rows = [[one.get(axis, 0.0) for axis in "xyz"] for one in messages]
    points: Float64 = np.array(rows, np.float64).reshape(-1, 3)
    if not (np.abs(points) <= MAX_COORDINATE_M).all():
        raise CalicoError(
            f"{where} has a point beyond {MAX_COORDINATE_M:g} m, or one that is not finite"
        )
    return points


def _decode_boundaries(messages: Sequence[dict[str, int]]) -> _Boundaries:
    first, last, number, kind = _BOUNDARY
    return tuple(
        (one.get(first, 0), one.get(last, 0), one.get(number, 0), one.get(kind, 0))
        for one in messages
    )
