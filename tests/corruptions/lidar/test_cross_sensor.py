import numpy as np

from calico.frame import Frame
from corruptions import corrupt_with


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
