"""The official categories of nuScenes and the class of the detection task that each belongs to."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path

from calico.errors import CalicoError
from calico.taxonomy import NUSCENES, Taxonomy

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


def find_label(category: str, table: Path, token: str, taxonomy: Taxonomy) -> int | None:
    """Find the class of a category.

    Args:
        category: Its name.
        table: Where it stands, for the message.
        token: Of its row, for the message.
        taxonomy: Its sources are categories, or classes of the detection task.

    Returns:
        The label; None for an official category of no class.

    Raises:
        CalicoError: Neither the taxonomy nor nuScenes has a category of this name. Its objects
            would vanish from the ground truth.
    """
    label = None if taxonomy == NUSCENES else taxonomy.label_of(category)
    if label is None:
        label = taxonomy.label_of(DETECTION_NAMES.get(category, ""))
    if label is not None or category in DETECTION_NAMES or category in WITHOUT_CLASS:
        return label
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
        f"{table}: row '{token}' is the category '{category}', which is no category of nuScenes; "
        f"{advice} "
        "Official categories without a class are "
        f"{', '.join(WITHOUT_CLASS[:1] + WITHOUT_CLASS[8:10])} and others."
    )
