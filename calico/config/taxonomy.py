"""The classes of a run: the name of a known taxonomy, or a user's own in a few lines."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from calico.config.section import Length, Name, Section, Share, Text
from calico.errors import CalicoError
from calico.taxonomy import (
    DEFAULT_RANGE_M,
    MAX_CLASSES,
    NUSCENES,
    TAXONOMIES,
    Group,
    MapClass,
    ObjectClass,
    Scoring,
    Taxonomy,
)

Names = Annotated[tuple[Text, ...], Field(max_length=MAX_CLASSES)]
_GROUP_OF: dict[str, Group] = {one.name: one.group for one in NUSCENES.classes}


class TaxonomyConfig(Section):
    """The classes that the data are labelled with.

    Written as `nuscenes`, `waymo` or `kitti`, or as the keys below. Keys that map a class to
    something name classes of `classes`. `sources` also those of `map_classes`.
    """

    name: Name = "own"
    classes: Names = Field((), description="Classes of objects; labels are in this order.")
    map_classes: Names = Field((), description="Classes of the map; none: no map head.")
    sources: dict[Text, Names] = Field(
        default_factory=dict,
        description="Class to other names of the data whose objects or areas belong to it.",
    )
    range_m: Length = Field(DEFAULT_RANGE_M, description="Range of evaluation [m].")
    ranges: dict[Text, Length] = Field(
        default_factory=dict, description="Class to another range of evaluation [m]."
    )
    groups: dict[Text, Group] = Field(
        default_factory=dict,
        description="Class to what it is for an attacker; default: that of its nuScenes names.",
    )
    attributes: dict[Text, Names] = Field(
        default_factory=dict,
        description="Class to its attributes: of slow objects, of moving ones, and others.",
    )
    attribute_order: Names = Field(
        (), description="Order of the attributes' indices; default: as they are first named."
    )
    undefined_errors: dict[Text, Names] = Field(
        default_factory=dict,
        description="Class to the errors (ASE, AOE, AVE, AAE) that mean nothing for it. AAE is "
        "undefined for every class without attributes.",
    )
    symmetric: Names = Field((), description="Classes whose front and back are alike.")
    min_overlaps: dict[Text, Share] = Field(
        default_factory=dict, description="Class to the IoU from which on a box is in its place."
    )
    scoring: Annotated[tuple[Scoring, ...], Field(max_length=MAX_CLASSES)] = Field(
        ("nuscenes",),
        description="Rules that detection is scored by: nuscenes, and waymo in addition.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_name(cls, value: Any) -> Any:
        if isinstance(value, Taxonomy):
            return describe_taxonomy(value)
        if isinstance(value, str):
            if value not in TAXONOMIES:
                raise ValueError(
                    f"got {value[:80]!r}, expected {', '.join(TAXONOMIES)}, or keys and values "
                    "with your own classes"
                )
            return {"name": value}
        return value

    @model_validator(mode="after")
    def _is_sound(self) -> TaxonomyConfig:
        if self.name in TAXONOMIES and self != TaxonomyConfig.model_construct(name=self.name):
            raise ValueError(
                f"name '{self.name}' is that of a known taxonomy; give your own classes another one"
            )
        if self.name not in TAXONOMIES and not self.classes:
            raise ValueError(f"taxonomy {self.name} has no classes, expected at least one")
        try:
            self.build()
        except CalicoError as error:
            raise ValueError(str(error)) from None
        return self

    @model_serializer(mode="wrap")
    def _write(self, handler: SerializerFunctionWrapHandler) -> Any:
        if self.name in TAXONOMIES:
            return self.name
        empty = TaxonomyConfig.model_construct(name=self.name)
        return {
            key: value
            for key, value in handler(self).items()
            if key == "name" or getattr(self, key) != getattr(empty, key)
        }

    def build(self) -> Taxonomy:
        """Make the value that the rest of the product uses.

        Raises:
            CalicoError: The classes contradict each other, or a key names no class.
        """
        if self.name in TAXONOMIES:
            return TAXONOMIES[self.name]
        self._check_keys()
        order = self.attribute_order or tuple(
            dict.fromkeys(name for one in self.classes for name in self.attributes.get(one, ()))
        )
        return Taxonomy(
            name=self.name,
            classes=tuple(self._class(name) for name in self.classes),
            map_classes=tuple(MapClass(name, self._sources_of(name)) for name in self.map_classes),
            attributes=order,
            scoring=self.scoring,
        )

    def _class(self, name: str) -> ObjectClass:
        sources, attributes = self._sources_of(name), self.attributes.get(name, ())
        known = [_GROUP_OF[one] for one in (name, *sources) if one in _GROUP_OF]
        undefined = self.undefined_errors.get(name, ())
        if not attributes and "AAE" not in undefined:
            undefined = (*undefined, "AAE")
        return ObjectClass(
            name=name,
            range_m=self.ranges.get(name, self.range_m),
            group=self.groups.get(name, known[0] if known else "object"),
            sources=sources,
            attributes=attributes,
            undefined_errors=undefined,
            symmetric=name in self.symmetric,
            min_overlap=self.min_overlaps.get(name, ObjectClass.min_overlap),
        )

    def _sources_of(self, name: str) -> tuple[str, ...]:
        return tuple(one for one in self.sources.get(name, ()) if one != name)

    def _check_keys(self) -> None:
        """Check that every key and member names a class."""
        of_objects = {
            "ranges": tuple(self.ranges),
            "groups": tuple(self.groups),
            "attributes": tuple(self.attributes),
            "undefined_errors": tuple(self.undefined_errors),
            "symmetric": self.symmetric,
            "min_overlaps": tuple(self.min_overlaps),
        }
        checks = [(key, names, self.classes) for key, names in of_objects.items()]
        checks.append(("sources", tuple(self.sources), (*self.classes, *self.map_classes)))
        for key, names, known in checks:
            unknown = [name for name in names if name not in known]
            if unknown:
                raise CalicoError(
                    f"taxonomy {self.name}: {key} names '{unknown[0]}', expected classes out of "
                    f"{', '.join(known)}"
                )


def describe_taxonomy(taxonomy: Taxonomy) -> str | dict[str, Any]:
    """Describe a taxonomy by plain values, as `TaxonomyConfig` reads it back.

    Args:
        taxonomy: Any.

    Returns:
        The name of a known taxonomy, or the keys of `TaxonomyConfig`.
    """
    if taxonomy == TAXONOMIES.get(taxonomy.name):
        return taxonomy.name
    classes = taxonomy.classes
    every: tuple[ObjectClass | MapClass, ...] = (*classes, *taxonomy.map_classes)
    # Left out if it is the default, so that older versions read the description.
    more = {} if taxonomy.scoring == Taxonomy.scoring else {"scoring": taxonomy.scoring}
    return more | {
        "name": taxonomy.name,
        "classes": taxonomy.names,
        "map_classes": taxonomy.map_names,
        "sources": {one.name: one.sources for one in every if one.sources},
        "ranges": {one.name: one.range_m for one in classes},
        "groups": {one.name: one.group for one in classes},
        "attributes": {one.name: one.attributes for one in classes if one.attributes},
        "attribute_order": taxonomy.attributes,
        "undefined_errors": {
            one.name: one.undefined_errors for one in classes if one.undefined_errors
        },
        "symmetric": tuple(one.name for one in classes if one.symmetric),
        "min_overlaps": {one.name: one.min_overlap for one in classes},
    }


def read_taxonomy(content: object, where: str) -> Taxonomy:
    """Read a taxonomy out of a file's content.

    Args:
        content: What `describe_taxonomy` wrote, or None in files that know no taxonomy, which are
            nuScenes'.
        where: Names the file in the message.

    Raises:
        CalicoError: It is none.
    """
    if content is None:
        return NUSCENES
    try:
        return TaxonomyConfig.model_validate(content).build()
    except ValueError as error:
        raise CalicoError(f"{where}: its taxonomy cannot be read ({error})") from None
