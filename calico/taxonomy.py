"""Classes as data: which objects and map areas a data set labels, and how each class is scored.

A `Taxonomy` is a value that a frame source, its frames and a configuration carry. The label of an
object is an index into `Taxonomy.classes`, the first axis of a map mask an index into
`Taxonomy.map_classes`. `NUSCENES`, `WAYMO` and `KITTI` are constants. A user's own is written in
the configuration (`calico.config.taxonomy`, docs/guides/taxonomy.md).

Files that name no taxonomy are older than this module, and mean `NUSCENES`.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

from calico.errors import CalicoError

Group = Literal["vehicle", "special_vehicle", "cycle", "pedestrian", "object"]
"""What a class is for an attacker: a spoofer copies the points of a `vehicle`."""
GROUPS: tuple[Group, ...] = get_args(Group)
Scoring = Literal["nuscenes", "waymo"]
"""Rules of detection figures: by distance of centres, or by 3D IoU at two levels of difficulty."""
SCORINGS: tuple[Scoring, ...] = get_args(Scoring)
ERRORS: tuple[str, ...] = ("ATE", "ASE", "AOE", "AVE", "AAE")
"""Translation [m], scale [fraction], orientation [rad], velocity [m/s], attribute [fraction]."""
MAX_CLASSES = 100
"""Most classes, and most map classes. The statistics of a run keep a label in one byte."""
DEFAULT_RANGE_M = 50.0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)


@dataclass(frozen=True)
class ObjectClass:
    """One class of objects.

    Attributes:
        name: Name in results, graphs and pictures.
        range_m: Objects and predictions farther from the vehicle are not scored [m].
        group: What it is for an attacker.
        sources: Other names of the data set, or of the simulator, whose objects belong to this
            class. The class's own name always does.
        attributes: Attributes that its objects can have. If a model predicts none, the first is
            taken for a slow object and the second for one that moves.
        undefined_errors: Members of `ERRORS` that mean nothing for this class.
        symmetric: Whether front and back are alike, so that headings are compared modulo pi.
        min_overlap: 3D IoU from which on a box is in the right place.
    """

    name: str
    range_m: float = DEFAULT_RANGE_M
    group: Group = "object"
    sources: tuple[str, ...] = ()
    attributes: tuple[str, ...] = ()
    undefined_errors: tuple[str, ...] = ()
    symmetric: bool = False
    min_overlap: float = 0.5


@dataclass(frozen=True)
class MapClass:
    """One class of map areas.

    Attributes:
        name: Name in results, graphs and pictures.
        sources: Other names of the data set, or of the simulator, whose areas belong to this class.
            The class's own name always does.
    """

    name: str
    sources: tuple[str, ...] = ()


def _other_names(one: ObjectClass | MapClass) -> tuple[str, ...]:
    return tuple(name for name in one.sources if name != one.name)


def _normalise_class(one: ObjectClass) -> ObjectClass:
    """Leave the class's own name out of its sources; without attributes AAE is undefined."""
    undefined = one.undefined_errors
    if not one.attributes and "AAE" not in undefined:
        undefined = (*undefined, "AAE")
    return replace(one, sources=_other_names(one), undefined_errors=undefined)


@dataclass(frozen=True)
class Taxonomy:
    """The classes of a data set.

    Attributes:
        name: Name in messages and files.
        classes: Classes of objects. A label is an index into them.
        map_classes: Classes of the map. They are the first axis of every mask.
        attributes: Names of the attributes. An object's attribute is an index into them, or -1.
        scoring: Rules that detection is scored by. Those of nuScenes are always among them.

    Raises:
        CalicoError: A name is used twice, or a value is impossible.
    """

    name: str
    classes: tuple[ObjectClass, ...]
    map_classes: tuple[MapClass, ...] = ()
    attributes: tuple[str, ...] = ()
    scoring: tuple[Scoring, ...] = ("nuscenes",)

    def __post_init__(self) -> None:
        _check_name(self.name, "taxonomy")
        where = f"taxonomy {self.name}"
        self._check_types(where)
        if not self.classes:
            raise CalicoError(f"{where}: has no classes, expected at least one")
        for what, members in (("classes", self.classes), ("map_classes", self.map_classes)):
            if len(members) > MAX_CLASSES:
                raise CalicoError(
                    f"{where}: got {len(members)} {what}, expected at most {MAX_CLASSES}"
                )
        every: tuple[ObjectClass | MapClass, ...] = (*self.classes, *self.map_classes)
        owners: dict[str, str] = {}
        for one in every:
            for name in dict.fromkeys((one.name, *one.sources)):
                _check_name(name, where)
                if name in owners:
                    raise CalicoError(
                        f"{where}: '{name}' belongs to the classes {owners[name]} and {one.name}; "
                        "expected each name in one class"
                    )
                owners[name] = one.name
        for name in self.attributes:
            _check_name(name, where)
        if len(set(self.attributes)) < len(self.attributes):
            raise CalicoError(f"{where}: attributes {list(self.attributes)} name one twice")
        scoring = self.scoring if isinstance(self.scoring, tuple) else ()
        if "nuscenes" not in scoring or len({*scoring} & {*SCORINGS}) < len(scoring):
            raise CalicoError(
                f"{where}: scoring is {self.scoring!r:.80}, expected a tuple with 'nuscenes' and "
                f"perhaps others of {', '.join(SCORINGS)}, each once"
            )
        for one in self.classes:
            self._check_class(one, f"{where}, class {one.name}")
        # One form for one meaning, so that a taxonomy is equal to itself after a file.
        object.__setattr__(self, "classes", tuple(map(_normalise_class, self.classes)))
        plain = tuple(replace(one, sources=_other_names(one)) for one in self.map_classes)
        object.__setattr__(self, "map_classes", plain)
        known = globals().get("TAXONOMIES", {}).get(self.name)
        if known is not None and self != known:
            raise CalicoError(
                f"{where}: the name is that of a known taxonomy with other classes; expected a "
                "name of your own"
            )

    def _check_types(self, where: str) -> None:
        """Check what a caller in Python can get wrong: members and lists of names."""
        for what, members, kind in (
            ("classes", self.classes, ObjectClass),
            ("map_classes", self.map_classes, MapClass),
        ):
            if not isinstance(members, tuple) or not all(isinstance(m, kind) for m in members):
                raise CalicoError(
                    f"{where}: {what} is {members!r:.80}, expected a tuple of {kind.__name__}"
                )
            for member in members:
                for key in ("sources", "attributes", "undefined_errors"):
                    names = getattr(member, key, ())
                    if not isinstance(names, tuple):
                        raise CalicoError(
                            f"{where}, {member.name}: {key} is {names!r:.80}, expected a tuple of "
                            "names"
                        )

    def _check_class(self, one: ObjectClass, where: str) -> None:
        """Check the numbers and words of a class."""
        if not (math.isfinite(one.range_m) and one.range_m > 0):
            raise CalicoError(f"{where}: range_m is {one.range_m}, expected metres above 0")
        if not 0 < one.min_overlap <= 1:
            raise CalicoError(f"{where}: min_overlap is {one.min_overlap}, expected above 0, to 1")
        for what, got, known in (
            ("group", (one.group,), GROUPS),
            ("attributes", one.attributes, self.attributes),
            ("undefined_errors", one.undefined_errors, ERRORS),
        ):
            unknown = [name for name in got if name not in known]
            if unknown:
                expected = f"some of {', '.join(known)}" if known else "none"
                raise CalicoError(f"{where}: {what} is '{unknown[0]}', expected {expected}")
        if "ATE" in one.undefined_errors:
            raise CalicoError(f"{where}: undefined_errors holds ATE, which every box has")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Names of the classes of objects, in the order of the labels."""
        return tuple(one.name for one in self.classes)

    @cached_property
    def map_names(self) -> tuple[str, ...]:
        """Names of the map classes, in the order of the masks."""
        return tuple(one.name for one in self.map_classes)

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {
            name: label
            for label, one in enumerate(self.classes)
            for name in (one.name, *one.sources)
        }

    def label_of(self, name: str) -> int | None:
        """Find the label of an object by the name that its data set gives it.

        Args:
            name: A class, or one of its `sources`.

        Returns:
            None for an object of no class, which is then no ground truth.
        """
        return self._labels.get(name)

    def labels_in(self, group: Group) -> tuple[int, ...]:
        """Find the labels of a group, in their order."""
        return tuple(label for label, one in enumerate(self.classes) if one.group == group)

    @property
    def target(self) -> int | None:
        """Label of the class that a false object gets: the first `vehicle`, or None without one."""
        return next(iter(self.labels_in("vehicle")), None)

    def attribute_of(self, name: str) -> int:
        """Find the index of an attribute; -1 for one that this taxonomy does not have."""
        return self.attributes.index(name) if name in self.attributes else -1

    def default_attributes(self) -> list[tuple[int, int]]:
        """List each class's attribute where it is slow and where it moves, as indices or -1."""
        return [
            (self.attribute_of(one.attributes[0]), self.attribute_of(one.attributes[:2][-1]))
            if one.attributes
            else (-1, -1)
            for one in self.classes
        ]

    def ranges(self, clip_to_m: float | None = None) -> dict[str, float]:
        """List the range of every class [m].

        Args:
            clip_to_m: No range is larger than this, e.g. `Grid.inner_radius_m`. Figures are then
                not
                those of the data set's benchmark any more.

        Raises:
            CalicoError: `clip_to_m` is not positive.
        """
        if clip_to_m is not None and not clip_to_m > 0:
            raise CalicoError(f"clip_to_m: got {clip_to_m}, expected a positive number of metres")
        limit = math.inf if clip_to_m is None else clip_to_m
        return {one.name: min(one.range_m, limit) for one in self.classes}

    def check_sources(self, known: Iterable[str], known_maps: Iterable[str], where: str) -> None:
        """Check that a data set has the objects and areas that the classes are made of.

        Args:
            known: Names of the data set's objects.
            known_maps: Names of its map areas.
            where: Names the data set in the message.

        Raises:
            CalicoError: A source is unknown, or nothing in the data belongs to a class.
        """
        for what, members, names in (
            ("objects", self.classes, tuple(known)),
            ("map areas", self.map_classes, tuple(known_maps)),
        ):
            one: ObjectClass | MapClass
            for one in members:
                unknown = [name for name in one.sources if name not in names]
                if unknown or not {one.name, *one.sources} & set(names):
                    raise CalicoError(
                        f"{where}: class {one.name} of taxonomy {self.name} is made of "
                        f"'{(unknown or [one.name])[0]}', and there are no such {what}; "
                        f"expected taxonomy.sources out of {', '.join(names)}"
                    )


def names_in(taxonomy: Taxonomy, known: Sequence[str], where: str) -> tuple[str, ...]:
    """Translate the classes of a taxonomy into the names of another one.

    Args:
        taxonomy: Its classes are translated.
        known: Names of the other one, e.g. those that a submission may hold.
        where: Names what needs the names, for the message.

    Returns:
        (C,) a name out of `known` for every class.

    Raises:
        CalicoError: A class has no name there, or merges several.
    """
    result = []
    for one in taxonomy.classes:
        found = [name for name in known if name in (one.name, *one.sources)]
        if len(found) != 1:
            has = f"merges {', '.join(found)}" if found else "is none of them"
            raise CalicoError(
                f"{where} holds the classes {', '.join(known)}; class {one.name} of taxonomy "
                f"{taxonomy.name} {has}, so that it cannot be written there"
            )
        result.append(found[0])
    return tuple(result)


def _check_name(name: str, where: str) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise CalicoError(
            f"{where}: got the name {str(name)[:80]!r}, expected 1 to 64 letters, digits, '_', '.' "
            "and '-', the first a letter or digit"
        )


_VEHICLE = ("vehicle.parked", "vehicle.moving", "vehicle.stopped")
_BUS = ("vehicle.stopped", "vehicle.moving", "vehicle.parked")
_CYCLE = ("cycle.without_rider", "cycle.with_rider")
_PEDESTRIAN = ("pedestrian.standing", "pedestrian.moving", "pedestrian.sitting_lying_down")

NUSCENES = Taxonomy(
    name="nuscenes",
    classes=(
        ObjectClass("car", 50.0, "vehicle", attributes=_VEHICLE),
        ObjectClass("truck", 50.0, "vehicle", attributes=_VEHICLE),
        ObjectClass("bus", 50.0, "vehicle", attributes=_BUS),
        ObjectClass("trailer", 50.0, "special_vehicle", attributes=_VEHICLE),
        ObjectClass("construction_vehicle", 50.0, "special_vehicle", attributes=_VEHICLE),
        ObjectClass("pedestrian", 40.0, "pedestrian", attributes=_PEDESTRIAN),
        ObjectClass("motorcycle", 40.0, "cycle", attributes=_CYCLE),
        ObjectClass("bicycle", 40.0, "cycle", attributes=_CYCLE),
        ObjectClass("traffic_cone", 30.0, undefined_errors=("AOE", "AVE", "AAE")),
        ObjectClass("barrier", 30.0, undefined_errors=("AVE", "AAE"), symmetric=True),
    ),
    map_classes=tuple(
        map(
            MapClass,
            (
                "drivable_area",
                "ped_crossing",
                "walkway",
                "stop_line",
                "carpark_area",
                "divider",
            ),
        )
    ),
    attributes=(
        "vehicle.moving",
        "vehicle.parked",
        "vehicle.stopped",
        "cycle.with_rider",
        "cycle.without_rider",
        "pedestrian.moving",
        "pedestrian.standing",
        "pedestrian.sitting_lying_down",
    ),
)
"""The ten classes of nuScenes' detection task, and the six map classes of BEVFusion.

Source: Caesar et al., nuScenes, CVPR 2020, and the configuration detection_cvpr_2019 of
nuscenes-devkit 1.2.0 (ranges, attributes, undefined errors, the barrier's two equal ends); Liu et
al., BEVFusion, ICRA 2023 (map classes). The attribute of slow and moving objects is the rule of the
usual nuScenes code bases. nuScenes matches by distance; `min_overlap` and `group` are our choice.
"""

WAYMO = Taxonomy(
    name="waymo",
    classes=(
        ObjectClass(
            "vehicle",
            75.0,
            "vehicle",
            sources=("car", "truck", "bus", "trailer", "construction_vehicle", "motorcycle"),
            undefined_errors=("AAE",),
            min_overlap=0.7,
        ),
        ObjectClass("pedestrian", 75.0, "pedestrian", undefined_errors=("AAE",)),
        ObjectClass("cyclist", 75.0, "cycle", sources=("bicycle",), undefined_errors=("AAE",)),
    ),
    map_classes=(
        MapClass("drivable_area"),
        MapClass("ped_crossing"),
        MapClass("stop_line"),
        MapClass("driveway", sources=("carpark_area",)),
        MapClass("divider"),
    ),
    scoring=("nuscenes", "waymo"),
)
"""The three classes of Waymo's 3D detection benchmark, and the map classes that its map gives.

Signs are labelled, too, but not part of the benchmark. Motorcycles and trailers are vehicles there.

Source: Sun et al., Scalability in Perception for Autonomous Driving, CVPR 2020 (overlaps of 0.7 for
vehicles and 0.5 for the others; the LiDAR on the roof ends at 75 m); labelling specifications of
the Waymo Open Dataset. Its map (map.proto) has crosswalks, driveways, road lines (dividers) and
lanes; stop lines and the drivable area are derived from stop signs and lanes. The sources, for the
simulator and data in the nuScenes format, are our choice; so is a bicycle without a rider.
"""

KITTI = Taxonomy(
    name="kitti",
    classes=(
        ObjectClass(
            "Car", 70.4, "vehicle", ("car",), undefined_errors=("AVE", "AAE"), min_overlap=0.7
        ),
        ObjectClass(
            "Pedestrian", 48.0, "pedestrian", ("pedestrian",), undefined_errors=("AVE", "AAE")
        ),
        ObjectClass("Cyclist", 48.0, "cycle", ("bicycle",), undefined_errors=("AVE", "AAE")),
    ),
)
"""The three classes of KITTI's 3D object benchmark. Its labels hold no velocities and no map.

Source: Geiger et al., Are we ready for autonomous driving?, CVPR 2012, and the benchmark's page
(overlaps of 0.7 for cars and 0.5 for pedestrians and cyclists). The benchmark limits the height in
the image and not the distance; the ranges are those of Zhou and Tuzel, VoxelNet, CVPR 2018.
"""

TAXONOMIES: dict[str, Taxonomy] = {one.name: one for one in (NUSCENES, WAYMO, KITTI)}

CAMERAS: tuple[str, ...] = (
    "CAM_FRONT",
    "CAM_FRONT_RIGHT",
    "CAM_BACK_RIGHT",
    "CAM_BACK",
    "CAM_BACK_LEFT",
    "CAM_FRONT_LEFT",
)
"""nuScenes' cameras, in the order of the V views."""
