"""The thirty categories of Argoverse 2's sensor data set."""

from __future__ import annotations

from calico.taxonomy import Group, ObjectClass, Taxonomy

GROUND_BELOW_AXLE_M = 0.33
RANGE_M = 150.0
"""Of the benchmark's evaluation."""
_VEHICLE: dict[str, tuple[str, ...]] = {
    "REGULAR_VEHICLE": ("car", "vehicle"),
    "LARGE_VEHICLE": (),
    "BUS": ("bus",),
    "BOX_TRUCK": (),
    "TRUCK": ("truck",),
    "TRUCK_CAB": (),
    "SCHOOL_BUS": (),
    "ARTICULATED_BUS": (),
}
_SPECIAL: dict[str, tuple[str, ...]] = {
    "VEHICULAR_TRAILER": ("trailer",),
    "MESSAGE_BOARD_TRAILER": (),
    "TRAFFIC_LIGHT_TRAILER": (),
    "RAILED_VEHICLE": (),
}
_CYCLE: dict[str, tuple[str, ...]] = {
    "BICYCLE": ("bicycle",),
    "BICYCLIST": ("cyclist", "Cyclist"),
    "MOTORCYCLE": ("motorcycle",),
    "MOTORCYCLIST": (),
    "WHEELED_DEVICE": (),
    "WHEELED_RIDER": (),
}
_PERSON: dict[str, tuple[str, ...]] = {
    "PEDESTRIAN": ("pedestrian",),
    "OFFICIAL_SIGNALER": (),
    "WHEELCHAIR": (),
    "STROLLER": (),
}
_OTHER: dict[str, tuple[str, ...]] = {
    "BOLLARD": (),
    "CONSTRUCTION_CONE": ("traffic_cone",),
    "CONSTRUCTION_BARREL": (),
    "STOP_SIGN": (),
    "SIGN": (),
    "MOBILE_PEDESTRIAN_SIGN": (),
    "DOG": (),
    "ANIMAL": (),
}
_GROUPS: tuple[tuple[Group, dict[str, tuple[str, ...]]], ...] = (
    ("vehicle", _VEHICLE),
    ("special_vehicle", _SPECIAL),
    ("cycle", _CYCLE),
    ("pedestrian", _PERSON),
    ("object", _OTHER),
)

ARGOVERSE2 = Taxonomy(
    name="argoverse2",
    classes=tuple(
        ObjectClass(name, RANGE_M, group, sources)
        for group, members in _GROUPS
        for name, sources in members.items()
    ),
)
"""All thirty categories, without attributes and maps. The groups are our choice, and the sources
say which classes of other data are written as them.

Source: the guide of argoverse/av2-api to the sensor data set; Wilson et al., Argoverse 2, NeurIPS
2021 (objects count up to 150 m).
"""
