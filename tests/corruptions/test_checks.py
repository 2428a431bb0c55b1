import dataclasses

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt
from corruptions.checks import check_frame


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
    check_frame(street)


def test_every_guard_fires(street: Frame) -> None:
    nan = street.points.copy()
    nan[4, 1] = np.nan
    cases: list[tuple[str, dict[str, object]]] = [
        ("intensity goes from .* expected 0..1; divide", {"points": scaled(street, slice(3, 4), 255)}),
        ("are the coordinates in millimetres", {"points": scaled(street, slice(0, 3), 1000)}),
        ("NaN or infinite", {"points": nan}),
        (r"points are float64 .*, expected float32 \(N, 5\)", {"points": street.points.astype(np.float64)}),
        (r"points are float32 .*, expected float32 \(N, 5\)", {"points": street.points[:, :4]}),
        ("ring has shape", {"ring": street.ring[:-1]}),
        ("elongation has shape", {"elongation": street.elongation[:-1]}),
        ("sweep_index goes from 0 to 1, expected 0..0 as sweep_T holds 1", {"sweep_T": street.sweep_T[:1]}),
        ("image 0 is float32", {"images": (np.zeros((4, 4, 3), np.float32),)}),
        ("image 0 is uint8 .1, 4, 3.", {"images": (np.zeros((1, 4, 3), np.uint8),)}),
        (r"camera_K has shape \(5, 3, 3\), expected \(6, 3, 3\)", {"camera_K": street.camera_K[:5]}),
        (r"camera_T_lidar has shape \(6, 3, 4\), exp", {"camera_T_lidar": street.camera_T_lidar[:, :3]}),
    ]
    for message, changes in cases:
        with pytest.raises(CorruptionError, match=f"frame street-5: .*{message}"):
            corrupt(broken(street, **changes), "point_drop", 1, seed=0)
