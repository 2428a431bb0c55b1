"""The official categories of nuScenes and the class of the detection task that each belongs to."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from calico.errors import CalicoError
from calico.taxonomy import DETECTION_CLASSES

DETECTION_NAMES = {
    "movable_object.barrier": "barrier",
    "vehicle.bicycle": "bicycle",
    "vehicle.bus.bendy": "bus",
    "vehicle.bus.rigid": "bus",
    "vehicle.car": "car",
    "vehicle.construction": "construction_vehicle",
    "vehicle.motorcycle": "motorcycle",
    "human.pedestrian.adult": "pedestrian",
    "human.pedestrian.child": "pedestrian",
    "human.pedestrian.construction_worker": "pedestrian",
    "human.pedestrian.police_officer": "pedestrian",
    "movable_object.trafficcone": "traffic_cone",
    "vehicle.trailer": "trailer",
    "vehicle.truck": "truck",
}
"""Category to class of the detection task; objects of the other categories are no ground truth."""
WITHOUT_CLASS = (
    "animal",
    "flat.driveable_surface",
    "flat.other",
    "flat.sidewalk",
    "flat.terrain",
    "human.pedestrian.personal_mobility",
    "human.pedestrian.stroller",
    "human.pedestrian.wheelchair",
    "movable_object.debris",
    "movable_object.pushable_pullable",
    "noise",
    "static.manmade",
    "static.other",
    "static.vegetation",
    "static_object.bicycle_rack",
    "vehicle.ego",
    "vehicle.emergency.ambulance",
    "vehicle.emergency.police",
)
"""The other official categories (nuScenes v1.0 and lidarseg)."""


def find_label(category: str, table: Path, token: str) -> int | None:
    """Find the class of a category.

    Args:
        category: Its name.
        table, token: Where it stands, for the message.

    Returns:
        Index into `DETECTION_CLASSES`; None for an official category that is no class of the task.

    Raises:
        CalicoError: No official category has this name. Its objects would vanish from the ground truth.
    """
    name = DETECTION_NAMES.get(category)
    if name is not None:
        return DETECTION_CLASSES.index(name)
    if category in WITHOUT_CLASS:
        return None
    known = [*DETECTION_NAMES, *WITHOUT_CLASS]
    near = get_close_matches(category.strip().lower(), known, 1) or [
        official for official, label in DETECTION_NAMES.items() if label == category
    ]
    advice = (
        f"did you mean '{near[0]}'?"
        if near
        else "objects that are no class of the task go under an official one"
    )
    raise CalicoError(
        f"{table}: row '{token}' is the category '{category}', which is no category of nuScenes; {advice} "
        f"Official categories without a class are {', '.join(WITHOUT_CLASS[:1] + WITHOUT_CLASS[8:10])} and others."
    )
