"""Taxonomies in the configuration: names, a user's own, its guards, and what the heads make of
it."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from calico.config.load import load_config, to_yaml, translate_tasks, validate_config
from calico.config.taxonomy import TaxonomyConfig, describe_taxonomy, read_taxonomy
from calico.errors import CalicoError
from calico.taxonomy import KITTI, NUSCENES, WAYMO, MapClass, ObjectClass, Taxonomy

FIVE_LINES = """
taxonomy:
  classes: [car, person, cycle]
  map_classes: [road]
  sources:
    {car: [truck, bus], person: [pedestrian], cycle: [bicycle, motorcycle], road: [drivable_area]}
  ranges: {person: 40}
"""
OWN = Taxonomy(
    "own",
    (
        ObjectClass("car", 50.0, "vehicle", ("truck", "bus"), undefined_errors=("AAE",)),
        ObjectClass("person", 40.0, "pedestrian", ("pedestrian",), undefined_errors=("AAE",)),
        ObjectClass("cycle", 50.0, "cycle", ("bicycle", "motorcycle"), undefined_errors=("AAE",)),
    ),
    (MapClass("road", ("drivable_area",)),),
)


def test_five_lines_are_a_taxonomy_and_fit_the_heads(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text(FIVE_LINES)
    config = load_config("tiny", file)
    assert config.taxonomy.build() == OWN
    assert config.model.detection is not None
    assert config.model.detection.tasks == (("car",), ("person", "cycle"))
    assert config.model.map is not None
    assert config.model.map.classes == ("road",)
    again = load_config("tiny", None, [], yaml.safe_load(to_yaml(config)))
    assert again == config


@pytest.mark.parametrize("known", [NUSCENES, WAYMO, KITTI])
def test_a_name_stands_for_a_constant(known: Taxonomy) -> None:
    config = load_config("tiny", None, [f"taxonomy={known.name}"])
    assert config.taxonomy.build() is known
    assert config.model_dump(mode="json")["taxonomy"] == known.name
    assert (config.model.map is None) == (known is KITTI)
    assert config.model.detection is not None
    assert sum(config.model.detection.tasks, ()) == known.names


def test_a_configuration_without_a_taxonomy_is_nuscenes() -> None:
    tree = load_config("tiny").model_dump(mode="json")
    del tree["taxonomy"]
    assert validate_config(tree) == load_config("tiny")
    assert validate_config(tree).taxonomy.build() is NUSCENES


def test_tasks_that_are_asked_for_stay() -> None:
    settings = ["taxonomy=kitti", "model.detection.tasks=[[Cyclist], [Car]]"]
    config = load_config("tiny", None, settings)
    assert config.model.detection is not None
    assert config.model.detection.tasks == (("Cyclist",), ("Car",))


def test_translated_tasks_hold_every_class_once() -> None:
    """By the first known source; an unknown class joins the last task; empty tasks are left out."""
    tasks = (("car",), ("truck", "bus"), ("pedestrian",))
    own = Taxonomy(
        "own",
        (ObjectClass("tram"), ObjectClass("big", sources=("bus", "car")), ObjectClass("car2")),
    )
    assert translate_tasks(tasks, NUSCENES, own) == (("big",), ("tram", "car2"))
    assert translate_tasks(tasks, NUSCENES, KITTI) == (("Car",), ("Pedestrian", "Cyclist"))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["taxonomy=kiti"], "taxonomy: got 'kiti', expected nuscenes, waymo, kitti, or keys"),
        (["taxonomy.clases=[car]"], "unknown key taxonomy.clases (did you mean classes?)"),
        (["taxonomy={name: mine}"], "taxonomy mine has no classes, expected at least one"),
        (["taxonomy={name: waymo, classes: [car]}"], "name 'waymo' is that of a known taxonomy"),
        (["taxonomy={classes: [car, car]}"], "'car' belongs to the classes car and car"),
        (
            ["taxonomy={classes: [car], ranges: {bus: 3}}"],
            "ranges names 'bus', expected classes out of car",
        ),
        (
            ["taxonomy={classes: [car], sources: {bus: [car]}}"],
            "sources names 'bus', expected classes out of car",
        ),
        (["taxonomy={classes: [car], symmetric: [bus]}"], "symmetric names 'bus'"),
        (
            ["taxonomy={classes: [car], groups: {car: boat}}"],
            "taxonomy.groups.car: Input should be",
        ),
        (["taxonomy={classes: [car], ranges: {car: 0}}"], "taxonomy.ranges.car: Input should be"),
        (
            ["taxonomy={classes: [car], scoring: [nuscenes, coco]}"],
            "taxonomy.scoring.1: Input should be",
        ),
        (["taxonomy={classes: [car], scoring: [waymo]}"], "expected a tuple with 'nuscenes'"),
        (["taxonomy={classes: ['a b']}"], "got the name 'a b', expected 1 to 64 letters"),
        (["taxonomy={classes: [car], undefined_errors: {car: [X]}}"], "undefined_errors is 'X'"),
        (
            ["taxonomy=kitti", "model.detection.tasks=[[car]]"],
            "model.detection.tasks name ['car']; expected each class of taxonomy kitti at most "
            "once: "
            "Car, Pedestrian, Cyclist",
        ),
        (
            ["taxonomy=kitti", "model.map.classes=[road]"],
            "model.map.classes are ['road'], expected model.map null, as taxonomy kitti has no map",
        ),
        (
            ["taxonomy=waymo", "model.map.classes=[road]"],
            "model.map.classes are ['road'], expected those of taxonomy waymo",
        ),
    ],
)
def test_every_guard_fires(settings: list[str], message: str) -> None:
    with pytest.raises(CalicoError) as caught:
        load_config("tiny", None, settings)
    assert message in str(caught.value)


@pytest.mark.parametrize("known", [NUSCENES, WAYMO, KITTI, OWN])
def test_every_taxonomy_can_be_written_and_read(known: Taxonomy) -> None:
    """By its name where it is a constant, else by its parts, in any order of keys."""
    for one in (known, replace(known, name="other")):
        text = json.dumps(describe_taxonomy(one), sort_keys=True)
        assert read_taxonomy(json.loads(text), "file") == one
    assert read_taxonomy(None, "file") is NUSCENES
    with pytest.raises(CalicoError, match="file: its taxonomy cannot be read"):
        read_taxonomy({"classes": [3]}, "file")


def test_the_description_only_holds_a_scoring_that_is_not_the_default() -> None:
    other = describe_taxonomy(replace(WAYMO, name="other"))
    assert isinstance(other, dict)
    assert other["scoring"] == ("nuscenes", "waymo")
    assert "scoring" not in describe_taxonomy(OWN)


def test_attributes_keep_their_order_whatever_that_of_the_keys() -> None:
    """Indices follow the classes: sorted keys of a card must not change what an index means."""
    own = {"classes": ["truck", "car"], "attributes": {"truck": ["full"], "car": ["lit", "full"]}}
    shuffled = {**own, "attributes": dict(reversed(own["attributes"].items()))}
    one, other = (TaxonomyConfig.model_validate(tree).build() for tree in (own, shuffled))
    assert one == other
    assert one.attributes == ("full", "lit")
