"""The constants against numbers written here by hand, the guards, and who may name nuScenes."""

from __future__ import annotations

import ast
import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from calico.config.taxonomy import describe_taxonomy, read_taxonomy
from calico.errors import CalicoError
from calico.taxonomy import (
    KITTI,
    NUSCENES,
    TAXONOMIES,
    WAYMO,
    MapClass,
    ObjectClass,
    Taxonomy,
    names_in,
)

ROOT = Path(__file__).parents[2]


def test_nuscenes() -> None:
    assert NUSCENES.names == (
        "car", "truck", "bus", "trailer", "construction_vehicle",
        "pedestrian", "motorcycle", "bicycle", "traffic_cone", "barrier",
    )  # fmt: skip
    assert NUSCENES.map_names == (
        "drivable_area", "ped_crossing", "walkway", "stop_line", "carpark_area", "divider",
    )  # fmt: skip
    assert len(NUSCENES.attributes) == 8
    assert list(NUSCENES.ranges().values()) == [50] * 5 + [40] * 3 + [30] * 2
    assert [one.symmetric for one in NUSCENES.classes] == [False] * 9 + [True]
    assert NUSCENES.labels_in("vehicle") == (0, 1, 2)
    assert NUSCENES.target == 0
    assert {one.min_overlap for one in NUSCENES.classes} == {0.5}
    undefined = {one.name: one.undefined_errors for one in NUSCENES.classes if one.undefined_errors}
    assert undefined == {"traffic_cone": ("AOE", "AVE", "AAE"), "barrier": ("AVE", "AAE")}


def test_waymo() -> None:
    assert WAYMO.names == ("vehicle", "pedestrian", "cyclist")
    assert [one.min_overlap for one in WAYMO.classes] == [0.7, 0.5, 0.5]
    assert set(WAYMO.ranges().values()) == {75.0}
    assert len(WAYMO.map_names) == 5
    assert WAYMO.map_names[:2] == ("drivable_area", "ped_crossing")
    assert [WAYMO.label_of(name) for name in ("motorcycle", "trailer", "bicycle")] == [0, 0, 2]
    assert WAYMO.label_of("traffic_cone") is None
    assert WAYMO.scoring == ("nuscenes", "waymo")
    assert NUSCENES.scoring == KITTI.scoring == ("nuscenes",)


def test_kitti() -> None:
    assert KITTI.names == ("Car", "Pedestrian", "Cyclist")
    assert [one.min_overlap for one in KITTI.classes] == [0.7, 0.5, 0.5]
    assert KITTI.ranges() == {"Car": 70.4, "Pedestrian": 48.0, "Cyclist": 48.0}
    assert KITTI.map_names == KITTI.attributes == ()
    assert all({"AVE", "AAE"} == set(one.undefined_errors) for one in KITTI.classes)
    assert (KITTI.label_of("car"), KITTI.label_of("Car"), KITTI.label_of("truck")) == (0, 0, None)


def test_the_constants_are_found_by_their_names() -> None:
    assert TAXONOMIES == {"nuscenes": NUSCENES, "waymo": WAYMO, "kitti": KITTI}


def test_ranges_are_clipped() -> None:
    assert list(NUSCENES.ranges(35.0).values()) == [35] * 8 + [30] * 2
    with pytest.raises(CalicoError, match="clip_to_m: got 0, expected a positive number"):
        NUSCENES.ranges(0)


def test_default_attributes() -> None:
    """Slow and moving; -1 for a class without attributes; the only one of a class that has one."""
    names = [
        tuple(NUSCENES.attributes[i] if i >= 0 else "" for i in pair)
        for pair in NUSCENES.default_attributes()
    ]
    assert names[0] == ("vehicle.parked", "vehicle.moving")
    assert names[2] == ("vehicle.stopped", "vehicle.moving")
    assert names[7] == ("cycle.without_rider", "cycle.with_rider")
    assert names[8] == ("", "")
    lamp = Taxonomy(
        "lamps", (ObjectClass("lamp", attributes=("lit",)),), attributes=("dark", "lit")
    )
    assert lamp.default_attributes() == [(1, 1)]
    assert (lamp.attribute_of("dark"), lamp.attribute_of("green")) == (0, -1)


def test_a_taxonomy_without_vehicles_has_no_target() -> None:
    assert Taxonomy("walkers", (ObjectClass("walker", group="pedestrian"),)).target is None


def test_a_taxonomy_is_a_value() -> None:
    """Equal, hashable and the same after a trip to a worker process."""
    again = pickle.loads(pickle.dumps(WAYMO))
    assert again == WAYMO
    assert hash(again) == hash(WAYMO)
    assert replace(WAYMO, name="mine") != WAYMO


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"classes": ()}, "taxonomy own: has no classes, expected at least one"),
        (
            {"classes": tuple(ObjectClass(f"c{i}") for i in range(101))},
            "101 classes, expected at most",
        ),
        (
            {"classes": (ObjectClass("car"), ObjectClass("van", sources=("car",)))},
            "'car' belongs to the classes car and van; expected each name in one class",
        ),
        (
            {"classes": (ObjectClass("road"),), "map_classes": (MapClass("road"),)},
            "'road' belongs to the classes road and road",
        ),
        ({"classes": (ObjectClass("a/b"),)}, "got the name 'a/b', expected 1 to 64 letters"),
        ({"classes": (ObjectClass(""),)}, "got the name '', expected"),
        ({"name": "a b"}, "taxonomy: got the name 'a b', expected"),
        ({"classes": (ObjectClass("a", range_m=0.0),)}, "class a: range_m is 0.0, expected metres"),
        ({"classes": (ObjectClass("a", range_m=float("nan")),)}, "range_m is nan"),
        ({"classes": (ObjectClass("a", min_overlap=0.0),)}, "min_overlap is 0.0, expected above 0"),
        (
            {"classes": (ObjectClass("a", group="boat"),)},
            "group is 'boat', expected some of vehicle",
        ),
        ({"classes": (ObjectClass("a", attributes=("on",)),)}, "attributes is 'on', expected none"),
        (
            {"classes": (ObjectClass("a", undefined_errors=("XYZ",)),)},
            "undefined_errors is 'XYZ', expected some of ATE",
        ),
        ({"classes": (ObjectClass("a", undefined_errors=("ATE",)),)}, "ATE, which every box has"),
        ({"attributes": ("on", "on")}, "name one twice"),
        ({"scoring": ("waymo",)}, "scoring is ('waymo',), expected a tuple with 'nuscenes'"),
        ({"scoring": ("nuscenes", "coco")}, "perhaps others of nuscenes, waymo, each once"),
        ({"scoring": ("nuscenes", "nuscenes")}, "each once"),
        ({"scoring": ["nuscenes"]}, "expected a tuple"),
    ],
)
def test_what_contradicts_itself_is_refused(fields: dict[str, object], message: str) -> None:
    given: dict[str, object] = {"name": "own", "classes": (ObjectClass("car"),), **fields}
    with pytest.raises(CalicoError) as caught:
        Taxonomy(**given)  # type: ignore[arg-type]
    assert message in str(caught.value)


def test_sources_that_the_data_lack_are_refused() -> None:
    taxonomy = Taxonomy("own", (ObjectClass("car", sources=("lorry",)),))
    with pytest.raises(CalicoError, match=r"data: class car .* made of 'lorry'.* out of car, bus"):
        taxonomy.check_sources(["car", "bus"], [], "data")
    with pytest.raises(CalicoError, match=r"class car of taxonomy own is made of 'car'"):
        Taxonomy("own", (ObjectClass("car"),)).check_sources(["bus"], [], "data")
    with pytest.raises(CalicoError, match=r"class tram .* there are no such map areas"):
        Taxonomy("own", (ObjectClass("car"),), (MapClass("tram"),)).check_sources(["car"], [], "x")
    taxonomy.check_sources(["lorry"], [], "data")


def test_translation_into_other_names() -> None:
    assert names_in(KITTI, NUSCENES.names, "a submission") == ("car", "pedestrian", "bicycle")
    with pytest.raises(
        CalicoError, match=r"a submission holds .* class vehicle .* merges car, truck"
    ):
        names_in(WAYMO, NUSCENES.names, "a submission")
    with pytest.raises(CalicoError, match=r"class tram of taxonomy own is none of them"):
        names_in(Taxonomy("own", (ObjectClass("tram"),)), NUSCENES.names, "a submission")


MAY_NAME_NUSCENES = {
    "calico/__init__.py": "names it for `from calico import NUSCENES`",
    "calico/taxonomy.py": "defines it",
    "calico/config/model.py": "default of configurations that name no taxonomy",
    "calico/config/taxonomy.py": "files of before; groups of nuScenes' names",
    "calico/frame.py": "default of frames that name none",
    "calico/data/folder/source.py": "default of folders that name none",
    "calico/data/sim/source.py": "default, and the cache keys of before",
    "calico/data/nuscenes/annotations.py": "reader",
    "calico/data/nuscenes/categories.py": "reader",
    "calico/data/copies/export.py": "writer of the format",
    "calico/data/nuscenes/records.py": "reader",
    "calico/data/nuscenes/source.py": "reader, and the hashes of before",
    "calico/train/log.py": "the digests of runs of before",
    "calico_eval/evaluation/resume.py": "the identity of runs of before",
    "calico_eval/engines/torch.py": "the digests of models of before",
    "calico_eval/metrics/from_boxes.py": "default of arrays that name none",
    "calico_eval/metrics/matching.py": "default of statistics that name none",
    "calico_eval/metrics/nuscenes.py": "nuScenes' ranges",
    "calico_eval/metrics/segmentation.py": "default of statistics that name none",
    "calico_eval/metrics/suffstats.py": "files of before",
    "calico_eval/submission.py": "writer of the format",
    "calico_eval/submission_reading.py": "reader of the format",
}
"""Modules that import NUSCENES, and why."""


def test_no_other_module_knows_nuscenes_classes() -> None:
    """Nobody else imports NUSCENES, and nobody at all has a list of the class names of its own."""
    importers, lists = set(), []
    for file in sorted(ROOT.glob("*/**/*.py")):
        path = file.relative_to(ROOT).as_posix()
        if path.split("/")[0] not in ("calico", "calico_eval", "corruptions", "reports"):
            continue
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module == "calico.taxonomy":
                names = {alias.name for alias in node.names}
                importers |= {path} if "NUSCENES" in names else set()
            if isinstance(node, ast.List | ast.Tuple | ast.Set):
                words = {one.value for one in node.elts if isinstance(one, ast.Constant)}
                if len(words & {*NUSCENES.names, *NUSCENES.map_names}) > 3:
                    lists.append(path)
    assert importers - set(MAY_NAME_NUSCENES) == set()
    others = [path for path in lists if not path.startswith("calico/data/sim/")]
    allowed = {"calico/taxonomy.py", "calico/config/model.py", "calico/config/presets.py"}
    assert set(others) <= allowed  # tasks of presets; the simulator lists what it can draw


def test_a_taxonomy_is_equal_to_itself_after_a_file() -> None:
    plain = Taxonomy("mine", (ObjectClass("car", sources=("car", "truck")),))
    assert plain.classes[0].undefined_errors == ("AAE",)  # it has no attributes
    assert plain.classes[0].sources == ("truck",)
    assert read_taxonomy(describe_taxonomy(plain), "file") == plain


def test_a_known_name_means_the_known_classes() -> None:
    with pytest.raises(CalicoError, match="nuscenes: the name is that of a known taxonomy"):
        replace(NUSCENES, classes=NUSCENES.classes[:2])


_TEXT: Any = "truck"


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        (("car",), "classes is .*expected a tuple of ObjectClass"),
        ([ObjectClass("car")], "classes is .*expected a tuple of ObjectClass"),
        ((ObjectClass("car", sources=_TEXT),), "car: sources is 'truck', expected a tuple"),
    ],
)
def test_mistakes_of_callers_are_named(classes: Any, message: str) -> None:
    with pytest.raises(CalicoError, match=message):
        Taxonomy("mine", classes)
