"""Files of a data folder, and of the layouts of KITTI and Argoverse 2."""

from __future__ import annotations

import functools
import io
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import feather

from calico.data.argoverse import ArgoverseSource, write_argoverse
from calico.data.folder import FolderSource, write_folder
from calico.data.folder.layout import find_taxonomy
from calico.data.kitti import KittiSource, write_kitti
from calico.data.source import FrameSource
from calico.geometry.grid import Grid
from tests.fuzz.harness import Damage, Subject
from tests.fuzz.mutate import HOSTILE, damage_bytes, damage_json, damage_yaml
from tests.hand_made import HandMade

GRID = Grid(-16.0, 16.0, -16.0, 16.0, 0.5)


def _frames(source: FrameSource) -> list[Any]:
    """Everything of all frames."""
    source.content_hash()
    found = []
    for index in range(len(source)):
        values = {name: value for name, value in vars(source[index]).items() if name != "previous"}
        found.append({**values, "boxes": vars(values["boxes"])})
    return found


def _write(folder: Path, kind: str, name: str) -> Path:
    root, frames = folder / "data", {"val": HandMade(2)}
    writers: dict[str, Callable[..., None]] = {
        "folder": write_folder,
        "kitti": write_kitti,
        "argoverse": write_argoverse,
    }
    writers[kind](frames, root)
    return sorted(root.glob(name))[0]


def _root(file: Path) -> Path:
    return next(parent for parent in file.parents if parent.name == "data")


def _read_folder(file: Path) -> object:
    root = _root(file)
    return [_frames(FolderSource(root, "val", GRID)), find_taxonomy(root)]


def _read_kitti(file: Path) -> object:
    return _frames(KittiSource(_root(file), "val"))


def _read_argoverse(file: Path) -> object:
    return _frames(ArgoverseSource(_root(file), "val"))


def _damage_table(
    rng: random.Random, content: bytes, read: Callable[..., Any], write: Callable[..., None]
) -> bytes:
    """Put a hostile value into a column, leave the column out, or change bytes."""
    if rng.random() < 0.4:
        return damage_bytes(rng, content)
    table = read(io.BytesIO(content))
    place = rng.randrange(table.num_columns)
    name = table.column_names[place]
    values: list[Any] = table[name].to_pylist()
    if rng.random() < 0.1 or not values:
        changed = table.drop_columns([name])
    else:
        values[rng.randrange(len(values))] = rng.choice(HOSTILE)
        if rng.random() < 0.3:
            values = [rng.choice(HOSTILE)] * len(values)
        try:
            changed = table.set_column(place, name, pa.array(values))
        except (pa.ArrowException, OverflowError, UnicodeEncodeError):
            return content
    stream = io.BytesIO()
    try:
        write(changed, stream)
    except pa.ArrowException:
        return content
    return stream.getvalue()


_parquet = functools.partial(_damage_table, read=pq.read_table, write=pq.write_table)
_feather = functools.partial(_damage_table, read=feather.read_table, write=feather.write_feather)


def _subject(kind: str, name: str, read: Callable[[Path], Any], damage: Damage | None) -> Subject:
    make = functools.partial(_write, kind=kind, name=name)
    place = Path(name).name.replace("*", "").replace(".", "-").strip("-")
    return Subject(f"{kind}-{place}-{Path(name).parent.name}", make, read, damage, named=("data",))


SUBJECTS = (
    *(
        _subject("folder", f"{name}.parquet", _read_folder, _parquet)
        for name in ("frames", "sweeps", "images", "boxes")
    ),
    _subject("folder", "dataset.json", _read_folder, damage_json),
    _subject("folder", "calibration/*.json", _read_folder, damage_json),
    _subject("folder", "taxonomy.yaml", _read_folder, damage_yaml),
    _subject("folder", "points/*/*.npz", _read_folder, None),
    _subject("folder", "maps/*.npz", _read_folder, None),
    _subject("folder", "images/*/*.png", _read_folder, None),
    _subject("kitti", "training/calib/*.txt", _read_kitti, None),
    _subject("kitti", "training/label_2/*.txt", _read_kitti, None),
    _subject("kitti", "training/velodyne/*.bin", _read_kitti, None),
    _subject("kitti", "ImageSets/val.txt", _read_kitti, None),
    *(
        _subject("argoverse", f"val/*/{name}.feather", _read_argoverse, _feather)
        for name in (
            "annotations",
            "city_SE3_egovehicle",
            "calibration/egovehicle_SE3_sensor",
            "calibration/intrinsics",
            "sensors/lidar/*",
        )
    ),
)
