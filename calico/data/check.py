"""The check of a data set: what is there, what is missing, and what is broken or implausible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

from calico.config.schema import Config
from calico.data.nuscenes.check import check_nuscenes
from calico.data.open import Split, open_source
from calico.data.report import DataReport, Progress, count_classes
from calico.errors import CalicoError
from calico.frame import Boxes

SPLITS = ("train", "val")


def check_data(
    config: Config, splits: Sequence[str] = SPLITS, progress: Progress | None = None
) -> DataReport:
    """Check everything that splits of a configuration use.

    Every sensor file is opened and decoded once.

    Args:
        config: Names the data set (`data`) and the map grid (`grid`).
        splits: 'train' and 'val' are those of the configuration. Any other name is one of the data
            set.
        progress: Called with the pieces done and their number.
    """
    report = DataReport()
    with report.collect():
        if config.data.source == "nuscenes":
            own = {"train": config.data.train_split, "val": config.data.val_split}
            check_nuscenes(
                config, {split: own.get(split, split) for split in splits}, report, progress
            )
        else:
            _check_frames(config, splits, report, progress)
    return report


def _check_frames(
    config: Config, splits: Sequence[str], report: DataReport, progress: Progress | None
) -> None:
    """Any source through its protocol: loads the first frame of each scene of the splits."""
    unknown = [split for split in splits if split not in ("train", "val", "test")]
    if unknown:
        raise CalicoError(
            f"--split {unknown[0]}: {config.data.source} has the splits train, val and test"
        )
    sources = [open_source(config, cast(Split, split)) for split in splits]
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
