from __future__ import annotations

import numpy as np
import pytest

from calico.data.waymo.records import LASERS, TOP, WaymoRecord
from calico.data.waymo.simulated.rig import (
    CAMERA_DELAY_S,
    WaymoRig,
    camera_calibrations,
)


def test_beams_of_the_roof_lidar_are_not_evenly_spaced(records: tuple[WaymoRecord, ...]) -> None:
    beams = records[0].lidar_calibrations[TOP].inclinations
    assert beams is not None
    steps = np.diff(beams)
    assert (steps > 0).all()
    assert steps.max() > 2 * steps.min()
    others = [records[0].lidar_calibrations[laser].inclinations for laser in LASERS if laser != TOP]
    assert others == [None] * 4


def test_images_have_two_sizes_and_poses_of_their_own(records: tuple[WaymoRecord, ...]) -> None:
    calibrations = camera_calibrations(WaymoRig())
    sizes = {camera: (one.width, one.height) for camera, one in calibrations.items()}
    assert sizes == {
        1: (1920, 1280),
        2: (1920, 1280),
        3: (1920, 1280),
        4: (1920, 886),
        5: (1920, 886),
    }
    record = records[0]
    middle_s = record.timestamp_us * 1e-6 + 0.05
    for camera, image in record.images.items():
        assert image.pose_time_s == pytest.approx(middle_s + CAMERA_DELAY_S[camera], abs=1e-6)
        assert image.trigger_s < image.pose_time_s < image.readout_s
    places = [image.world_T_vehicle[:3, 3] for image in record.images.values()]
    assert image.velocity is not None
    moved = np.linalg.norm(places[0] - places[3]) / abs(CAMERA_DELAY_S[1] - CAMERA_DELAY_S[4])
    assert moved == pytest.approx(np.linalg.norm(image.velocity[:3]), abs=0.3)
