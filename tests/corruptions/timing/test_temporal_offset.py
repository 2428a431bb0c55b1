import numpy as np
import pytest

from calico.frame import Frame
from corruptions import check_effect, corrupt, corrupt_with


def flat_scene(street: Frame, length: int, views: int = 6) -> list[Frame]:
    """Frames whose images are all of the value of their number."""
    frames: list[Frame] = []
    for step in range(length):
        images = tuple(np.full((4, 6, 3), step, np.uint8) for _ in range(views))
        past = (lambda frame: lambda: frame)(frames[-1]) if frames else None
        frames.append(street.replace(token=f"t{step}", images=images, previous=past))
    return frames


def shown(frame: Frame) -> set[int]:
    return {int(value) for image in frame.images for value in np.unique(image)}


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_images_are_those_of_the_frame_before(street: Frame, severity: int) -> None:
    frames = flat_scene(street, 9)
    after = corrupt(frames[8], "temporal_offset", severity, seed=0)
    assert shown(after) == {8 - severity}
    assert not any(
        np.may_share_memory(a, b)
        for a, b in zip(after.images, frames[8 - severity].images, strict=True)
    )
    for field in ("points", "camera_T_lidar", "camera_K", "camera_time_s"):
        assert np.array_equal(getattr(after, field), getattr(street, field))


def test_a_scene_ends_at_its_start(street: Frame) -> None:
    frames = flat_scene(street, 3)
    assert shown(corrupt(frames[2], "temporal_offset", 5, seed=0)) == {0}
    assert shown(corrupt(frames[0], "temporal_offset", 5, seed=0)) == {0}
    assert not check_effect(
        "temporal_offset", frames[0], corrupt(frames[0], "temporal_offset", 5, seed=0)
    )[0]


def test_the_parameter_is_rounded(street: Frame) -> None:
    frames = flat_scene(street, 9)
    assert shown(corrupt_with(frames[8], "temporal_offset", 2.6, seed=0)) == {5}
    assert shown(corrupt_with(frames[8], "temporal_offset", 0.2, seed=0)) == {8}


def test_cameras_of_another_size_or_number_in_the_past(street: Frame) -> None:
    old, new = flat_scene(street, 2)
    small = new.replace(images=(np.full((2, 3, 3), 9, np.uint8), *new.images[1:]))
    after = corrupt(small, "temporal_offset", 1, seed=0)
    assert after.images[0].shape == (2, 3, 3)
    assert [int(image.max()) for image in after.images] == [9, 0, 0, 0, 0, 0]
    fewer = old.replace(
        images=(),
        camera_K=np.zeros((0, 3, 3)),
        camera_T_lidar=np.zeros((0, 4, 4)),
        camera_time_s=np.zeros(0),
    )
    assert shown(corrupt(new.replace(previous=lambda: fewer), "temporal_offset", 1, seed=0)) == {1}


def test_late_images_of_a_pair_have_been_through_the_part_before(street: Frame) -> None:
    frames = [
        f.replace(images=tuple(image + np.uint8(50) for image in f.images))
        for f in flat_scene(street, 3)
    ]
    frames[2] = frames[2].replace(previous=lambda: frames[1])
    after = corrupt(frames[2], "camera_crash+temporal_offset", 1, seed=0)
    assert sorted(int(image.max()) for image in after.images) == [0, 51, 51, 51, 51, 51]
