"""A user's frame with some fields only: it works, or the error names what is missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, CorruptionError, corrupt, corrupt_with
from corruptions.fields import FIELDS


def without(frame: Frame, *names: str) -> object:
    """A dataclass like the frame that lacks some fields."""
    fields = [field.name for field in dataclasses.fields(frame) if field.name not in names]
    return dataclasses.make_dataclass("Mine", fields)(
        **{name: getattr(frame, name) for name in fields}
    )


@dataclass
class Bare:
    """Points, images, K and T: what most projects have at hand."""

    points: np.ndarray
    images: tuple[np.ndarray, ...]
    camera_K: np.ndarray
    camera_T_lidar: np.ndarray
    note: str = "mine"


@pytest.fixture
def bare(street: Frame) -> Bare:
    return Bare(street.points, street.images, street.camera_K, street.camera_T_lidar)


NEEDS_MORE = {
    "ring": {"beam_missing", "beams_reduced", "cross_sensor"},
    "sweep_index": {"sweep_dropout", "pose_error"},
    "previous": {"camera_stuck", "lidar_stuck", "temporal_offset", "calibration_drift"},
    "boxes": {name for name, spec in SPECS.items() if spec.group == "objects"},
    "ego_T_lidar": {name for name, spec in SPECS.items() if spec.group == "weather"},
}
"""By hand: what cannot be done with points, images, K and T."""


@pytest.mark.parametrize("name", SPECS)
def test_a_bare_frame_works_or_the_missing_field_is_named(bare: Bare, name: str) -> None:
    missing = [field for field, names in NEEDS_MORE.items() if name in names]
    if missing:
        field = missing[0]
        with pytest.raises(CorruptionError, match=rf"{name} needs .*{field}") as caught:
            corrupt(bare, name, 3)
        assert f"the frame (Bare) does not have; expected {field}: " in str(caught.value)
        assert FIELDS[field] in str(caught.value)
    else:
        result = corrupt(bare, name, 3)
        assert isinstance(result, Bare)
        assert result.note == "mine"
        assert [one.shape for one in result.images] == [one.shape for one in bare.images]


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        (
            "fog",
            (
                "token",
                "scene",
                "points",
                "sweep_index",
                "sweep_T",
                "images",
                "camera_K",
                "camera_T_lidar",
                "ego_T_lidar",
            ),
        ),
        ("motion_blur", ("token", "images")),
        ("point_drop", ("token", "points")),
        ("beam_missing", ("token", "scene", "points", "ring")),
        ("extrinsic", ("scene", "images", "camera_K", "camera_T_lidar")),
        ("sweep_dropout", ("token", "points", "sweep_index", "sweep_T")),
        ("object_density", ("token", "points", "boxes")),
        ("temporal_offset", ("images", "previous")),
    ],
)
def test_the_same_inputs_give_the_same_bytes(
    street: Frame, name: str, needed: tuple[str, ...]
) -> None:
    """A field that a corruption does not read may be left out: what comes out is the same."""
    others = [field.name for field in dataclasses.fields(street) if field.name not in needed]
    expected = corrupt(street, name, 3, 7)
    result = corrupt(without(street, *others), name, 3, 7)
    for field in needed:
        mine, theirs = getattr(result, field), getattr(expected, field)
        if field == "images":
            assert all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        elif field == "boxes":
            assert np.array_equal(mine.boxes, theirs.boxes, equal_nan=True)
        elif field != "previous":
            assert np.array_equal(mine, theirs)


def test_missing_fields_are_named_at_once(street: Frame) -> None:
    with pytest.raises(CorruptionError, match="fog needs camera_K and ego_T_lidar, which"):
        corrupt(without(street, "camera_K", "ego_T_lidar"), "fog", 1)


@pytest.mark.parametrize("names", [("points", "images")])
def test_a_frame_without_sensor_data_is_refused(street: Frame, names: tuple[str, ...]) -> None:
    with pytest.raises(CorruptionError, match=r"\(Mine\) has no points and no images"):
        corrupt(without(street, *names), "point_drop", 1)


def test_fields_that_are_none_count_as_missing(bare: Bare) -> None:
    result = corrupt(dataclasses.replace(bare, camera_K=None), "point_drop", 5)
    assert result.camera_K is None
    assert len(result.points) < len(bare.points)
    with pytest.raises(CorruptionError, match="intrinsics needs camera_K, which the frame"):
        corrupt(dataclasses.replace(bare, camera_K=None), "intrinsics", 1)


def test_values_are_checked_as_in_a_whole_frame(bare: Bare) -> None:
    points = bare.points.copy()
    points[:, 3] *= 255
    with pytest.raises(CorruptionError, match=r"intensity goes from .* divide by the sensor's"):
        corrupt(dataclasses.replace(bare, points=points), "point_drop", 1)
    with pytest.raises(CorruptionError, match=r"camera_K has shape \(5, 3, 3\), expected \(6, 3, "):
        corrupt(dataclasses.replace(bare, camera_K=bare.camera_K[:5]), "point_drop", 1)


def test_the_input_stays_and_shares_nothing(bare: Bare) -> None:
    clean = dataclasses.replace(bare, points=bare.points.copy())
    result = corrupt(bare, "motion_blur", 3)
    assert np.array_equal(bare.points, clean.points)
    assert np.array_equal(result.points, bare.points)
    assert not np.shares_memory(result.points, bare.points)
    assert not np.shares_memory(result.images[0], bare.images[0])
    same = corrupt(bare, "fog", 0)
    assert np.array_equal(same.points, bare.points)
    assert not np.shares_memory(same.points, bare.points)


def test_frames_without_a_token_differ_in_their_noise() -> None:
    """Grey images that differ in one pixel get different noise, the same image the same noise."""

    @dataclass
    class One:
        images: tuple[np.ndarray, ...]

    first = np.full((32, 48, 3), 128, np.uint8)
    second = first.copy()
    second[0, 0, 0] = 127
    noise = [
        corrupt(One((image,)), "gaussian_noise", 3).images[0].astype(int)[1:]
        for image in (first, first.copy(), second)
    ]
    assert np.array_equal(noise[0], noise[1])
    assert abs(np.corrcoef(noise[0].ravel(), noise[2].ravel())[0, 1]) < 0.1


@dataclass
class WithPast:
    """Images and a way to the frame before."""

    images: tuple[np.ndarray, ...]
    previous: Callable[[], WithPast | None] | None = None


def flat(value: int) -> tuple[np.ndarray, ...]:
    return (np.full((8, 8, 3), value, np.uint8),)


def test_the_past_of_a_users_frame() -> None:
    """One keyframe late shows the image before; the past of the result, the one before that."""
    frame = WithPast(flat(30), lambda: WithPast(flat(20), lambda: WithPast(flat(10))))
    late = corrupt_with(frame, "temporal_offset", 1.0)
    assert np.unique(late.images[0]).tolist() == [20]
    assert late.previous is not None
    past = late.previous()
    assert isinstance(past, WithPast)
    assert np.unique(past.images[0]).tolist() == [10]
    assert np.unique(frame.images[0]).tolist() == [30]


def test_parts_of_a_pair_see_a_corrupted_past() -> None:
    """Black first, then late: the frame before is black, too."""
    frame = WithPast(flat(30), lambda: WithPast(flat(20)))
    late = corrupt(frame, "camera_crash+temporal_offset", 1)
    assert not late.images[0].any()
