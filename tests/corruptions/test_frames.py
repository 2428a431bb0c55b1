"""Every corruption on frames of other rigs: Waymo-like, without rings, and in any number of worker
processes.
"""

from __future__ import annotations

import functools
import hashlib
import multiprocessing
import runpy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import (
    SPECS,
    CorruptionError,
    check_effect,
    corrupt,
    corrupt_with,
    list_corruptions,
)

HERE = Path(__file__).parent
NEEDS_RING = {"beam_missing", "beams_reduced", "cross_sensor"}


def waymo_like(step: int = 5) -> Frame:
    """Five cameras of two sizes, one sweep, elongation."""
    street_frame: Callable[..., Frame] = runpy.run_path(str(HERE / "conftest.py"))["street_frame"]
    front, side = street_frame(step=step), street_frame(shape=(64, 160), step=step)
    now = front.sweep_index == 0
    assert front.elongation is not None
    return front.replace(
        images=front.images[:3] + side.images[3:5],
        camera_K=np.concatenate([front.camera_K[:3], side.camera_K[3:5]]),
        camera_T_lidar=front.camera_T_lidar[:5],
        camera_time_s=front.camera_time_s[:5],
        points=front.points[now],
        ring=front.ring[now],
        sweep_index=front.sweep_index[now],
        sweep_T=front.sweep_T[:1],
        elongation=front.elongation[now],
        previous=functools.partial(waymo_like, step - 1) if step else None,
    )


@pytest.fixture(scope="module")
def waymo() -> Frame:
    return waymo_like()


@pytest.mark.parametrize("name", list_corruptions())
def test_cameras_of_two_sizes_and_elongation(name: str, waymo: Frame) -> None:
    after = corrupt(waymo, name, 5, seed=7)
    assert [image.shape for image in after.images] == [(96, 160, 3)] * 3 + [(64, 160, 3)] * 2
    assert after.elongation is not None
    assert after.elongation.dtype == np.float32
    assert len(after.elongation) == len(after.points) == len(after.ring)
    if SPECS[name].by_chance:
        return
    passed, _, message = check_effect(name, waymo, after)
    assert SPECS[name].explain_lack([waymo]) == (
        "no older LiDAR sweeps" if name in {"pose_error", "sweep_dropout"} else ""
    )
    assert passed == (SPECS[name].explain_lack([waymo]) == ""), message


@pytest.mark.parametrize("name", list_corruptions())
def test_lidars_without_rings(name: str, street: Frame) -> None:
    blind = street.replace(ring=np.full_like(street.ring, -1))
    assert SPECS[name].explain_lack([blind]) == (
        "no beam numbers (ring)" if name in NEEDS_RING else ""
    )
    if name in NEEDS_RING:
        with pytest.raises(
            CorruptionError,
            match=rf"ring is -1 \(unknown\) .*; {name} needs the beam of every point",
        ):
            corrupt(blind, name, 3, seed=7)
    else:
        assert set(corrupt(blind, name, 3, seed=7).ring) <= {-1}


def odd_frames(street: Frame) -> dict[str, Frame]:
    """Frames at the edge of what is allowed."""
    points = np.array([[0, 0, 0, 0.5, 0], [5, 0, 0, 0, 0], [-5, 0, -1.5, 1, 0]], np.float32)
    few = street.replace(
        points=points,
        ring=np.zeros(3, np.int16),
        sweep_index=np.zeros(3, np.int16),
        elongation=None,
        ego_T_lidar=np.eye(4),
    )
    tiny = tuple(
        np.random.default_rng(view).integers(0, 256, (2, 3, 3)).astype(np.uint8)
        for view in range(6)
    )
    past = street.replace(token="street-4", images=tiny, previous=None)
    one = past.replace(
        images=street.images[:1],
        camera_K=street.camera_K[:1],
        camera_T_lidar=street.camera_T_lidar[:1],
        camera_time_s=street.camera_time_s[:1],
    )
    return {
        "points at the sensor on the road": few,
        "images of 2x3 pixels": street.replace(images=tiny, previous=lambda: past),
        "larger images before": street.replace(previous=lambda: past),
        "one camera before": street.replace(previous=lambda: one),
    }


@pytest.mark.parametrize("name", list_corruptions())
def test_odd_frames(name: str, street: Frame) -> None:
    for what, frame in odd_frames(street).items():
        for value in {*SPECS[name].limits, SPECS[name].value_at(5)}:
            after = corrupt_with(frame, name, value, seed=7)
            assert np.isfinite(after.points).all(), what
            assert [image.shape for image in after.images] == [
                image.shape for image in frame.images
            ], what
            assert len(after.ring) == len(after.points), what


def digest(name: str) -> str:
    """Of the Waymo-like frame under a corruption, made from nothing: what a worker process does."""
    after = corrupt(waymo_like(), name, 4, seed=3)
    content = (
        b"".join(image.tobytes() for image in after.images)
        + after.points.tobytes()
        + after.ring.tobytes()
    )
    return hashlib.sha256(
        content + after.camera_T_lidar.tobytes() + after.camera_K.tobytes()
    ).hexdigest()


def test_same_bytes_in_one_two_and_four_processes() -> None:
    chosen = list_corruptions()[::3]
    found = {}
    for workers in (1, 2, 4):
        with multiprocessing.get_context("fork").Pool(workers) as pool:
            found[workers] = pool.map(digest, chosen, chunksize=1)
    assert found[1] == found[2] == found[4] == [digest(name) for name in chosen]
