"""Any data set's frames as a data set in the nuScenes format, e.g. the simulator's."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from calico.data.copies.folder import OutputFolder, Part
from calico.data.copies.write import (
    ego_T_file_sensor,
    encode_image,
    encode_points,
    new_token,
    pose_fields,
)
from calico.data.nuscenes.categories import DETECTION_NAMES
from calico.data.nuscenes.records import LIDAR
from calico.data.nuscenes.tables import Row
from calico.data.source import FrameSource
from calico.frame import Float64, Frame
from calico.geometry.frames import from_yaw, invert_transform, transform_points, yaw_of
from calico.taxonomy import NUSCENES, Taxonomy, names_in

VERSION = "v1.0-mini"
"""Folder of the tables; the default of data.version."""
LOG = "log"
MAP_PICTURE = "maps/none.png"
CATEGORY = {label: name for name, label in reversed(DETECTION_NAMES.items())}
Progress = Callable[[int, int], None]


def export_frames(
    sources: Mapping[str, FrameSource], out: Path, link: bool, progress: Progress | None = None
) -> None:
    """Write all frames of some sources in the nuScenes format. A killed run is completed.

    The folder gets <VERSION>/, samples/ and sweeps/. Tokens of samples are those of the frames, and
    images are PNG. The format cannot hold the map (it wants polygons, frames have masks), or
    velocities other than those that follow from positions over time.

    Args:
        sources: Name of a split, under which splits.json lists the scenes, to its frames.
        out: The folder.
        link: Whether files that are not changed are links.
        progress: Called with (frames done, frames in all). None reports no progress.

    Raises:
        CalicoError: The folder holds something else.
    """
    for source in sources.values():
        _class_names(source.taxonomy)
    identity = {
        "kind": "calico export",
        "condition": "clean",
        "source": ", ".join(source.name for source in sources.values()),
        "source_sha256": ",".join(source.content_hash() for source in sources.values()),
    }
    folder = OutputFolder(out, identity, link)
    if folder.complete:
        return
    frames = [(source, index) for source in sources.values() for index in range(len(source))]
    parts = []
    for number, (source, index) in enumerate(frames):
        part = folder.part(number)
        if part is None:
            part = Part()
            _write_frame(folder, part, source[index], source.cameras)
            folder.save_part(number, part)
        parts.append(part)
        if progress is not None:
            progress(number + 1, len(frames))
    scenes = {
        split: list(dict.fromkeys(source.info(index).scene for index in range(len(source))))
        for split, source in sources.items()
    }
    whole = Part()
    for part in parts:
        whole.files |= part.files
    tables = _linked_tables(parts)
    folder.write(whole, MAP_PICTURE, encode_image(np.zeros((1, 1, 3), np.uint8)), "tables")
    folder.write(whole, f"{VERSION}/splits.json", json.dumps(scenes).encode(), "tables")
    write_tables(folder, whole, VERSION, tables)
    folder.finish(whole, {})


def write_tables(
    folder: OutputFolder, part: Part, version: str, tables: dict[str, list[Row]]
) -> None:
    """Write tables as JSON, one row a line.

    Args:
        folder: The data set that is being written.
        part: The files are entered in it.
        version: Name of the folder of the tables.
        tables: Rows by name of the table.
    """
    for name, rows in sorted(tables.items()):
        text = "[\n" + ",\n".join(json.dumps(row) for row in rows) + "\n]\n"
        folder.write(part, f"{version}/{name}.json", text.encode(), "tables")


def _write_frame(folder: OutputFolder, part: Part, frame: Frame, cameras: Sequence[str]) -> None:
    """The files of one frame and its rows, still without prev and next."""
    rows: dict[str, list[Row]] = defaultdict(list)
    time_us = round(frame.timestamp_s * 1e6)
    rows["sample"].append({"token": frame.token, "timestamp": time_us, "scene_token": frame.scene})
    for index, pose in enumerate(frame.sweep_T):
        here = frame.sweep_index == index
        age_s = float(frame.points[here][0, 4]) if here.any() else 0.0
        name = f"{'sweeps' if index else 'samples'}/{LIDAR}/{frame.token}__{LIDAR}__{index}.pcd.bin"
        content = encode_points(
            frame.points[here],
            frame.ring[here],
            invert_transform(pose) if index else None,
            index == 0,
        )
        folder.write(part, name, content)
        mount = pose_fields(ego_T_file_sensor(frame.ego_T_lidar)) | {"camera_intrinsic": []}
        file = {
            "filename": name,
            "fileformat": "pcd",
            "is_key_frame": index == 0,
            "height": 0,
            "width": 0,
        }
        global_T_ego = frame.global_T_lidar @ pose @ invert_transform(frame.ego_T_lidar)
        _add_file(
            rows,
            frame,
            f"{LIDAR}-{index}",
            LIDAR,
            mount,
            global_T_ego,
            time_us - round(age_s * 1e6),
            file,
        )
    for view, camera in enumerate(cameras):
        image = frame.images[view]
        name = f"samples/{camera}/{frame.token}__{camera}.png"
        folder.write(part, name, encode_image(image))
        mount = pose_fields(frame.ego_T_lidar @ invert_transform(frame.camera_T_lidar[view]))
        mount["camera_intrinsic"] = frame.camera_K[view].tolist()
        file = {"filename": name, "fileformat": "png", "is_key_frame": True}
        file |= {"height": image.shape[0], "width": image.shape[1]}
        global_T_ego = frame.global_T_lidar @ invert_transform(frame.ego_T_lidar)
        _add_file(
            rows,
            frame,
            camera,
            camera,
            mount,
            global_T_ego,
            round(float(frame.camera_time_s[view]) * 1e6),
            file,
        )
    rows["sample_annotation"] = list(_annotations(frame))
    part.added = dict(rows)


def _add_file(
    rows: dict[str, list[Row]],
    frame: Frame,
    name: str,
    channel: str,
    mount: Row,
    global_T_ego: Float64,
    time_us: int,
    file: dict[str, Any],
) -> None:
    """Add the rows of one file to sample_data, ego_pose and calibrated_sensor.

    Files of one mount share a row of calibrated_sensor.
    """
    token = f"{frame.token}-{name}"
    mount_token = new_token(channel, json.dumps(mount))
    rows["calibrated_sensor"].append({"token": mount_token, "sensor_token": channel, **mount})
    rows["ego_pose"].append({"token": token, "timestamp": time_us, **pose_fields(global_T_ego)})
    rows["sample_data"].append(
        {
            "token": token,
            "sample_token": frame.token,
            "ego_pose_token": token,
            "calibrated_sensor_token": mount_token,
            "timestamp": time_us,
            **file,
        }
    )


def _annotations(frame: Frame) -> Iterator[Row]:
    """All objects of a frame, level in the global frame as nuScenes' are."""
    boxes, heading = frame.boxes, yaw_of(frame.global_T_lidar)
    names, attributes = _class_names(frame.taxonomy), frame.taxonomy.attributes
    centers = transform_points(frame.global_T_lidar, boxes.boxes[:, :3].astype(np.float64))
    for number, box in enumerate(boxes.boxes.astype(np.float64)):
        index = int(boxes.attributes[number])
        attribute = attributes[index] if index >= 0 else ""
        x, y, z = centers[number]
        instance = boxes.instances[number] if boxes.instances else f"{frame.token}-{number}"
        yield {
            "token": f"{frame.token}-{number}",
            "sample_token": frame.token,
            "instance_token": f"{frame.scene}-{instance}",
            "visibility_token": "",
            "attribute_tokens": [attribute] if attribute in NUSCENES.attributes else [],
            **pose_fields(from_yaw(box[6] + heading, (x, y, z))),
            "size": [box[4], box[3], box[5]],
            "num_lidar_pts": int(boxes.num_points[number]),
            "num_radar_pts": 0,
            "category": CATEGORY[names[int(boxes.labels[number])]],
        }


def _class_names(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name every class as nuScenes does; raises CalicoError where it has no such class."""
    return names_in(taxonomy, NUSCENES.names, "the nuScenes format")


def _linked_tables(parts: Sequence[Part]) -> dict[str, list[Row]]:
    """All tables: the rows of the frames with prev and next, and the rows that they refer to."""
    tables: dict[str, dict[str, Row]] = defaultdict(dict)
    for part in parts:
        for name, added in part.added.items():
            tables[name] |= {row["token"]: dict(row) for row in added}
    samples, boxes = tables["sample"], list(tables["sample_annotation"].values())
    channel = {token: row["sensor_token"] for token, row in tables["calibrated_sensor"].items()}
    scenes = _chain(samples.values(), lambda row: row["scene_token"])
    _chain(
        tables["sample_data"].values(),
        lambda row: (
            samples[row["sample_token"]]["scene_token"]
            + "\x1f"
            + channel[row["calibrated_sensor_token"]]
        ),
    )
    instances = _chain(
        boxes,
        lambda row: row["instance_token"],
        lambda row: samples[row["sample_token"]]["timestamp"],
    )
    result = {name: list(rows.values()) for name, rows in tables.items()}
    result["scene"] = [
        {"token": name, "name": name, "log_token": LOG, "description": "", **_ends(rows, "sample")}
        for name, rows in scenes.items()
    ]
    result["instance"] = [
        {"token": name, "category_token": rows[0]["category"], **_ends(rows, "annotation")}
        for name, rows in instances.items()
    ]
    for row in boxes:
        del row["category"]
    sensors = {
        name: "lidar" if name == LIDAR else "camera" for name in sorted(set(channel.values()))
    }
    result["sensor"] = [
        {"token": name, "channel": name, "modality": kind} for name, kind in sensors.items()
    ]
    result["category"] = [
        {"token": name, "name": name, "description": ""} for name in DETECTION_NAMES
    ]
    result["attribute"] = [
        {"token": name, "name": name, "description": ""} for name in NUSCENES.attributes
    ]
    result["visibility"] = [{"token": "", "level": "unknown", "description": "not measured"}]
    result["log"] = [
        {"token": LOG, "logfile": "", "vehicle": "", "date_captured": "", "location": "simulator"}
    ]
    result["map"] = [
        {"token": "map", "category": "semantic_prior", "log_tokens": [LOG], "filename": MAP_PICTURE}
    ]
    return result


def _chain(
    rows: Any,
    group: Callable[[Row], str],
    time: Callable[[Row], int] = lambda row: row["timestamp"],
) -> dict[str, list[Row]]:
    """Sets prev and next within each group, by time; gives back the groups."""
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in rows:
        groups[group(row)].append(row)
    for chain in groups.values():
        chain.sort(key=time)
        for number, row in enumerate(chain):
            row["prev"] = chain[number - 1]["token"] if number else ""
            row["next"] = chain[number + 1]["token"] if number + 1 < len(chain) else ""
    return groups


def _ends(rows: Sequence[Row], kind: str) -> Row:
    return {
        f"nbr_{kind}s": len(rows),
        f"first_{kind}_token": rows[0]["token"],
        f"last_{kind}_token": rows[-1]["token"],
    }
