"""The check of a data set: what is there, what is missing, and what is broken or implausible."""

from __future__ import annotations

from collections.abc import Sequence

from calico.config.schema import Config
from calico.data.nuscenes.check import check_nuscenes
from calico.data.nuscenes.manifest import MANIFEST
from calico.data.nuscenes.splits import split_scenes
from calico.data.nuscenes.tables import Tables
from calico.data.open import open_named
from calico.data.report import DataReport, Progress, count_classes
from calico.data.root import find_data_root
from calico.errors import CalicoError
from calico.frame import Boxes

SPLITS = ("train", "val")


def check_data(
    config: Config, splits: Sequence[str] | None = None, progress: Progress | None = None
) -> DataReport:
    """Check everything that splits of a configuration use.

    Every sensor file is opened and decoded once.

    Args:
        config: Names the data set (`data`) and the map grid (`grid`).
        splits: 'train' and 'val' are those of the configuration. Any other name is one of the data
            set. Default: train and val, but for a copy only those that it was made of.
        progress: Called with the pieces done and their number.
    """
    report = DataReport()
    with report.collect():
        if splits is None:
            splits = _choose_splits(config, report)
        own = {"train": config.data.train_split, "val": config.data.val_split}
        names = {split: own.get(split, split) for split in splits}
        if config.data.source == "nuscenes":
            check_nuscenes(config, names, report, progress)
        elif config.data.source == "folder":
            from calico.data.folder.check import check_folder

            check_folder(config, names, report, progress)
        elif config.data.source == "waymo":
            from calico.data.waymo.check import check_waymo

            check_waymo(config, splits, report, progress)
        else:
            _check_frames(config, splits, report, progress)
    return report


def _choose_splits(config: Config, report: DataReport) -> Sequence[str]:
    """Choose train and val, but for a copy (`calico.data.copies`) only those that it holds."""
    if config.data.source != "nuscenes":
        return SPLITS
    root = find_data_root(config)
    if not (root / MANIFEST).is_file():
        return SPLITS
    tables = Tables(root, config.data.version)
    scenes = [row["name"] for row in tables.rows("scene").values()]
    there = []
    for split, name in (("train", config.data.train_split), ("val", config.data.val_split)):
        try:
            split_scenes(tables.folder, name, scenes)
        except CalicoError:
            continue
        there.append(split)
    left_out = [split for split in SPLITS if there and split not in there]
    for split in left_out:
        report.notes.append(f"{split}: the copy was made without it, so it is not checked")
    return there or SPLITS


def _check_frames(
    config: Config, splits: Sequence[str], report: DataReport, progress: Progress | None
) -> None:
    """Any source through its protocol: loads the first frame of each scene of the splits."""
    sources = [open_named(config, split) for split in splits]
    firsts = [{source.info(i).scene: i for i in reversed(range(len(source)))} for source in sources]
    total, done = sum(map(len, firsts)), 0
    for split, source, scenes in zip(splits, sources, firsts, strict=True):
        report.facts.append((split, f"{source.name}: {len(scenes)} scenes, {len(source)} frames"))
        boxes: list[Boxes] = []
        for index in scenes.values():
            with report.collect():
                boxes.append(source[index].boxes)
            done += 1
            if progress is not None:
                progress(done, total)
        report.facts.append(
            (
                f"{split} objects",
                f"{count_classes(boxes, source.taxonomy)} (first frame of each scene)",
            )
        )
        report.facts.append((f"{split} maps", "yes" if source.map_grid is not None else "none"))
    report.facts.append(("cameras", ", ".join(sources[0].cameras)))
