"""Frames in the layout of Argoverse 2's sensor data set."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.spatial.transform import Rotation

from calico.data.argoverse.log import DOWN, EGO_T_AXLE, UP
from calico.data.argoverse.taxonomy import ARGOVERSE2
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.extras import require_extra
from calico.files import file_name, write_atomic
from calico.frame import Float64, Frame
from calico.geometry.frames import from_quaternion, from_yaw, invert_transform
from calico.taxonomy import Taxonomy

Progress = Callable[[int, int], None]
Rows = dict[str, list[dict[str, Any]]]
JPEG_QUALITY = 95
BEAMS = 32
MAX_SENSORS, POSE_TOLERANCE = 64, 1e-4
POSES, MOUNTS, INTRINSICS, ANNOTATIONS = (
    "city_SE3_egovehicle.feather",
    "calibration/egovehicle_SE3_sensor.feather",
    "calibration/intrinsics.feather",
    "annotations.feather",
)


def write_argoverse(
    sources: Mapping[str, FrameSource], out: Path, *, progress: Progress | None = None
) -> None:
    """Write frames in the layout of Argoverse 2's sensor data set.

    The layout holds JPEG images, two LiDARs of 32 beams, and labels without velocities. Points are
    float32 (the official files round them to float16). A second LiDAR, where there is one, becomes
    the lower one. Older sweeps and maps are not written. Rings without a number become laser 0.

    Args:
        sources: A source by name of the split, whose folder it becomes.
        out: The folder.
        progress: Called with (frames done, frames in all); None for no progress.

    Raises:
        CalicoError: A frame has more than two LiDARs or more beams, a class has no counterpart, or
            the calibration of a camera changes within a scene, or its name is no name of a folder.
    """
    require_extra("Argoverse 2", "folder")
    total, done = sum(map(len, sources.values())), 0
    for split, source in sources.items():
        names = name_categories(source.taxonomy)
        tables: dict[str, Rows] = {}
        last = {source.info(index).scene: index for index in range(len(source))}
        for index in range(len(source)):
            frame = source[index]
            rows = tables.setdefault(frame.scene, defaultdict(list))
            _add_frame(out / split / file_name(frame.scene), frame, source.cameras, names, rows)
            if last[frame.scene] == index:  # so that only open scenes are in memory
                for name, table in tables.pop(frame.scene).items():
                    _write_feather(out / split / file_name(frame.scene) / name, table)
            done += 1
            if progress is not None:
                progress(done, total)


def name_categories(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name Argoverse's category of every class of a taxonomy.

    Args:
        taxonomy: Any.

    Raises:
        CalicoError: A class has no counterpart.
    """
    result = []
    for one in taxonomy.classes:
        labels = [ARGOVERSE2.label_of(name) for name in (one.name, *one.sources)]
        found = next((label for label in labels if label is not None), None)
        if found is None and one.group in ("vehicle", "special_vehicle"):
            result.append("LARGE_VEHICLE")
        elif found is None and one.group == "object":
            result.append("BOLLARD" if one.name != "barrier" else "CONSTRUCTION_BARREL")
        elif found is None:
            raise CalicoError(
                f"the Argoverse 2 layout: class {one.name} of taxonomy {taxonomy.name} has no "
                f"counterpart; expected a source out of {', '.join(ARGOVERSE2.names)}"
            )
        else:
            result.append(ARGOVERSE2.names[found])
    return tuple(result)


def _add_frame(
    log: Path, frame: Frame, cameras: tuple[str, ...], names: tuple[str, ...], rows: Rows
) -> None:
    """Write the sensor files of a frame and add its rows."""
    stamp = round(frame.timestamp_s * 1e9)
    axle_T_lidar = invert_transform(EGO_T_AXLE) @ frame.ego_T_lidar
    city_T_axle = frame.global_T_lidar @ invert_transform(axle_T_lidar)
    _add_pose(rows, stamp, city_T_axle)
    _write_sweep(log / "sensors" / "lidar" / f"{stamp}.feather", frame, axle_T_lidar)
    poses = [np.eye(4)] if frame.lidar_T is None else list(frame.lidar_T)
    mounts = {name: axle_T_lidar @ pose for name, pose in zip((UP, DOWN), poses, strict=False)}
    # A rig of one LiDAR gets a second row, as every reader expects both.
    mounts.setdefault(DOWN, mounts[UP] @ _UPSIDE_DOWN)
    known = {row["sensor_name"]: row for row in rows.get(MOUNTS, [])}
    intrinsics = {}
    for view, camera in enumerate(cameras[: len(frame.images)]):
        if file_name(camera) != camera:
            raise CalicoError(
                f"frame {frame.token}: camera {camera!r:.80}; the Argoverse 2 layout has a folder "
                "of each camera, expected a name of letters, digits and _ . + -"
            )
        then = round(float(frame.camera_time_s[view]) * 1e9)
        stream = io.BytesIO()
        Image.fromarray(frame.images[view]).save(stream, "JPEG", quality=JPEG_QUALITY)
        _write(log / "sensors" / "cameras" / camera / f"{then}.jpg", stream.getvalue())
        lidar_T_camera = invert_transform(frame.camera_T_lidar[view])
        mounts[camera] = axle_T_lidar @ lidar_T_camera
        if camera in known and then != stamp:
            # The camera sits where it sat in the first frame; the vehicle moved until it exposed.
            mounts[camera] = _read_pose(known[camera])
            city_T_camera = frame.global_T_lidar @ lidar_T_camera
            _add_pose(rows, then, city_T_camera @ invert_transform(mounts[camera]))
        elif then != stamp:
            _add_pose(rows, then, city_T_axle)
        height, width = frame.images[view].shape[:2]
        intrinsics[camera] = _intrinsics_row(camera, frame.camera_K[view], width, height)
    found_mounts = [{"sensor_name": name, **_pose_fields(pose)} for name, pose in mounts.items()]
    _keep_first(rows, MOUNTS, found_mounts, log)
    _keep_first(rows, INTRINSICS, list(intrinsics.values()), log)
    rows[ANNOTATIONS] += _annotation_rows(frame, stamp, axle_T_lidar, names)


def _write_sweep(path: Path, frame: Frame, axle_T_lidar: Float64) -> None:
    """One sweep of one or two LiDARs in the vehicle frame."""
    import pyarrow as pa

    own = np.flatnonzero(frame.sweep_index == 0)
    lower = np.zeros(len(own), np.bool_)
    if frame.lidar_index is not None and frame.lidar_T is not None:
        if len(frame.lidar_T) > 2:
            raise CalicoError(
                f"frame {frame.token}: has {len(frame.lidar_T)} LiDARs; the Argoverse 2 layout "
                "holds two"
            )
        lower = frame.lidar_index[own] == 1
    ring = frame.ring[own].astype(np.int64)
    lasers = np.where(lower, ring, BEAMS - 1 - ring)
    lasers = np.where(ring < 0, np.where(lower, BEAMS, 0), lasers)
    if len(lasers) and (lasers.min() < 0 or lasers.max() >= 2 * BEAMS):
        raise CalicoError(
            f"frame {frame.token}: rings up to {ring.max()}; the Argoverse 2 layout holds LiDARs "
            f"of {BEAMS} beams"
        )
    points = frame.points[own].astype(np.float64)
    xyz = (points[:, :3] @ axle_T_lidar[:3, :3].T + axle_T_lidar[:3, 3]).astype(np.float32)
    columns = {name: xyz[:, axis] for axis, name in enumerate("xyz")}
    columns["intensity"] = np.round(points[:, 3] * 255).astype(np.uint8)
    columns["laser_number"] = lasers.astype(np.uint8)
    columns["offset_ns"] = np.zeros(len(own), np.int32)
    _write_table(path, pa.table(columns))


def _annotation_rows(
    frame: Frame, stamp: int, axle_T_lidar: Float64, names: tuple[str, ...]
) -> list[dict[str, Any]]:
    boxes, result = frame.boxes, []
    for number, box in enumerate(boxes.boxes.astype(np.float64)):
        pose = axle_T_lidar @ from_yaw(float(box[6]), (box[0], box[1], box[2]))
        track = boxes.instances[number] if boxes.instances else ""
        result.append(
            {
                "timestamp_ns": stamp,
                "track_uuid": track or f"{frame.token}-{number}",
                "category": names[int(boxes.labels[number])],
                "length_m": float(box[3]),
                "width_m": float(box[4]),
                "height_m": float(box[5]),
                **_pose_fields(pose),
                "num_interior_pts": int(boxes.num_points[number]),
            }
        )
    return result


def _keep_first(rows: Rows, name: str, found: list[dict[str, Any]], log: Path) -> None:
    """Set the rows of a calibration, which the layout holds once a log."""
    if name not in rows:
        rows[name] = found
        return
    for one, other in zip(rows[name], found, strict=True):
        for key, value in one.items():
            if isinstance(value, float) and abs(value - other[key]) > POSE_TOLERANCE:
                raise CalicoError(
                    f"{log.name}: {key} of {one['sensor_name']} changes from {value} to "
                    f"{other[key]} within the scene; the Argoverse 2 layout holds one calibration "
                    "a log"
                )


def _add_pose(rows: Rows, stamp: int, pose: Float64) -> None:
    """Add the pose of a moment; two sensors of one moment have to agree."""
    row = {"timestamp_ns": stamp, **_pose_fields(pose)}
    for one in rows[POSES][-MAX_SENSORS:]:
        if one["timestamp_ns"] == stamp:
            if any(abs(one[key] - row[key]) > POSE_TOLERANCE for key in row):
                raise CalicoError(
                    f"time {stamp} ns: two sensors put the vehicle at two places, "
                    f"{one} and {row}; the Argoverse 2 layout holds one pose a moment"
                )
            return
    rows[POSES].append(row)


def _read_pose(row: dict[str, Any]) -> Float64:
    quaternion = [row[name] for name in ("qw", "qx", "qy", "qz")]
    return from_quaternion(quaternion, [row[name] for name in ("tx_m", "ty_m", "tz_m")])


def _pose_fields(pose: Float64) -> dict[str, float]:
    qx, qy, qz, qw = Rotation.from_matrix(pose[:3, :3]).as_quat(canonical=True)
    values = (qw, qx, qy, qz, *pose[:3, 3])
    names = ("qw", "qx", "qy", "qz", "tx_m", "ty_m", "tz_m")
    return {name: float(value) for name, value in zip(names, values, strict=True)}


def _intrinsics_row(camera: str, K: Float64, width: int, height: int) -> dict[str, Any]:
    return {
        "sensor_name": camera,
        "fx_px": float(K[0, 0]),
        "fy_px": float(K[1, 1]),
        "cx_px": float(K[0, 2]),
        "cy_px": float(K[1, 2]),
        "k1": 0.0,
        "k2": 0.0,
        "k3": 0.0,
        "height_px": height,
        "width_px": width,
    }


def _write_feather(path: Path, rows: list[dict[str, Any]]) -> None:
    import pyarrow as pa

    if rows:
        _write_table(path, pa.Table.from_pylist(rows))


def _write_table(path: Path, table: Any) -> None:
    import pyarrow as pa
    from pyarrow import feather

    sink = pa.BufferOutputStream()
    feather.write_feather(table, sink, compression="zstd")
    _write(path, sink.getvalue().to_pybytes())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)


_UPSIDE_DOWN: Float64 = np.diag([1.0, -1.0, -1.0, 1.0])
