"""`calico data check` on the nuScenes format: tables, splits, maps and files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from calico.config.schema import Config
from calico.data.nuscenes.check_files import check_files
from calico.data.nuscenes.check_points import check_points_in_boxes
from calico.data.nuscenes.check_tables import check_tables
from calico.data.nuscenes.maps import map_path, read_map
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import LIDAR, SampleReader, SampleRecord
from calico.data.nuscenes.source import find_map
from calico.data.nuscenes.splits import custom_splits, split_scenes
from calico.data.nuscenes.tables import FIELDS, Tables
from calico.data.report import DataReport, Progress, count_classes
from calico.data.root import find_data_root
from calico.taxonomy import CAMERAS


def check_nuscenes(
    config: Config, splits: Mapping[str, str], report: DataReport, progress: Progress | None
) -> None:
    """Check tables and files of some splits.

    Args:
        config: Configuration of the data.
        splits: Name of each split in the data set, by its name in the report.
        report: The facts, notes and problems are added to it.
        progress: Called with (files done, files in all); None for no progress.
    """
    folder = DataFolder(find_data_root(config), config.data.follow_links)
    tables = Tables(folder.root, config.data.version)
    report.facts.append(("folder", str(tables.folder)))
    for name in FIELDS:
        with report.collect():
            report.facts.append((f"{name}.json", f"{len(tables.rows(name))} rows"))
    if not report.ok:
        return
    taxonomy = config.taxonomy.build()
    check_tables(tables, report, taxonomy)
    reader = SampleReader(tables, config.data.cameras, config.data.sweeps, taxonomy)
    unused = sorted(
        {row["channel"] for row in tables.rows("sensor").values()} - {LIDAR, *config.data.cameras}
    )
    report.facts.append(("sensors", ", ".join([LIDAR, *config.data.cameras])))
    if set(unused) & set(CAMERAS):
        report.notes.append(
            f"cameras of the data set that data.cameras leaves out: {', '.join(unused)}"
        )
    _check_split_file(tables, reader.scene_names(), report)
    of_split: dict[str, list[SampleRecord]] = {}
    for split, name in splits.items():
        with report.collect():
            of_split[split] = _read_split(reader, report, split, name)
    for one, other in combinations(of_split, 2):
        both = sorted(
            {sample.scene for sample in of_split[one]}
            & {sample.scene for sample in of_split[other]}
        )
        if both:
            report.notes.append(
                f"{', '.join(both)} in both {one} and {other}: what is measured on {other} was "
                f"seen in {one}"
            )
    samples = list(
        {sample.token: sample for found in of_split.values() for sample in found}.values()
    )
    _check_maps(folder, samples, report)
    table = tables.path("sample_data")
    check_files(folder, table, samples, report, progress)
    for split, found in of_split.items():
        check_points_in_boxes(folder, table, split, found, report)


def _check_split_file(tables: Tables, scenes: Iterable[str], report: DataReport) -> None:
    """Names of splits.json that the scene table lacks, and names that stand there twice."""
    with report.collect():
        there = set(scenes)
        for split, names in custom_splits(tables.folder).items():
            missing = sorted(set(names) - there)
            twice = sorted({name for name in names if names.count(name) > 1})
            where = f"{tables.folder / 'splits.json'}: split '{split}'"
            if missing:
                report.notes.append(
                    f"{where} lists scenes that the tables lack: {', '.join(missing[:5])}"
                )
            if twice:
                report.notes.append(f"{where} lists scenes twice: {', '.join(twice[:5])}")


def _read_split(
    reader: SampleReader, report: DataReport, split: str, name: str
) -> list[SampleRecord]:
    """Reads all records of a split; those that cannot be read are problems."""
    scenes = split_scenes(reader.tables.folder, name, reader.scene_names())
    samples: list[SampleRecord] = []
    for scene in scenes:
        with report.collect():
            for rows in reader.samples(scene):
                with report.collect():
                    samples.append(reader.read(*rows))
    boxes = [sample.boxes for sample in samples]
    unseen = sum(int((box.num_points == 0).sum()) for box in boxes)
    bare = sum(len(box) == 0 for box in boxes)
    report.facts.append((split, f"'{name}': {len(scenes)} scenes, {len(samples)} keyframes"))
    report.facts.append(
        (
            f"{split} objects",
            f"{count_classes(boxes, reader.taxonomy)}; {unseen} of them without points",
        )
    )
    if bare:
        report.notes.append(f"{split}: {bare} keyframes without objects")
    total = sum(map(len, boxes))
    if total and unseen == total:
        report.add_problem(
            f"{split}: num_lidar_pts and num_radar_pts are 0 in all {total} boxes, so that "
            "training and metrics take no object "
            "as seen; expected the numbers of points in the boxes"
        )
    unknown = sum(int((box.boxes[:, 7:9] != box.boxes[:, 7:9]).any(axis=1).sum()) for box in boxes)
    if total and unknown > total / 2:
        report.notes.append(
            f"{split}: the velocity of {unknown} of {total} objects is unknown (single "
            "annotations, or more than 1.5 s apart)"
        )
    short = sum(len(sample.lidar) < reader.sweeps for sample in samples)
    if short:
        report.notes.append(
            f"{split}: {short} keyframes with fewer than {reader.sweeps} sweeps (scenes begin "
            "there)"
        )
    return samples


def _check_maps(folder: DataFolder, samples: Iterable[SampleRecord], report: DataReport) -> None:
    locations = sorted({sample.location for sample in samples})
    if not locations:
        return  # no frame could be read, and that is said
    there = [location for location in locations if map_path(folder.root, location).exists()]
    if not there:
        report.notes.append(
            f"no map expansion ({folder.root / 'maps' / 'expansion'}): frames have no map, map "
            "heads learn nothing"
        )
        return
    for location in locations:
        with report.collect():
            shapes = read_map(find_map(folder, location)).shapes
            text = ", ".join(f"{name} {len(found)}" for name, found in shapes.items())
            report.facts.append((f"map {location}", text))
