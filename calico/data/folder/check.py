"""`calico data check` on the plain layout: tables, calibrations and every file of some splits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from itertools import combinations

import numpy as np

from calico.config.schema import Config
from calico.data.folder.index import read_index
from calico.data.folder.layout import BOXES, FRAMES, IMAGES, SWEEPS, find_taxonomy
from calico.data.folder.source import FolderSource
from calico.data.report import DataReport, Progress, count_classes
from calico.data.root import find_data_root
from calico.frame import Boxes, Frame
from calico.geometry.boxes import points_in_boxes

FEW_POINTS, LOOKED_AT = 5, 8


def check_folder(
    config: Config, splits: Mapping[str, str], report: DataReport, progress: Progress | None
) -> None:
    """Check tables and files of some splits. Every file is opened and decoded once.

    Args:
        config: Configuration of the data.
        splits: Name of each split in the data set, by its name in the report.
        report: The facts, notes and problems are added to it.
        progress: Called with (frames done, frames in all); None for no progress.
    """
    root, taxonomy = find_data_root(config), config.taxonomy.build()
    index = read_index(root)
    report.facts.append(("folder", str(root)))
    for name, table in (
        (FRAMES, index.frames),
        (SWEEPS, index.sweeps),
        (IMAGES, index.images),
        (BOXES, index.boxes),
    ):
        report.facts.append((name, f"{len(table['token'])} rows"))
    with report.collect():
        theirs = find_taxonomy(root)
        if theirs is not None and theirs != taxonomy:
            report.notes.append(
                f"taxonomy.yaml describes the classes of {theirs.name}, checked are those of "
                f"{taxonomy.name}"
            )
    strange = Counter(
        name for name in index.boxes["category"].tolist() if taxonomy.label_of(name) is None
    )
    if strange:
        shown = ", ".join(f"{name} {count}" for name, count in strange.most_common(8))
        report.notes.append(f"boxes of no class of taxonomy {taxonomy.name}: {shown}")
    if not index.has_boxes:
        report.notes.append(f"no {BOXES}: frames have no ground truth")
    if all(pose is None for pose in index.frames["global_T_ego"]):
        report.notes.append(
            "no global_T_ego in any frame: data.sweeps can only be 1, as older sweeps need it"
        )
    sources: dict[str, FolderSource] = {}
    for split, name in splits.items():
        with report.collect():
            data = config.data
            sources[split] = FolderSource(
                root,
                name,
                config.grid.map,
                data.cameras,
                data.sweeps,
                data.follow_links,
                taxonomy,
            )
    _check_overlap(sources, report)
    total, done = sum(map(len, sources.values())), 0
    for split, source in sources.items():
        check = _FrameCheck(split, source)
        for at in range(len(source)):
            with report.collect():
                check.add(source[at])
            done += 1
            if progress is not None:
                progress(done, total)
        check.finish(report)


def _check_overlap(sources: Mapping[str, FolderSource], report: DataReport) -> None:
    scenes = {
        split: {source.info(at).scene for at in range(len(source))}
        for split, source in sources.items()
    }
    for one, other in combinations(scenes, 2):
        both = sorted(scenes[one] & scenes[other])
        if both:
            report.notes.append(
                f"{', '.join(both[:5])} in both {one} and {other}: what is measured on {other} "
                f"was seen in {one}"
            )


class _FrameCheck:
    """What the frames of a split show together."""

    def __init__(self, split: str, source: FolderSource) -> None:
        self.split, self.source = split, source
        self.boxes: list[Boxes] = []
        self.counts: Counter[str] = Counter()
        self.step = max(1, len(source) // LOOKED_AT)
        self.stated = self.found = 0

    def add(self, frame: Frame) -> None:
        """Count what one frame has."""
        self.boxes.append(frame.boxes)
        self.counts["points"] += len(frame.points)
        self.counts["without points"] += not len(frame.points)
        self.counts["without rings"] += bool((frame.ring < 0).any())
        self.counts["dark"] += bool(len(frame.points) and not frame.points[:, 3].any())
        self.counts["without objects"] += not len(frame.boxes)
        self.counts["lidars"] = max(
            self.counts["lidars"], 1 if frame.lidar_T is None else len(frame.lidar_T)
        )
        if len(self.boxes) % self.step == 0:
            seen = frame.boxes.select(frame.boxes.num_points >= FEW_POINTS)
            own = frame.points[frame.sweep_index == 0]
            for number, box in zip(seen.num_points, seen.boxes, strict=True):
                self.stated += int(number)
                inside = int(points_in_boxes(own, box[None], 0.1).sum())
                self.found += min(inside, int(number))

    def finish(self, report: DataReport) -> None:
        """Add the facts, notes and problems of the split."""
        source, counts, frames = self.source, self.counts, len(self.boxes)
        scenes = len({source.info(at).scene for at in range(len(source))})
        report.facts.append((self.split, f"{source.name}: {scenes} scenes, {len(source)} frames"))
        objects = count_classes(self.boxes, source.taxonomy)
        report.facts.append((f"{self.split} objects", objects))
        maps = "yes" if source.map_grid is not None else "none"
        mean = counts["points"] // max(frames, 1)
        report.facts.append(
            (
                f"{self.split} sensors",
                f"{counts['lidars']} LiDAR, {mean} points a frame; cameras "
                f"{', '.join(source.cameras) or 'none'}; maps {maps}",
            )
        )
        for what, text in (
            ("without points", "have no points"),
            ("without rings", "have points without a ring: beams cannot be told apart"),
            ("dark", "have no intensities"),
            ("without objects", "have no objects"),
        ):
            if counts[what]:
                report.notes.append(f"{self.split}: {counts[what]} of {frames} frames {text}")
        total = sum(map(len, self.boxes))
        unknown = sum(int(np.isnan(one.boxes[:, 7:9]).any(axis=1).sum()) for one in self.boxes)
        if total and unknown > total / 2:
            report.notes.append(
                f"{self.split}: the velocity of {unknown} of {total} objects is unknown"
            )
        if total and not any(one.num_points.any() for one in self.boxes):
            report.add_problem(
                f"{self.split}: no box has a LiDAR point, so that training and metrics take no "
                "object as seen; is the frame of the boxes (boxes_in) or of the points (points_in) "
                "another one?"
            )
        if self.stated and self.found < self.stated / 2:
            report.add_problem(
                f"{self.split}: boxes hold {self.found} of the {self.stated} points that "
                "num_points counts; is the frame of the boxes (boxes_in) or of the points "
                "(points_in) another one?"
            )
