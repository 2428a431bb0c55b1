"""Frames on disk: one uncompressed .npz each, written atomically; a file that cannot be read counts as absent."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import numpy as np

from calico.files import DAMAGED_NPZ, user_cache_dir
from calico.frame import Boxes, Frame

_FIELDS = (
    "points",
    "ring",
    "sweep_index",
    "sweep_T",
    "camera_K",
    "camera_T_lidar",
    "camera_time_s",
    "ego_T_lidar",
    "global_T_lidar",
)
_BOX_FIELDS = ("boxes", "labels", "attributes", "num_points")


def default_cache_dir() -> Path:
    """calico/sim in the user's cache folder."""
    return user_cache_dir() / "sim"


def save_frame(path: Path, frame: Frame) -> None:
    """Writes a frame with map masks and images of one size."""
    if frame.map_masks is None:
        raise AssertionError("simulated frames have maps")
    arrays = {name: getattr(frame, name) for name in _FIELDS} | {
        f"box_{name}": getattr(frame.boxes, name) for name in _BOX_FIELDS
    }
    arrays |= {
        "images": np.stack(frame.images),
        "instances": np.array(frame.boxes.instances, dtype=np.str_),
        "map_shape": np.array(frame.map_masks.shape),
        "map_bits": np.packbits(frame.map_masks),
        "name": np.array([frame.token, frame.scene]),
        "timestamp_s": np.array(frame.timestamp_s),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def load_frame(path: Path) -> Frame | None:
    """The frame without `previous`, or None where the file is absent or broken."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            data = {name: stored[name] for name in stored.files}
        shape = tuple(int(v) for v in data["map_shape"])
        token, scene = (str(v) for v in data["name"])
        boxes = Boxes(
            **{name: data[f"box_{name}"] for name in _BOX_FIELDS}, instances=tuple(str(v) for v in data["instances"])
        )
        return Frame(
            token=token,
            scene=scene,
            timestamp_s=float(data["timestamp_s"]),
            images=tuple(data["images"]),
            boxes=boxes,
            map_masks=np.unpackbits(data["map_bits"], count=int(np.prod(shape))).reshape(shape).astype(np.bool_),
            **{name: data[name] for name in _FIELDS},
        )
    except DAMAGED_NPZ:
        return None
