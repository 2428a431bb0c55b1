"""Frames on disk: one uncompressed .npz each, sealed and written atomically.

A file carries the key of what decides its bytes and the token of its frame. One that is damaged, or
that has another key or token than the frame that is asked for, counts as absent: the frame is
rendered again.
"""

from __future__ import annotations

import io
import logging
from pathlib import Path

import numpy as np

from calico.files import (
    DAMAGED_NPZ,
    FileError,
    check_seal,
    is_replaceable,
    is_sealed,
    read_bytes,
    seal_zip,
    user_cache_dir,
    write_atomic,
)
from calico.frame import Boxes, Frame
from calico.taxonomy import Taxonomy

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
LOG = logging.getLogger(__name__)
MAX_BYTES = 1 << 30
"""Largest file that is read."""
_BOX_FIELDS = ("boxes", "labels", "attributes", "num_points")


def default_cache_dir() -> Path:
    """calico/sim in the user's cache folder."""
    return user_cache_dir() / "sim"


def save_frame(path: Path, frame: Frame, key: str) -> None:
    """Write a frame with map masks and images of one size.

    Args:
        path: The file. Its folder is made.
        frame: What is written, without `previous`.
        key: It names what decides the frame's bytes. `load_frame` expects the same.
    """
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
        "name": np.array([frame.token, frame.scene, key]),
        "timestamp_s": np.array(frame.timestamp_s),
    }
    stream = io.BytesIO()
    np.savez(stream, allow_pickle=False, **arrays)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not is_replaceable(path):
        path.unlink()  # a pipe or a device in the place of a cached file
    write_atomic(path, seal_zip(stream.getvalue()))


def load_frame(path: Path, token: str, key: str, taxonomy: Taxonomy) -> Frame | None:
    """Read a frame, without `previous`.

    Args:
        path: A file of `save_frame`.
        token: Of the frame that is expected.
        key: See `save_frame`.
        taxonomy: Of the labels and masks in the file, which `key` stands for, too.

    Returns:
        None where the file is absent, of an earlier version, or, with a warning, where it cannot be
        trusted.
    """
    if not path.exists():
        return None
    try:
        content = read_bytes(path, MAX_BYTES, "cached frame")
        if not is_sealed(content):
            return None  # of an earlier version
        check_seal(content, f"cached frame {path}")
        return _frame(content, path, token, key).replace(taxonomy=taxonomy)
    except FileError as error:
        LOG.warning("%s; rendered again", error)
    except DAMAGED_NPZ as error:
        LOG.warning("cached frame %s: cannot be read (%s); rendered again", path, error)
    return None


def _frame(content: bytes, path: Path, token: str, key: str) -> Frame:
    with np.load(io.BytesIO(content), allow_pickle=False) as stored:
        data = {name: stored[name] for name in stored.files}
    found, scene, found_key = (str(v) for v in data["name"])
    if (found, found_key) != (token, key):
        raise FileError(
            f"cached frame {path}: holds frame {found} of {found_key}, expected {token} of {key}"
        )
    shape = tuple(int(v) for v in data["map_shape"])
    boxes = Boxes(
        **{name: data[f"box_{name}"] for name in _BOX_FIELDS},
        instances=tuple(str(v) for v in data["instances"]),
    )
    return Frame(
        token=token,
        scene=scene,
        timestamp_s=float(data["timestamp_s"]),
        images=tuple(data["images"]),
        boxes=boxes,
        map_masks=np.unpackbits(data["map_bits"], count=int(np.prod(shape)))
        .reshape(shape)
        .astype(np.bool_),
        **{name: data[name] for name in _FIELDS},
    )
