"""beams_reduced, cross_sensor, fov_limited: which rays are left."""

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt, corrupt_with
from corruptions.lidar.beams import thin_evenly


def with_points(frame: Frame, keep: np.ndarray) -> Frame:
    return frame.replace(
        points=frame.points[keep],
        ring=frame.ring[keep],
        sweep_index=frame.sweep_index[keep],
        elongation=None,
    )


def azimuths(frame: Frame, sweep: int, ring: int) -> np.ndarray:
    """Of the returns of a beam in a sweep, sorted."""
    of = (frame.ring == ring) & (frame.sweep_index == sweep)
    ray = frame.points[of, :2] - frame.sweep_T[sweep, :2, 3].astype(np.float32)
    return np.sort(np.arctan2(ray[:, 1], ray[:, 0]))


@pytest.mark.parametrize("count", [32, 64, 128])
@pytest.mark.parametrize("phase", [0.0, 0.3, 0.9999])
def test_thinned_keeps_its_share_evenly(count: int, phase: float) -> None:
    for left in (1, 3, 4, 8, 12, count // 2, count - 1, count):
        kept = np.flatnonzero(thin_evenly(np.arange(count), left / count, phase))
        assert abs(len(kept) - left) <= (0 if (left / count * 2**20).is_integer() else 1)
        if len(kept) > 1:
            gaps = np.diff(kept)
            assert gaps.max() - gaps.min() <= 1


@pytest.mark.parametrize("name", ["beams_reduced", "cross_sensor"])
@pytest.mark.parametrize("beams", [24, 20, 16, 12, 8, 4, 2, 1])
def test_the_number_of_beams_is_exact(street: Frame, name: str, beams: int) -> None:
    after = corrupt_with(street, name, beams / 32, seed=0)
    kept = np.unique(after.ring)
    assert len(kept) == beams
    if name == "beams_reduced":
        assert np.array_equal(after.points, street.points[np.isin(street.ring, kept)])
    if beams in (16, 8, 4, 2):
        assert set(np.diff(kept)) == {32 // beams}


@pytest.mark.parametrize("name", ["beams_reduced", "cross_sensor"])
def test_the_same_beams_in_all_frames_of_a_scene(street: Frame, name: str) -> None:
    first = corrupt(street, name, 2, seed=0)
    # Even where the highest beams meet nothing but sky.
    lower = with_points(street.replace(token="later"), street.ring < 29)
    assert set(corrupt(lower, name, 2, seed=0).ring) == {ring for ring in first.ring if ring < 29}
    others = {
        tuple(np.unique(corrupt(street.replace(scene=f"s{i}"), name, 2, seed=0).ring))
        for i in range(8)
    }
    assert len(others) > 1


def test_cross_sensor_takes_every_second_return_of_a_beam(street: Frame) -> None:
    # Points in random order, as a file may have them.
    order = np.random.default_rng(0).permutation(len(street.points))
    shuffled = with_points(street, order)
    after = corrupt_with(shuffled, "cross_sensor", 1.0, seed=0)
    starts = set()
    for sweep in (0, 1):
        for ring in range(32):
            before, now = (azimuths(frame, sweep, ring) for frame in (shuffled, after))
            start = int(now[0] != before[0])
            starts.add((sweep, start))
            assert np.array_equal(now, before[start::2])
    assert len(starts) == 2  # all beams of a sweep begin alike


@pytest.mark.parametrize("name", ["beams_reduced", "cross_sensor"])
def test_the_ring_is_needed(street: Frame, name: str) -> None:
    ring = street.ring.copy()
    ring[:] = -1
    with pytest.raises(
        CorruptionError,
        match=rf"frame street-5: ring is -1 \(unknown\) for .* points; {name} needs",
    ):
        corrupt(street.replace(ring=ring), name, 1, seed=0)


@pytest.mark.parametrize(("severity", "half_angle"), [(1, 105), (2, 90), (3, 75), (4, 60), (5, 45)])
def test_fov_limited_keeps_what_is_ahead_of_the_sensor(
    street: Frame, severity: int, half_angle: float
) -> None:
    # The older sweep's sensor looked 30 degrees to the left.
    turn = np.radians(30)
    sweep_T = street.sweep_T.copy()
    sweep_T[1, :2, :2] = [[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]
    street = street.replace(sweep_T=sweep_T)
    after = corrupt(street, "fov_limited", severity, seed=0)
    inverse = np.linalg.inv(sweep_T)
    kept = {row.tobytes() for row in after.points}
    for point, sweep in zip(street.points, street.sweep_index, strict=True):
        x, y, _, _ = inverse[sweep] @ [*point[:3].astype(np.float64), 1.0]
        azimuth = np.degrees(np.arctan2(y, x))
        if abs(abs(azimuth) - half_angle) > 1e-4:
            assert (point.tobytes() in kept) == (abs(azimuth) < half_angle)
    assert 0 < len(after.points) < len(street.points)
