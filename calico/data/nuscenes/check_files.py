"""The check of sensor files: each is read once, and oddities of all together are reported."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np

from calico.data.nuscenes.manifest import is_corrupted_copy
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import SampleRecord, SensorRecord
from calico.data.nuscenes.sensors import FULL_INTENSITY, convert_points, read_image, read_raw_points
from calico.data.report import DataReport, Progress

FASTEST_M_S = 70.0
"""250 km/h; a vehicle that moves faster between two keyframes has poses in another unit, or of
another drive."""


def check_files(
    folder: DataFolder,
    table: Path,
    samples: Sequence[SampleRecord],
    report: DataReport,
    progress: Progress | None,
) -> None:
    """Decode every sensor file once.

    Args:
        folder: The data set.
        table: Its sample_data.json, for the messages.
        samples: Keyframes.
        report: Facts, notes and problems are added to it.
        progress: Called with (files done, files in all); None for no progress.
    """
    records = {
        record.token: record for sample in samples for record in (*sample.lidar, *sample.cameras)
    }
    counts: Counter[str] = Counter()
    any_intensity = is_corrupted_copy(folder.root)
    for done, record in enumerate(records.values(), 1):
        with report.collect():
            _check_file(folder, table, record, counts, any_intensity)
        if progress is not None:
            progress(done, len(records))
    report.facts.append(
        (
            "files",
            f"{counts['whole']} of {len(records)} whole, {counts['points']} points, "
            f"{counts['bytes'] / 1e6:.1f} MB",
        )
    )
    _note_counts(counts, report)
    _check_sizes([record for record in records.values() if record.camera_K], table, report)
    _check_speed(samples, report)


def _check_file(
    folder: DataFolder, table: Path, record: SensorRecord, counts: Counter[str], any_intensity: bool
) -> None:
    path = folder.locate(record.filename, table, record.token)
    if record.camera_K:
        read_image(path, record.token, record.size_wh)
    else:
        raw = read_raw_points(path, record.token)
        points, ring = convert_points(
            raw, f"{path} (sample_data {record.token})", record.is_key_frame, any_intensity
        )
        intensity = raw[:, 3]
        counts["sweeps"] += 1
        counts["points"] += len(points)
        counts["empty"] += len(points) == 0
        counts["one ring"] += len(points) > 1 and bool((ring == ring[0]).all())
        counts["one intensity"] += len(points) > 1 and bool(np.ptp(intensity) == 0)
        counts["too bright"] += int((intensity > FULL_INTENSITY).sum())
    counts["whole"] += 1
    counts["bytes"] += path.stat().st_size


def _note_counts(counts: Counter[str], report: DataReport) -> None:
    sweeps = counts["sweeps"]
    if counts["empty"]:
        report.notes.append(f"{counts['empty']} keyframes without a single LiDAR point")
    if counts["one ring"]:
        report.notes.append(
            f"no rings: in {counts['one ring']} of {sweeps} LiDAR sweeps all points have one ring; "
            "corruptions that drop beams "
            "need the beam of every point"
        )
    if counts["one intensity"]:
        report.notes.append(
            f"no intensities: in {counts['one intensity']} of {sweeps} LiDAR sweeps all are the "
            "same"
        )
    if counts["too bright"]:
        report.notes.append(
            f"{counts['too bright']} points have intensities above {FULL_INTENSITY:g} and are "
            "clipped"
        )


def _check_sizes(cameras: Sequence[SensorRecord], table: Path, report: DataReport) -> None:
    """Images of several sizes are legal; an optical axis outside of the image is not."""
    sizes = Counter(record.size_wh for record in cameras)
    if len(sizes) > 1:
        text = ", ".join(
            f"{width} x {height} ({count} images)"
            for (width, height), count in sorted(sizes.items())
        )
        report.notes.append(
            f"images of {len(sizes)} sizes: {text}; each is fitted to the network by its own"
        )
    for record in cameras:
        (width, height), cx, cy = record.size_wh, record.camera_K[0][2], record.camera_K[1][2]
        if not (0 <= cx < width and 0 <= cy < height):
            report.add_problem(
                f"{table}: row '{record.token}' is an image of {width} x {height} px, but its "
                "camera_intrinsic has the optical "
                f"axis at ({cx:g}, {cy:g}); expected intrinsics for this size of image"
            )


def _check_speed(samples: Iterable[SampleRecord], report: DataReport) -> None:
    """The vehicle's way between two keyframes of a scene."""
    before: SampleRecord | None = None
    fast: list[tuple[float, str]] = []
    for sample in samples:
        if before is not None and before.scene == sample.scene:
            old, new = before.lidar[0], sample.lidar[0]
            seconds = (new.timestamp_us - old.timestamp_us) * 1e-6
            way_m = float(
                np.linalg.norm(np.subtract(new.global_from_ego[:3], old.global_from_ego[:3]))
            )
            if seconds > 0 and way_m / seconds > FASTEST_M_S:
                fast.append((way_m / seconds, sample.token))
        before = sample
    if fast:
        speed, token = max(fast)
        report.notes.append(
            f"the vehicle moves at {speed:.0f} m/s before sample '{token}' ({len(fast)} keyframes "
            f"above {FASTEST_M_S:g} m/s); "
            "expected ego poses in metres, of one drive"
        )
