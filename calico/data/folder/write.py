"""Frames of any data set as a data folder."""

from __future__ import annotations

import contextlib
import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np
from PIL import Image

from calico.data.folder.calibration import Calibration, CameraMount, LidarMount
from calico.data.folder.layout import (
    BOXES,
    COLUMNS,
    CONDITION,
    DATASET,
    FRAMES,
    IMAGES,
    LIDAR,
    SWEEPS,
    TAXONOMY,
    Description,
    write_taxonomy,
)
from calico.data.folder.masks import encode_masks
from calico.data.folder.points import Cloud, encode_cloud
from calico.data.folder.tables import Column
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import file_name, open_atomic, read_bytes, write_atomic
from calico.frame import Boxes, Float64, Frame, UInt8
from calico.geometry.frames import invert_transform

Progress = Callable[[int, int], None]
Rows = dict[str, list[dict[str, Any]]]
ROWS_A_GROUP = 1 << 14
MAX_IMAGE_BYTES = 256 << 20


def write_folder(
    sources: FrameSource | Mapping[str, FrameSource],
    out: Path,
    *,
    name: str = "",
    progress: Progress | None = None,
) -> None:
    """Write all frames of a source in the plain layout.

    Points are written in the LiDAR frame, by sweep and LiDAR. Images that the source keeps as JPEG
    or PNG files are copied, others become PNG. The tables appear at the end, and dataset.json last.

    Args:
        sources: A source by name of the split. A single one is the split "val".
        out: The folder, which exists or is made.
        name: Name of the data set, by default that of the first source.
        progress: Called with (frames done, frames in all); None for no progress.

    Raises:
        CalicoError: The sources differ in taxonomy or map grid, or two frames have one token.

    Example:
        >>> write_folder({"train": open_data("sim", "train"), "val": open_data("sim")}, Path("out"))
    """
    require_extra("writing a data folder", "folder")
    splits = dict(sources) if isinstance(sources, Mapping) else {"val": sources}
    if not splits:
        raise CalicoError("write_folder: got no source, expected at least one")
    first = next(iter(splits.values()))
    for source in splits.values():
        for what in ("taxonomy", "map_grid"):
            if getattr(source, what) != getattr(first, what):
                raise CalicoError(
                    f"write_folder: {source.name} and {first.name} differ in {what}, expected the "
                    "same in all splits of a data set"
                )
    out.mkdir(parents=True, exist_ok=True)
    total, done, tokens = sum(map(len, splits.values())), 0, set()
    with _open_tables(out) as tables:
        for split, source in splits.items():
            for index in range(len(source)):
                frame = source[index]
                if frame.token in tokens:
                    raise CalicoError(f"write_folder: two frames have the token '{frame.token}'")
                tokens.add(frame.token)
                tables.add(_write_frame(out, split, frame, source, index))
                done += 1
                if progress is not None:
                    progress(done, total)
    classes = first.taxonomy.map_names if first.map_grid is not None else ()
    described = Description(name or first.name, "lidar", first.map_grid, classes)
    write_atomic(out / TAXONOMY, write_taxonomy(first.taxonomy))
    write_atomic(out / DATASET, described.to_text())


def split_clouds(frame: Frame) -> Iterator[tuple[int, int, float, Cloud]]:
    """Split the points of a frame by sweep and LiDAR.

    Args:
        frame: Any frame.

    Yields:
        Sweep, number of the LiDAR, age of the sweep [s], and its points in the LiDAR frame at the
        sweep's time. The points of the frame's own sweep keep their bits.
    """
    lidars = np.zeros(len(frame.points), np.int16)
    if frame.lidar_index is not None:
        lidars = frame.lidar_index
    count = 1 if frame.lidar_T is None else len(frame.lidar_T)
    for sweep in range(max(len(frame.sweep_T), 1)):
        for lidar in range(count):
            rows = np.flatnonzero((frame.sweep_index == sweep) & (lidars == lidar))
            points = frame.points[rows]
            age_s = float(points[:, 4].min()) if sweep and len(points) else 0.0
            xyz = points[:, :3]
            if sweep:
                back = invert_transform(frame.sweep_T[sweep])
                xyz = (xyz.astype(np.float64) @ back[:3, :3].T + back[:3, 3]).astype(np.float32)
            yield (
                sweep,
                lidar,
                age_s,
                Cloud(
                    xyz,
                    np.ascontiguousarray(points[:, 3]),
                    frame.ring[rows].astype(np.int16),
                    points[:, 4] - np.float32(age_s),
                    None if frame.elongation is None else frame.elongation[rows],
                    None if frame.unlabelled is None else frame.unlabelled[rows],
                ),
            )


def calibration_of(frame: Frame, cameras: tuple[str, ...]) -> Calibration:
    """Make the calibration of a frame, in which the cameras stand where they were when exposed.

    Args:
        frame: Any frame.
        cameras: Names of its V cameras.
    """
    poses = [np.eye(4)] if frame.lidar_T is None else list(frame.lidar_T)
    names = [LIDAR] if len(poses) == 1 else [f"{LIDAR}_{number}" for number in range(len(poses))]
    lidars = tuple(
        LidarMount(name, frame.ego_T_lidar @ pose, "lidar")
        for name, pose in zip(names, poses, strict=True)
    )
    return Calibration(
        frame.ego_T_lidar,
        lidars,
        tuple(
            CameraMount(
                name,
                frame.ego_T_lidar @ invert_transform(frame.camera_T_lidar[view]),
                frame.camera_K[view],
                (frame.images[view].shape[1], frame.images[view].shape[0]),
            )
            for view, name in enumerate(cameras)
        ),
    )


def _write_frame(out: Path, split: str, frame: Frame, source: FrameSource, index: int) -> Rows:
    """Write the files of a frame and return its rows."""
    cameras = source.cameras[: len(frame.images)]
    rig = calibration_of(frame, cameras)
    stem, rows = file_name(frame.token), Rows()
    text = rig.to_text()
    calibration = f"calibration/{hashlib.sha256(text.encode()).hexdigest()[:16]}.json"
    if not (out / calibration).exists():
        _write(out / calibration, text.encode())
    row: dict[str, Any] = {
        "token": frame.token,
        "scene": frame.scene,
        "timestamp_s": frame.timestamp_s,
        "split": split,
        "global_T_ego": _flat(frame.global_T_lidar @ invert_transform(frame.ego_T_lidar)),
        "calibration": calibration,
        "map": None,
        **{CONDITION + name: value for name, value in frame.conditions.items()},
    }
    if frame.map_masks is not None and source.map_grid is not None:
        masks = f"maps/{stem}.npz"
        _write(out / masks, encode_masks(frame.map_masks, frame.map_known))
        row["map"] = masks
    rows[FRAMES] = [row]
    rows[SWEEPS] = list(_write_points(out, stem, frame, rig))
    rows[IMAGES] = list(_write_images(out, stem, frame, cameras, _image_files(source, index)))
    rows[BOXES] = list(_box_rows(frame))
    return rows


def _write_points(out: Path, stem: str, frame: Frame, rig: Calibration) -> Iterator[dict[str, Any]]:
    for sweep, lidar, age_s, cloud in split_clouds(frame):
        name = rig.lidars[lidar].name
        path = f"points/{name}/{stem}{f'-{sweep}' if sweep else ''}.npz"
        _write(out / path, encode_cloud(cloud))
        pose = None
        if sweep:
            then = frame.global_T_lidar @ frame.sweep_T[sweep]
            pose = _flat(then @ invert_transform(frame.ego_T_lidar))
        yield {
            "token": frame.token,
            "path": path,
            "lidar": name,
            "sweep": sweep,
            "age_s": age_s,
            "global_T_ego": pose,
        }


def _write_images(
    out: Path, stem: str, frame: Frame, cameras: tuple[str, ...], files: tuple[Path, ...]
) -> Iterator[dict[str, Any]]:
    for view, camera in enumerate(cameras):
        if files:
            content = read_bytes(files[view], MAX_IMAGE_BYTES, "image")
            ending = "png" if content.startswith(b"\x89PNG") else "jpg"
        else:
            content, ending = _encode_png(frame.images[view]), "png"
        path = f"images/{file_name(camera)}/{stem}.{ending}"
        _write(out / path, content)
        yield {
            "token": frame.token,
            "camera": camera,
            "path": path,
            "time_s": float(frame.camera_time_s[view]),
        }


def _box_rows(frame: Frame) -> Iterator[dict[str, Any]]:
    boxes: Boxes = frame.boxes
    names = ("x", "y", "z", "length", "width", "height", "yaw", "vx", "vy")
    for number in range(len(boxes)):
        values = boxes.boxes[number].astype(np.float64)
        attribute = int(boxes.attributes[number])
        row: dict[str, Any] = {
            "token": frame.token,
            "category": frame.taxonomy.names[int(boxes.labels[number])],
            "num_points": int(boxes.num_points[number]),
            "attribute": frame.taxonomy.attributes[attribute] if attribute >= 0 else None,
            "instance": boxes.instances[number] if boxes.instances else None,
        }
        row |= {k: None if np.isnan(v) else float(v) for k, v in zip(names, values, strict=True)}
        if boxes.difficulty is not None:
            row["difficulty"] = int(boxes.difficulty[number])
        if boxes.camera_synced is not None:
            synced = boxes.camera_synced[number].astype(np.float64)
            row["camera_synced"] = None if np.isnan(synced).any() else synced.tolist()
        yield row


class _Tables:
    """The four tables while they are written, a group of rows at a time.

    The rows of frames are kept until the end, when all conditions are known.
    """

    def __init__(self, streams: Mapping[str, IO[bytes]]) -> None:
        self._streams = streams
        self._writers: dict[str, Any] = {}
        self._waiting: Rows = {name: [] for name in streams}

    def add(self, rows: Rows) -> None:
        for name, more in rows.items():
            self._waiting[name] += more
            if name != FRAMES and len(self._waiting[name]) >= ROWS_A_GROUP:
                self._flush(name)

    def finish(self) -> None:
        for name in self._streams:
            self._flush(name)
            self._writers[name].close()

    def _flush(self, name: str) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        rows = self._waiting[name]
        if name not in self._writers:
            fields = [(column.name, _arrow_type(column)) for column in COLUMNS[name]]
            extra = sorted({key for row in rows for key in row if key.startswith(CONDITION)})
            schema = pa.schema([*fields, *((key, pa.string()) for key in extra)])
            self._writers[name] = pq.ParquetWriter(self._streams[name], schema, compression="zstd")
        schema = self._writers[name].schema
        self._writers[name].write_table(pa.Table.from_pylist(rows, schema))
        self._waiting[name] = []


@contextlib.contextmanager
def _open_tables(out: Path) -> Iterator[_Tables]:
    with contextlib.ExitStack() as stack:
        tables = _Tables({name: stack.enter_context(open_atomic(out / name)) for name in COLUMNS})
        yield tables
        tables.finish()


def _arrow_type(column: Column) -> Any:
    import pyarrow as pa

    kinds = {"text": pa.string(), "number": pa.float64(), "integer": pa.int64()}
    return kinds.get(column.kind, pa.list_(pa.float64()))


def _image_files(source: FrameSource, index: int) -> tuple[Path, ...]:
    """Image files of a source that has them as they are; () for others."""
    found = getattr(source, "image_files", None)
    return found(index) if found is not None else ()


def _flat(pose: Float64) -> list[float]:
    return [float(value) for value in pose.reshape(-1)]


def _encode_png(image: UInt8) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "PNG", compress_level=1)
    return stream.getvalue()


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
