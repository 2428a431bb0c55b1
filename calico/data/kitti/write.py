"""Frames in the layout of KITTI's object benchmark."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
from PIL import Image

from calico.data.kitti.files import KittiObject, format_calibration, format_object
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import write_atomic
from calico.frame import Float64, Frame
from calico.geometry.boxes import box_corners
from calico.taxonomy import Taxonomy

Progress = Callable[[int, int], None]
MISC, UNKNOWN_OCCLUSION = "Misc", 3
TYPES = ("Car", "Van", "Truck", "Pedestrian", "Person_sitting", "Cyclist", "Tram", MISC)
TYPE_OF = {
    "car": "Car",
    "vehicle": "Car",
    "truck": "Truck",
    "pedestrian": "Pedestrian",
    "bicycle": "Cyclist",
    "cyclist": "Cyclist",
}
"""Name of a class, or of one of its sources, to KITTI's type; all others are Misc."""
NEAR_M = 0.1


def write_kitti(
    sources: Mapping[str, FrameSource],
    out: Path,
    *,
    camera: str | None = None,
    progress: Progress | None = None,
) -> None:
    """Write frames in the layout of KITTI's object benchmark.

    The layout holds one camera, one sweep of the main LiDAR, and the objects whose centre is in the
    image. It holds no poses, times, velocities, rings or maps. Frames are numbered over all splits,
    and tokens.txt says which is which. How far an object is occluded is written as unknown.

    Args:
        sources: A source by name of the split.
        out: The folder.
        camera: Name of the camera of the images, by default the one that looks forward.
        progress: Called with (frames done, frames in all); None for no progress.

    Raises:
        CalicoError: A frame has no images, or no camera of that name.
    """
    total, number = sum(map(len, sources.values())), 0
    lists: dict[str, str] = {}
    tokens = ""
    for split, source in sources.items():
        lists[split] = ""
        for index in range(len(source)):
            frame, name = source[index], f"{number:06d}"
            _write_frame(out / "training", name, frame, _view(frame, source, camera))
            lists[split] += f"{name}\n"
            tokens += f"{name} {frame.token}\n"
            number += 1
            if progress is not None:
                progress(number, total)
    for split, text in lists.items():
        _write(out / "ImageSets" / f"{split}.txt", text.encode())
    _write(out / "tokens.txt", tokens.encode())


def to_kitti_object(box: Float64, kind: str, frame: Frame, view: int) -> KittiObject | None:
    """Describe a box as a label of the image of one camera.

    Args:
        box: (9,) in the LiDAR frame.
        kind: KITTI's type.
        frame: The frame.
        view: Number of the camera, whose frame is the rectified one.

    Returns:
        None for a box whose centre is not in the image.
    """
    camera_T_lidar, K = frame.camera_T_lidar[view], frame.camera_K[view]
    height, width = frame.images[view].shape[:2]
    corners = box_corners(box[None])[0] @ camera_T_lidar[:3, :3].T + camera_T_lidar[:3, 3]
    center = camera_T_lidar[:3, :3] @ box[:3] + camera_T_lidar[:3, 3]
    if center[2] <= NEAR_M:
        return None
    u, v = (K @ center)[:2] / center[2]
    if not (0 <= u <= width - 1 and 0 <= v <= height - 1):
        return None
    corners[:, 2] = np.maximum(corners[:, 2], NEAR_M)
    pixels = (corners @ K.T)[:, :2] / corners[:, 2:]
    low, high = pixels.min(axis=0), pixels.max(axis=0)
    inner_low = np.clip(low, 0, (width - 1, height - 1))
    inner_high = np.clip(high, 0, (width - 1, height - 1))
    share = float(np.prod(inner_high - inner_low) / max(np.prod(high - low), 1e-9))
    ahead = camera_T_lidar[:3, :3] @ (np.cos(box[6]), np.sin(box[6]), 0.0)
    location = center + np.array([0.0, box[5] / 2, 0.0])
    return KittiObject(
        kind=kind,
        truncated=min(max(1.0 - share, 0.0), 1.0),
        occluded=UNKNOWN_OCCLUSION,
        left=float(inner_low[0]),
        top=float(inner_low[1]),
        right=float(inner_high[0]),
        bottom=float(inner_high[1]),
        size=(float(box[5]), float(box[4]), float(box[3])),
        location=(float(location[0]), float(location[1]), float(location[2])),
        rotation_y=float(np.arctan2(-ahead[2], ahead[0])),
    )


def name_types(taxonomy: Taxonomy) -> tuple[str, ...]:
    """Name KITTI's type of every class of a taxonomy."""
    result = []
    for one in taxonomy.classes:
        names = (one.name, *one.sources)
        own = [name for name in names if name in TYPES]
        result.append(
            own[0] if own else next((TYPE_OF[name] for name in names if name in TYPE_OF), MISC)
        )
    return tuple(result)


def _write_frame(place: Path, name: str, frame: Frame, view: int) -> None:
    points = frame.points[frame.main_sweep]
    _write(place / "velodyne" / f"{name}.bin", points[:, :4].astype("<f4").tobytes())
    text = format_calibration(frame.camera_K[view], frame.camera_T_lidar[view])
    _write(place / "calib" / f"{name}.txt", text.encode())
    stream = io.BytesIO()
    Image.fromarray(frame.images[view]).save(stream, "PNG", compress_level=1)
    _write(place / "image_2" / f"{name}.png", stream.getvalue())
    types, lines = name_types(frame.taxonomy), []
    for box, label in zip(frame.boxes.boxes, frame.boxes.labels, strict=True):
        found = to_kitti_object(box.astype(np.float64), types[int(label)], frame, view)
        if found is not None:
            lines.append(format_object(found))
    _write(place / "label_2" / f"{name}.txt", "".join(lines).encode())


def _view(frame: Frame, source: FrameSource, camera: str | None) -> int:
    """Number of the camera that is written."""
    if not frame.images:
        raise CalicoError(
            f"frame {frame.token}: has no images; the KITTI layout needs those of one camera"
        )
    if camera is None:
        return int(np.argmax(frame.camera_T_lidar[:, 2, 0]))
    if camera not in source.cameras:
        raise CalicoError(
            f"{source.name}: has no camera '{camera}', expected one of {', '.join(source.cameras)}"
        )
    return source.cameras.index(camera)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, content)
