import dataclasses

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt, corrupt_with
from corruptions.checks import check_kinds, check_values
from corruptions.fields import FIELDS


def broken(frame: Frame, **changes: object) -> Frame:
    """The frame with fields that its own constructor would refuse."""
    result = dataclasses.replace(frame)
    for name, value in changes.items():
        object.__setattr__(result, name, value)
    return result


def scaled(frame: Frame, column: slice, factor: float) -> np.ndarray:
    points = frame.points.copy()
    points[:, column] *= factor
    return points


def test_a_good_frame_passes(street: Frame) -> None:
    check_kinds(street)
    check_values(street)


def test_every_guard_fires(street: Frame) -> None:
    nan = street.points.copy()
    nan[4, 1] = np.nan
    cases: list[tuple[str, dict[str, object]]] = [
        (
            "intensity goes from .* expected 0..1; divide",
            {"points": scaled(street, slice(3, 4), 255)},
        ),
        ("are the coordinates in millimetres", {"points": scaled(street, slice(0, 3), 1000)}),
        ("NaN or infinite", {"points": nan}),
        (
            r"points are float64 .*, expected float32 \(N, 5\)",
            {"points": street.points.astype(np.float64)},
        ),
        (r"points are float32 .*, expected float32 \(N, 5\)", {"points": street.points[:, :4]}),
        ("ring has shape", {"ring": street.ring[:-1]}),
        ("elongation has shape", {"elongation": street.elongation[:-1]}),
        (
            "sweep_index goes from 0 to 1, expected 0..0 as sweep_T holds 1",
            {"sweep_T": street.sweep_T[:1]},
        ),
        ("image 0 is float32", {"images": (np.zeros((4, 4, 3), np.float32),)}),
        ("image 0 is uint8 .1, 4, 3.", {"images": (np.zeros((1, 4, 3), np.uint8),)}),
        (
            r"camera_K has shape \(5, 3, 3\), expected \(6, 3, 3\)",
            {"camera_K": street.camera_K[:5]},
        ),
        (
            r"camera_T_lidar has shape \(6, 3, 4\), exp",
            {"camera_T_lidar": street.camera_T_lidar[:, :3]},
        ),
    ]
    for message, changes in cases:
        with pytest.raises(CorruptionError, match=f"frame street-5: .*{message}"):
            corrupt(broken(street, **changes), "point_drop", 1, seed=0)


@pytest.mark.parametrize(
    "thing", [np.zeros((9, 5), np.float32), {"points": 1}, None, "frame", Frame]
)
def test_what_is_no_frame_is_named(thing: object) -> None:
    for use in (
        lambda: corrupt(thing, "fog", 0, 0),
        lambda: corrupt_with(thing, "fog", 50.0, 0),
    ):
        with pytest.raises(
            CorruptionError,
            match=r"the frame is a .*, expected a dataclass with the fields token, ",
        ):
            use()


@pytest.mark.parametrize("name", [n for n in FIELDS if n not in ("token", "scene")])
def test_a_field_of_another_kind_is_named(street: Frame, name: str) -> None:
    with pytest.raises(CorruptionError, match=f"the frame's {name} is a (list|str), expected"):
        corrupt(broken(street, **{name: "text" if name == "previous" else [1.0]}), "fog", 1, seed=0)


@pytest.mark.parametrize(
    ("name", "value"),
    [("ego_T_lidar", np.eye(3)), ("sweep_T", np.eye(4)), ("sweep_T", np.zeros((0, 4, 4)))],
)
def test_poses_of_another_shape_are_named(street: Frame, name: str, value: np.ndarray) -> None:
    with pytest.raises(CorruptionError, match=rf"frame street-5: {name} has shape .*, expected "):
        corrupt(broken(street, **{name: value}), "fog", 1, seed=0)
