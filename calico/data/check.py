"""`calico data check`: what of a data set is there, what is missing, what is broken."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from calico.config.schema import Config
from calico.data.nuscenes.maps import map_path, read_map
from calico.data.nuscenes.records import LIDAR, SampleReader, SampleRecord, SensorRecord
from calico.data.nuscenes.sensors import read_image, read_points
from calico.data.nuscenes.splits import split_scenes
from calico.data.nuscenes.tables import FIELDS, Tables, safe_path
from calico.data.open import data_root, open_source
from calico.errors import CalicoError
from calico.frame import Boxes
from calico.taxonomy import CAMERAS, DETECTION_CLASSES

MAX_PROBLEMS = 20
Progress = Callable[[int, int], None]
Split = Literal["train", "val"]
SPLITS: tuple[Split, Split] = ("train", "val")


@dataclass
class DataReport:
    """What was found. facts: (name, value) pairs; notes: legal but worth knowing; problems: what keeps frames from loading."""

    facts: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether every frame can be loaded."""
        return not self.problems

    @contextmanager
    def collect(self) -> Iterator[None]:
        """Keeps what the block complains of, once."""
        try:
            yield
        except CalicoError as error:
            if str(error) not in self.problems:
                self.problems.append(str(error))

    def lines(self) -> list[str]:
        """The report as text."""
        width = max((len(name) for name, _ in self.facts), default=0)
        result = [f"{name:<{width}}  {value}" for name, value in self.facts]
        result += [f"note: {note}" for note in self.notes]
        result += [f"problem: {problem}" for problem in self.problems[:MAX_PROBLEMS]]
        if len(self.problems) > MAX_PROBLEMS:
            result.append(f"... and {len(self.problems) - MAX_PROBLEMS} more problems")
        count = len(self.problems)
        result.append("all there" if self.ok else f"{count} problem{'s' if count > 1 else ''}")
        return result


def check_data(config: Config, progress: Progress | None = None) -> DataReport:
    """Looks at everything that the two splits of a configuration use; every sensor file is opened and decoded once.

    Args:
        config: names the data set (`data`) and the map grid (`grid`).
        progress: called with the pieces done and their number.
    """
    report = DataReport()
    with report.collect():
        if config.data.source == "nuscenes":
            _check_nuscenes(config, report, progress)
        else:
            _check_frames(config, report, progress)
    return report


def _check_frames(config: Config, report: DataReport, progress: Progress | None) -> None:
    """Any source through its protocol: loads the first frame of each scene of both splits."""
    sources = [open_source(config, split) for split in SPLITS]
    firsts = [{source.info(i).scene: i for i in reversed(range(len(source)))} for source in sources]
    total, done = sum(map(len, firsts)), 0
    for split, source, scenes in zip(SPLITS, sources, firsts, strict=True):
        report.facts.append((split, f"{source.name}: {len(scenes)} scenes, {len(source)} frames"))
        boxes: list[Boxes] = []
        for index in scenes.values():
            with report.collect():
                boxes.append(source[index].boxes)
            done += 1
            if progress is not None:
                progress(done, total)
        report.facts.append((f"{split} objects", f"{_classes(boxes)} (first frame of each scene)"))
        report.facts.append((f"{split} maps", "yes" if source.map_grid is not None else "none"))
    report.facts.append(("cameras", ", ".join(sources[0].cameras)))


def _check_nuscenes(config: Config, report: DataReport, progress: Progress | None) -> None:
    root = data_root(config)
    tables = Tables(root, config.data.version)
    report.facts.append(("folder", str(tables.folder)))
    for name in FIELDS:
        with report.collect():
            report.facts.append((f"{name}.json", f"{len(tables.rows(name))} rows"))
    if not report.ok:
        return
    reader = SampleReader(tables, config.data.cameras, config.data.sweeps)
    unused = sorted(set(_channels(tables)) - {LIDAR, *config.data.cameras})
    report.facts.append(("sensors", ", ".join([LIDAR, *config.data.cameras])))
    if set(unused) & set(CAMERAS):
        report.notes.append(f"cameras of the data set that data.cameras leaves out: {', '.join(unused)}")
    samples: list[SampleRecord] = []
    for split, name in zip(SPLITS, (config.data.train_split, config.data.val_split), strict=True):
        with report.collect():
            samples += _check_split(reader, report, split, name)
    _check_maps(root, samples, report)
    _check_files(root, tables.path("sample_data"), samples, report, progress)


def _channels(tables: Tables) -> list[str]:
    return [row["channel"] for row in tables.rows("sensor").values()]


def _check_split(reader: SampleReader, report: DataReport, split: str, name: str) -> list[SampleRecord]:
    """Reads all records of a split; those that cannot be read are problems."""
    scenes = split_scenes(reader.tables.folder, name, reader.scene_names())
    samples: list[SampleRecord] = []
    for scene in scenes:
        for rows in reader.samples(scene):
            with report.collect():
                samples.append(reader.read(*rows))
    boxes = [sample.boxes for sample in samples]
    unseen = sum(int((box.num_points == 0).sum()) for box in boxes)
    bare = sum(len(box) == 0 for box in boxes)
    report.facts.append((split, f"'{name}': {len(scenes)} scenes, {len(samples)} keyframes"))
    report.facts.append((f"{split} objects", f"{_classes(boxes)}; {unseen} of them without points"))
    if bare:
        report.notes.append(f"{split}: {bare} keyframes without objects")
    short = sum(len(sample.lidar) < reader.sweeps for sample in samples)
    if short:
        report.notes.append(f"{split}: {short} keyframes with fewer than {reader.sweeps} sweeps (scenes begin there)")
    return samples


def _check_maps(root: Path, samples: Iterable[SampleRecord], report: DataReport) -> None:
    locations = sorted({sample.location for sample in samples})
    there = [location for location in locations if map_path(root, location).is_file()]
    if not there:
        report.notes.append(
            f"no map expansion ({root / 'maps' / 'expansion'}): frames have no map, map heads learn nothing"
        )
        return
    for location in locations:
        with report.collect():
            _check_map(root, location, report)


def _check_map(root: Path, location: str, report: DataReport) -> None:
    shapes = read_map(map_path(root, location)).shapes
    report.facts.append((f"map {location}", ", ".join(f"{name} {len(found)}" for name, found in shapes.items())))


def _check_files(
    root: Path, table: Path, samples: list[SampleRecord], report: DataReport, progress: Progress | None
) -> None:
    """Decodes every file once."""
    records = {record.token: record for sample in samples for record in (*sample.lidar, *sample.cameras)}
    counts: Counter[str] = Counter()
    for done, record in enumerate(records.values(), 1):
        with report.collect():
            _check_file(root, table, record, counts)
        if progress is not None:
            progress(done, len(records))
    report.facts.append(
        (
            "files",
            f"{counts['whole']} of {len(records)} whole, {counts['points']} points, {counts['bytes'] / 1e6:.1f} MB",
        )
    )
    if counts["empty"]:
        report.notes.append(f"{counts['empty']} keyframes without a single LiDAR point")


def _check_file(root: Path, table: Path, record: SensorRecord, counts: Counter[str]) -> None:
    path = safe_path(root, record.filename, table, record.token)
    if record.camera_K:
        read_image(path, record.token, record.size_wh)
    else:
        points, _ = read_points(path, record.token, allow_empty=record.is_key_frame)
        counts["points"] += len(points)
        counts["empty"] += len(points) == 0
    counts["whole"] += 1
    counts["bytes"] += path.stat().st_size


def _classes(boxes: list[Boxes]) -> str:
    counts = Counter(int(label) for box in boxes for label in box.labels)
    named = [f"{name} {counts[index]}" for index, name in enumerate(DETECTION_CLASSES) if counts[index]]
    return ", ".join(named) or "none"
