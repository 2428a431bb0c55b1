import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt


def off(frame: Frame) -> list[int]:
    return [view for view, image in enumerate(frame.images) if not image.any()]


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_number_of_cameras(street: Frame, severity: int) -> None:
    after = corrupt(street, "camera_crash", severity, seed=1)
    assert len(off(after)) == severity
    kept = set(range(6)) - set(off(after))
    assert all(np.array_equal(after.images[view], street.images[view]) for view in kept)


def test_same_cameras_through_a_scene(street: Frame) -> None:
    chosen = [
        off(corrupt(street.replace(token=f"t{i}"), "camera_crash", 2, seed=1)) for i in range(5)
    ]
    assert all(choice == chosen[0] for choice in chosen)


def test_scenes_differ_and_no_camera_is_spared(street: Frame) -> None:
    chosen = [
        off(corrupt(street.replace(scene=f"s{i}"), "camera_crash", 1, seed=1))[0] for i in range(40)
    ]
    assert set(chosen) == set(range(6))


def test_fewer_cameras_than_crashes(street: Frame) -> None:
    one = street.replace(
        images=street.images[:1],
        camera_K=street.camera_K[:1],
        camera_T_lidar=street.camera_T_lidar[:1],
        camera_time_s=street.camera_time_s[:1],
    )
    assert off(corrupt(one, "camera_crash", 4, seed=1)) == [0]
    spec = SPECS["camera_crash"]
    reasons = [spec.repeated_level([one], value) for value in spec.levels]
    assert reasons == ["", *["only 1 camera, as at severity 1"] * 4]
    assert not any(spec.repeated_level([street], value) for value in spec.levels)
    assert spec.repeated_level([one, street], 5) == ""  # the rig with the most cameras counts
    assert SPECS["frame_lost"].repeated_level([one], 0.5) == ""
