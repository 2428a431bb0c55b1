"""`calico data check` on the Waymo Open Dataset: files, calibrations, times, points and labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np

from calico.config.schema import Config
from calico.data.report import DataReport, Progress, count_classes
from calico.data.waymo.boxes import count_points
from calico.data.waymo.records import CAMERA_NAMES, LASERS, WaymoRecord
from calico.data.waymo.segments import COMPONENTS
from calico.data.waymo.source import WaymoSource, open_split
from calico.errors import CalicoError
from calico.frame import Boxes, Float64, Frame

STEP_US = (50_000, 150_000)
"""Time between frames that is taken as one turn of the LiDAR [microseconds]."""
CAMERA_S = (-0.1, 0.3)
"""When images may be exposed, after the timestamp of their frame [s]."""
MIN_POINTS, ENOUGH_POINTS = 5, 100
"""Boxes with fewer points say nothing, nor do all boxes with fewer together."""
WRONG_SHARE, ODD_SHARE = 0.5, 0.9
_OPTIONAL = ("lidar_camera_synced_box", "stats")


@dataclass
class _Tally:
    """What the frames of a split add up to."""

    boxes: list[Boxes] = field(default_factory=list)
    conditions: dict[str, Counter[str]] = field(default_factory=dict)
    frames: int = 0
    points: int = 0
    unlabelled: int = 0
    found: int = 0
    stated: int = 0
    maps: int = 0

    def add(self, frame: Frame, compares: bool) -> None:
        """Add a frame; `compares` says whether its points are those that the labels count."""
        self.frames += 1
        self.boxes.append(frame.boxes)
        self.maps += frame.map_masks is not None
        for name in ("weather", "time_of_day", "location"):
            value = frame.conditions.get(name, "not stated")
            self.conditions.setdefault(name, Counter())[value] += 1
        own = frame.sweep_index == 0
        self.points += int(own.sum())
        if frame.unlabelled is not None:
            self.unlabelled += int(frame.unlabelled[own].sum())
        keep = frame.boxes.num_points >= MIN_POINTS
        if compares and keep.any():
            boxes = frame.boxes.boxes[keep].astype(np.float64)
            counted = count_points(frame.points[own, :3], boxes[:, :7])
            stated = frame.boxes.num_points[keep]
            self.found += int(np.minimum(counted, stated).sum())
            self.stated += int(stated.sum())


def check_waymo(
    config: Config, splits: Sequence[str], report: DataReport, progress: Progress | None
) -> None:
    """Check the files of some splits and load every keyframe.

    Args:
        config: Configuration of the data. `data.waymo.interval` chooses the keyframes.
        splits: "train", "val", "test", or names of folders.
        report: The facts, notes and problems are added to it.
        progress: Called with (frames done, frames in all), or None.
    """
    sources: dict[str, WaymoSource] = {}
    for split in splits:
        with report.collect():
            sources[split] = open_split(config, split)
    total, done = sum(map(len, sources.values())), 0
    for split, source in sources.items():
        every = sum(len(segment.timestamps_us) for segment in source.segments)
        report.facts.append(
            (
                split,
                f"{source.name}: {len(source.segments)} segments, {every} frames, "
                f"{len(source)} keyframes",
            )
        )
        _check_components(source, split, report)
        for number, segment in enumerate(source.segments):
            _check_times(segment.context, segment.timestamps_us, report)
            with report.collect():
                _check_calibrations(source.read_labels(number, 0))
        tally = _Tally()
        compares = set(source.choice.lasers) == set(LASERS)
        for index in range(len(source)):
            with report.collect():
                frame = source[index]
                _check_frame(frame, source)
                tally.add(frame, compares)
            done += 1
            if progress is not None:
                progress(done, total)
        _summarise(tally, source, split, report)
    for one, other in combinations(sources, 2):
        both = {s.context for s in sources[one].segments} & {
            s.context for s in sources[other].segments
        }
        if both:
            report.notes.append(
                f"{len(both)} segments in both {one} and {other}: what is measured on {other} was "
                f"seen in {one}"
            )
    if sources:
        report.facts.append(("LiDARs", ", ".join(config.data.waymo.lidars)))
        report.facts.append(("cameras", ", ".join(config.data.cameras) or "none"))


def _check_components(source: WaymoSource, split: str, report: DataReport) -> None:
    """Files of components that some segments lack, in version 2."""
    if source.version != "v2":
        return
    folder = source.root / source.folder
    for name in COMPONENTS:
        lacking = [
            segment.context
            for segment in source.segments
            if not (folder / name / f"{segment.context}.parquet").is_file()
        ]
        if not lacking:
            continue
        text = f"{split}: {len(lacking)} of {len(source.segments)} segments have no {name}"
        if name in _OPTIONAL:
            report.notes.append(text)
        elif name.startswith("camera_") and not source.cameras:
            continue
        else:
            report.add_problem(
                f"{text}, the first is {lacking[0]}; expected {folder / name / lacking[0]}.parquet"
            )


def _check_times(context: str, times: np.ndarray, report: DataReport) -> None:
    steps = np.diff(times)
    odd = (steps < STEP_US[0]) | (steps > STEP_US[1])
    if odd.any():
        report.notes.append(
            f"segment {context}: {int(odd.sum())} of {len(steps)} steps between frames are not "
            f"about 0.1 s, the longest is {steps.max() * 1e-6:.2f} s"
        )


def _check_calibrations(record: WaymoRecord) -> None:
    """Whether the mounts are rigid and in reach of a vehicle."""
    mounts: dict[str, Float64] = {
        f"LiDAR {LASERS[laser]}": one.vehicle_T_lidar
        for laser, one in record.lidar_calibrations.items()
    }
    mounts |= {
        f"camera {CAMERA_NAMES[camera]}": one.vehicle_T_camera
        for camera, one in record.camera_calibrations.items()
    }
    for name, mount in mounts.items():
        where = f"segment {record.context}, calibration of {name}"
        turn = mount[:3, :3]
        if not np.isfinite(mount).all() or np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3:
            raise CalicoError(f"{where}: the pose is not rigid, expected a rotation and a shift")
        away = float(np.linalg.norm(mount[:3, 3]))
        if away > 10:
            raise CalicoError(
                f"{where}: stands {away:.1f} m from the vehicle's origin, expected at most 10 m"
            )


def _check_frame(frame: Frame, source: WaymoSource) -> None:
    turn = frame.global_T_lidar[:3, :3]
    if np.abs(turn @ turn.T - np.eye(3)).max() > 1e-3:
        raise CalicoError(
            f"frame {frame.token}: the pose of the vehicle is not rigid, expected a rotation and a "
            "shift"
        )
    delays = frame.camera_time_s - frame.timestamp_s
    for view, delay in enumerate(delays):
        if not CAMERA_S[0] <= delay <= CAMERA_S[1]:
            raise CalicoError(
                f"frame {frame.token}, camera {source.cameras[view]}: the image is taken "
                f"{delay:.2f} s after the timestamp of the frame; expected {CAMERA_S[0]} to "
                f"{CAMERA_S[1]} s"
            )
    silent = [
        source.settings.lidars[laser]
        for laser in range(len(source.choice.lasers))
        if not _points_of(frame, laser)
    ]
    if silent:
        raise CalicoError(
            f"frame {frame.token}: LiDAR {silent[0]} has no point; expected returns of every LiDAR "
            "of data.waymo.lidars"
        )


def _points_of(frame: Frame, laser: int) -> int:
    own = frame.sweep_index == 0
    if frame.lidar_index is not None:
        own &= frame.lidar_index == laser
    return int(own.sum())


def _summarise(tally: _Tally, source: WaymoSource, split: str, report: DataReport) -> None:
    if not tally.frames:
        return
    boxes = tally.boxes
    total = sum(map(len, boxes))
    unseen = sum(int((one.num_points == 0).sum()) for one in boxes)
    report.facts.append(
        (
            f"{split} objects",
            f"{count_classes(boxes, source.taxonomy)}; {unseen} of them without points",
        )
    )
    for name, counts in tally.conditions.items():
        listed = ", ".join(f"{value} {count}" for value, count in sorted(counts.items()))
        report.facts.append((f"{split} {name.replace('_', ' ')}", listed))
    report.facts.append(
        (
            f"{split} points",
            f"{tally.points / tally.frames:.0f} a frame, "
            f"{100 * tally.unlabelled / max(tally.points, 1):.1f} % in zones without labels",
        )
    )
    report.facts.append((f"{split} maps", f"{tally.maps} of {tally.frames} keyframes"))
    unknown = sum(int(np.isnan(one.boxes[:, 7:9]).any(axis=1).sum()) for one in boxes)
    if total and unknown > total / 2:
        report.notes.append(f"{split}: the velocity of {unknown} of {total} objects is unknown")
    bare = sum(len(one) == 0 for one in boxes)
    if bare:
        report.notes.append(f"{split}: {bare} keyframes without objects")
    _judge_counts(tally, split, report)


def _judge_counts(tally: _Tally, split: str, report: DataReport) -> None:
    """Compare the points in boxes with the numbers that the labels state."""
    if tally.stated < ENOUGH_POINTS:
        return
    share = tally.found / tally.stated
    text = f"{100 * share:.1f} % of those that the labels count"
    report.facts.append((f"{split} points in boxes", text))
    if share < WRONG_SHARE:
        report.add_problem(
            f"{split}: only {text} lie in the boxes; expected range images, calibrations, poses "
            "and labels of the same segment"
        )
    elif share < ODD_SHARE:
        report.notes.append(f"{split}: {text} lie in the boxes")
