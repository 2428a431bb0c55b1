"""The tables of a copy hold only what its frames are made of.

So nothing of the original slips in beside them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import takewhile
from pathlib import Path

from calico.data.copies.folder import Part
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.records import LIDAR, SampleRecord, SensorRecord
from calico.data.nuscenes.splits import custom_splits
from calico.data.nuscenes.tables import FIELDS, OPTIONAL_FIELDS, Row, Tables

RowsByTable = dict[str, dict[str, Row]]


def list_own_sweeps(sample: SampleRecord) -> tuple[SensorRecord, ...]:
    """List the LiDAR files of a keyframe: its own, and older sweeps since the one before.

    So every file belongs to exactly one keyframe, the one that follows it.
    """
    return sample.lidar[:1] + tuple(
        takewhile(lambda record: not record.is_key_frame, sample.lidar[1:])
    )


def select_rows(
    tables: Tables, samples: Sequence[SampleRecord], cameras: Collection[str]
) -> RowsByTable:
    """Select the rows of every table for some keyframes (whole scenes).

    Three kinds of sample_data rows are kept: the keyframe images of `cameras`, the LiDAR files of
    `list_own_sweeps`, and all radar. `prev` and `next` skip what is left out (images between
    keyframes, other cameras, LiDAR sweeps that no frame aggregates).

    Args:
        tables: All tables.
        samples: The keyframes.
        cameras: Channels of the cameras that are kept.

    Returns:
        Rows by token, by table.
    """
    tokens = {sample.token for sample in samples}
    sweeps = {record.token for sample in samples for record in list_own_sweeps(sample)}
    rows = {name: dict(tables.rows(name)) for name in FIELDS}
    rows |= {
        name: dict(tables.rows(name)) for name in OPTIONAL_FIELDS if tables.path(name).exists()
    }
    channels = {
        token: str(
            tables.get("sensor", mount["sensor_token"], f"calibrated_sensor {token}")["channel"]
        )
        for token, mount in rows["calibrated_sensor"].items()
    }

    def wanted(row: Row) -> bool:
        channel = channels[row["calibrated_sensor_token"]]
        if channel == LIDAR:
            return row["token"] in sweeps
        return channel.startswith("RADAR") or (bool(row["is_key_frame"]) and channel in cameras)

    rows["sample"] = _only(rows["sample"], tokens)
    rows["scene"] = _only(rows["scene"], {row["scene_token"] for row in rows["sample"].values()})
    data = {
        token: row for token, row in rows["sample_data"].items() if row["sample_token"] in tokens
    }
    rows["sample_data"] = _without_gaps(data, {token for token, row in data.items() if wanted(row)})
    kept = rows["sample_data"].values()
    rows["ego_pose"] = _only(rows["ego_pose"], {row["ego_pose_token"] for row in kept})
    rows["calibrated_sensor"] = _only(
        rows["calibrated_sensor"], {row["calibrated_sensor_token"] for row in kept}
    )
    boxes = {
        token: row
        for token, row in rows["sample_annotation"].items()
        if row["sample_token"] in tokens
    }
    rows["sample_annotation"] = boxes
    rows["instance"] = _only(rows["instance"], {row["instance_token"] for row in boxes.values()})
    return rows


def list_other_files(
    tables: Tables, rows: RowsByTable, original: DataFolder, frame_files: Collection[str]
) -> list[tuple[str, Path]]:
    """List the files that no corruption changes: radar, map pictures, map expansion.

    A file that the original does not have (radar is often not fetched) is left out.

    Args:
        tables: All tables.
        rows: Rows of the copy.
        original: The folder of the original.
        frame_files: Names of the files that frames are made of.

    Returns:
        Names and places.

    Raises:
        CalicoError: A table names a file outside the data set's folder, or a link leads out of it.
    """
    named: Iterable[tuple[str, str, str]] = [
        *(("sample_data", token, row["filename"]) for token, row in rows["sample_data"].items()),
        *(("map", token, row["filename"]) for token, row in rows.get("map", {}).items()),
    ]
    places = {
        name: original.locate(name, tables.path(table), token)
        for table, token, name in named
        if name not in frame_files
    }
    for path in sorted((original.root / "maps" / "expansion").glob("*.json")):
        original.check_links(path, "map expansion")
        places[path.relative_to(original.root).as_posix()] = path
    return sorted((name, path) for name, path in places.items() if path.is_file())


def list_kept_splits(tables: Tables, rows: RowsByTable) -> dict[str, list[str]]:
    """List the splits of splits.json with the scenes that a copy holds; empty splits are left out.

    Args:
        tables: All tables.
        rows: Rows of the copy.
    """
    scenes = {row["name"] for row in rows["scene"].values()}
    kept = {
        split: [name for name in names if name in scenes]
        for split, names in custom_splits(tables.folder).items()
    }
    return {split: names for split, names in kept.items() if names}


def apply_parts(rows: RowsByTable, parts: Sequence[Part]) -> dict[str, list[Row]]:
    """Apply the changes and additions of parts to tables.

    Args:
        rows: Rows by token, by table.
        parts: What each frame changes and adds.

    Returns:
        Rows by table, in the order of `rows` and then of the parts.
    """
    result = {
        name: {token: dict(row) for token, row in table.items()} for name, table in rows.items()
    }
    for part in parts:
        for table, changes in part.changed.items():
            for token, fields in changes.items():
                result[table][token].update(fields)
        for table, added in part.added.items():
            result.setdefault(table, {}).update({row["token"]: row for row in added})
    used = {row["calibrated_sensor_token"] for row in result["sample_data"].values()}
    result["calibrated_sensor"] = _only(result["calibrated_sensor"], used)
    return {name: list(table.values()) for name, table in result.items()}


def _only(rows: dict[str, Row], tokens: Collection[str]) -> dict[str, Row]:
    return {token: row for token, row in rows.items() if token in tokens}


def _without_gaps(rows: dict[str, Row], kept: Collection[str]) -> dict[str, Row]:
    """The kept rows, whose `prev` and `next` point past those that are left out."""

    def follow(row: Row, direction: str) -> str:
        token = row.get(direction, "")
        for _ in rows:
            if not isinstance(token, str) or not token or token in kept:
                return token if isinstance(token, str) else ""
            token = rows[token].get(direction, "") if token in rows else ""
        return ""

    return {
        token: row
        | {direction: follow(row, direction) for direction in ("prev", "next") if direction in row}
        for token, row in rows.items()
        if token in kept
    }
