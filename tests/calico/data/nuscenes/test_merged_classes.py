"""The tiny data set, whose objects are a car, a pedestrian and an animal, in other classes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calico.config.load import load_config
from calico.data.copies.export import export_frames
from calico.data.nuscenes import NuScenesSource
from calico.data.open import open_source
from calico.errors import CalicoError
from calico.geometry.grid import Grid
from calico.taxonomy import KITTI, NUSCENES, WAYMO, MapClass, ObjectClass, Taxonomy

GRID = Grid(-32, 32, -32, 32, 0.5)
MERGED = Taxonomy(
    "merged",
    (
        ObjectClass("creature", sources=("animal",)),
        ObjectClass(
            "road_user", sources=("pedestrian", "vehicle.car"), attributes=("vehicle.moving",)
        ),
    ),
    (MapClass("ground", sources=("drivable_area", "divider")), MapClass("walkway")),
    ("vehicle.moving",),
)


def source(root: Path, taxonomy: Taxonomy, split: str = "train") -> NuScenesSource:
    return NuScenesSource(root, "v1.0-mini", split, GRID, taxonomy=taxonomy)


def test_classes_are_merged_and_categories_become_classes(tiny: Path) -> None:
    """Animals, which nuScenes has no class for, are a class here, named by their category."""
    frame = source(tiny, MERGED)[0]
    assert frame.taxonomy is MERGED
    assert frame.boxes.instances == ("object-0-0", "object-0-1", "object-0-2")
    assert frame.boxes.labels.tolist() == [1, 1, 0]
    assert frame.boxes.attributes.tolist() == [0, -1, -1]
    assert source(tiny, MERGED).labels(0).tolist() == [1, 1, 0]
    assert source(tiny, MERGED).annotations(0).taxonomy is MERGED


def test_objects_of_no_class_are_left_out(tiny: Path) -> None:
    only = Taxonomy("walkers", (ObjectClass("person", sources=("pedestrian",)),))
    frame = source(tiny, only)[0]
    assert frame.boxes.instances == ("object-0-1",)
    assert frame.boxes.attributes.tolist() == [-1]


def test_map_classes_are_unions(tiny: Path) -> None:
    whole, merged = source(tiny, NUSCENES)[0].map_masks, source(tiny, MERGED)[0].map_masks
    assert whole is not None
    assert merged is not None
    road, divider = (NUSCENES.map_names.index(name) for name in ("drivable_area", "divider"))
    assert merged.shape == (2, 128, 128)
    np.testing.assert_array_equal(merged[0], whole[road] | whole[divider])
    assert whole[road].sum() < merged[0].sum()  # the divider goes on across the hole
    assert not merged[1].any()


def test_a_taxonomy_without_map_classes_has_no_map(tiny: Path) -> None:
    kitti = source(tiny, KITTI)
    assert kitti.map_grid is None
    assert kitti[0].map_masks is None
    assert kitti[0].boxes.labels.tolist() == [0, 1]


def test_the_hash_changes_with_the_classes_and_not_with_their_absence(tiny: Path) -> None:
    plain = NuScenesSource(tiny, "v1.0-mini", "train", GRID)
    assert plain.content_hash() == source(tiny, NUSCENES).content_hash()
    renamed = Taxonomy("x", NUSCENES.classes, NUSCENES.map_classes, NUSCENES.attributes)
    for hash_of in (NuScenesSource.content_hash, NuScenesSource.labels_hash):
        assert len({hash_of(source(tiny, one)) for one in (NUSCENES, MERGED, renamed)}) == 3


def test_categories_of_a_fleet_are_read_under_its_taxonomy_only(
    tiny: Path, edit: Callable[[str, Callable[[list[dict]], object]], None]
) -> None:
    def rename(rows: list[dict]) -> None:
        rows[0]["name"] = "robotaxi"

    edit("category", rename)
    own = Taxonomy("fleet", (ObjectClass("robotaxi"),))
    assert source(tiny, own)[0].boxes.instances == ("object-0-0",)
    with pytest.raises(CalicoError, match="category 'robotaxi', which is no category of nuScenes"):
        source(tiny, NUSCENES)


def test_a_source_that_is_nowhere_is_refused(tiny: Path) -> None:
    own = Taxonomy("own", (ObjectClass("car", sources=("lorry",)),))
    with pytest.raises(CalicoError, match=r"class car of taxonomy own is made of 'lorry'"):
        source(tiny, own)
    bad_map = Taxonomy("own", (ObjectClass("car"),), (MapClass("river"),))
    with pytest.raises(CalicoError, match=r"made of 'river', and there are no such map areas"):
        source(tiny, bad_map)


def test_the_configuration_reaches_the_reader(tiny: Path) -> None:
    settings = ["taxonomy={classes: [thing], sources: {thing: [car, pedestrian]}}"]
    config = load_config("nuscenes", None, [*settings, "data.version=v1.0-mini", "data.sweeps=1"])
    config = load_config(config, None, [], {"data.root": tiny})
    frame = open_source(config, "train")[0]
    assert frame.boxes.labels.tolist() == [0, 0]
    assert frame.taxonomy.names == ("thing",)


def test_only_what_has_a_name_in_nuscenes_is_written_in_its_format(
    tmp_path: Path, tiny: Path
) -> None:
    with pytest.raises(
        CalicoError, match=r"class vehicle .* merges car, truck.* cannot be written"
    ):
        export_frames({"train": source(tiny, WAYMO)}, tmp_path / "waymo", link=False)
    export_frames({"train": source(tiny, KITTI)}, tmp_path / "kitti", link=False)
    again = NuScenesSource(tmp_path / "kitti", "v1.0-mini", "train", None)
    assert [NUSCENES.names[label] for label in again[0].boxes.labels] == ["car", "pedestrian"]
