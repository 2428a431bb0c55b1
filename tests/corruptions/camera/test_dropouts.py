from __future__ import annotations

import itertools

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


def small(street: Frame, number: int, previous: Frame | None) -> Frame:
    """A frame of a scene whose images hold its number."""
    return street.replace(
        token=f"frame{number}",
        scene="long",
        images=(np.full((2, 2, 3), number, np.uint8),) * 6,
        previous=None if previous is None else lambda: previous,
    )


def scene(street: Frame, frames: int) -> list[Frame]:
    made: list[Frame] = []
    for number in range(1, frames + 1):
        made.append(small(street, number, made[-1] if made else None))
    return made


def shown(frames: list[Frame], name: str, value: float) -> np.ndarray:
    """(frames, cameras) number of the frame that is shown; 0 for black."""
    return np.array(
        [[int(i[0, 0, 0]) for i in corrupt_with(f, name, value, seed=0).images] for f in frames]
    )


@pytest.mark.parametrize("probability", [1 / 6, 5 / 6])
def test_frames_are_lost_with_their_probability(street: Frame, probability: float) -> None:
    lost = shown(scene(street, 200), "frame_lost", probability) == 0
    error = np.sqrt(probability * (1 - probability) / lost.size)
    assert lost.mean() == pytest.approx(probability, abs=4 * error)
    # Independent: cameras of a frame, and frames of a camera, agree as often as chance has it.
    both = probability**2
    assert (lost[:, 0] & lost[:, 1]).mean() == pytest.approx(
        both, abs=4 * np.sqrt(both * (1 - both) / 200)
    )
    assert (lost[1:] & lost[:-1]).mean() == pytest.approx(
        both, abs=4 * np.sqrt(both * (1 - both) / lost.size)
    )


def test_all_or_nothing(street: Frame) -> None:
    frames = scene(street, 3)
    assert not shown(frames, "frame_lost", 1.0).any()
    assert (shown(frames, "frame_lost", 0.0) == [[1], [2], [3]]).all()
    assert (shown(frames, "camera_stuck", 1.0) == [[1], [2], [3]]).all()


@pytest.mark.parametrize("name", ["frame_lost", "camera_stuck"])
def test_what_fails_at_one_severity_fails_at_the_next(street: Frame, name: str) -> None:
    frame = scene(street, 12)[-1]
    failed = [
        np.array(
            [int(image[0, 0, 0]) != 12 for image in corrupt(frame, name, severity, seed=2).images]
        )
        for severity in range(1, 6)
    ]
    for less, more in itertools.pairwise(failed):
        assert not (less & ~more).any()


@pytest.mark.parametrize("hold", [2.0, 5.0])
def test_holds_are_geometric(street: Frame, hold: float) -> None:
    numbers = shown(scene(street, 150), "camera_stuck", hold)
    own = np.arange(1, 151)[:, None]
    assert (numbers <= own).all()
    assert (np.diff(numbers, axis=0) >= 0).all()  # never back in time
    assert (
        (numbers == own) | (numbers == np.vstack([numbers[:1], numbers[:-1]]))
    ).all()  # new, or as the frame before
    lengths = np.concatenate([np.unique(column, return_counts=True)[1] for column in numbers.T])
    assert lengths.mean() == pytest.approx(hold, rel=0.15)
    # A geometric length of mean L has the variance L (L - 1).
    assert lengths.var() == pytest.approx(hold * (hold - 1), rel=0.5)


def test_a_scene_starts_afresh(street: Frame) -> None:
    assert (shown(scene(street, 1), "camera_stuck", 1e6) == 1).all()
    assert (shown(scene(street, 5), "camera_stuck", 1e6) == 1).all()


def test_stuck_images_are_copies(street: Frame) -> None:
    frames = scene(street, 2)
    after = corrupt_with(frames[1], "camera_stuck", 1e6, seed=0)
    assert not any(np.may_share_memory(a, b) for a in after.images for b in frames[0].images)


def test_a_camera_without_a_past_of_its_size_keeps_its_image(street: Frame) -> None:
    frames = scene(street, 2)
    old = frames[0].replace(
        images=(np.full((2, 2, 3), 1, np.uint8),) * 5 + (np.full((3, 2, 3), 1, np.uint8),)
    )
    shown = corrupt_with(
        frames[1].replace(previous=lambda: old), "camera_stuck", 1e6, seed=0
    ).images
    assert [int(image[0, 0, 0]) for image in shown] == [1, 1, 1, 1, 1, 2]
