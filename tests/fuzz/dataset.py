"""Files of a data set in the nuScenes format: every table, the splits, a map, a point cloud, an
image; and of a copy."""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

from calico.data.copies.folder import OutputFolder, Part
from calico.data.nuscenes import NuScenesSource
from calico.geometry.grid import Grid
from tests.calico.data.conftest import CAMERAS, write_tiny
from tests.fuzz import folders, waymo_v1, waymo_v2
from tests.fuzz.harness import Subject
from tests.fuzz.mutate import damage_json

VERSION = "v1.0-mini"
TABLES = (
    "attribute",
    "calibrated_sensor",
    "category",
    "ego_pose",
    "instance",
    "log",
    "sample",
    "sample_annotation",
    "sample_data",
    "scene",
    "sensor",
)
GRID = Grid(-16.0, 16.0, -16.0, 16.0, 1.0)
IDENTITY = {"kind": "calico export", "condition": "clean"}
NAMED = (
    *(f"{name}.json" for name in (*TABLES, "splits", "boston-seaport")),
    ".jpg",
    ".bin",
    "sample_data",
    VERSION,
)


def _write(folder: Path, name: str) -> Path:
    root = write_tiny(folder / "data")
    (root / VERSION / "splits.json").write_text(
        json.dumps({"train": ["scene-0061"], "val": ["scene-0103"]})
    )
    return sorted(root.glob(name))[0]


def _root(file: Path) -> Path:
    return next(folder for folder in file.parents if folder.name == "data")


def _frames(file: Path) -> list[Any]:
    """All frames of both splits, with two sweeps and maps."""
    found = []
    for split in ("train", "val"):
        source = NuScenesSource(_root(file), VERSION, split, GRID, CAMERAS, 2)
        source.content_hash()
        for index in range(len(source)):
            frame = vars(source[index])
            found.append(
                {name: vars(value) if name == "boxes" else value for name, value in frame.items()}
            )
    return [{name: value for name, value in frame.items() if name != "previous"} for frame in found]


def _copy(folder: Path) -> Path:
    copy, part = OutputFolder(folder / "copy", IDENTITY, False), Part()
    copy.write(part, "samples/a.bin", b"abc")
    copy.finish(part, {})
    return folder / "copy" / "manifest.json"


def _reopened(file: Path) -> bool:
    return OutputFolder(file.parent, IDENTITY, False).complete


def _place(name: str) -> str:
    return re.sub(r"\W+", "-", name).strip("-")


def _subject(name: str, *, damaged: bool = True) -> Subject:
    make = functools.partial(_write, name=name)
    return Subject(_place(name), make, _frames, damage_json if damaged else None, named=NAMED)


SUBJECTS = (
    *(_subject(f"{VERSION}/{table}.json") for table in TABLES),
    _subject(f"{VERSION}/splits.json"),
    _subject("maps/expansion/*.json"),
    _subject("samples/LIDAR_TOP/*", damaged=False),
    _subject("samples/CAM_FRONT/*", damaged=False),
    Subject("manifest", _copy, _reopened, damage_json, named=("manifest.json", "copy")),
    *waymo_v1.SUBJECTS,
    *waymo_v2.SUBJECTS,
    *folders.SUBJECTS,
)
