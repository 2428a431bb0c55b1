"""point_drop, beam_missing, crosstalk, lidar_missing: counts by hand."""

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, CorruptionError, corrupt, corrupt_with


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_point_drop_counts_exactly_and_keeps_the_order(street: Frame, severity: int) -> None:
    after = corrupt(street, "point_drop", severity, seed=0)
    n = len(street.points)
    assert len(after.points) == n - round(SPECS["point_drop"].value_at(severity) * n)
    position = {row.tobytes(): i for i, row in enumerate(street.points)}
    kept = [position[row.tobytes()] for row in after.points]
    assert (np.diff(kept) > 0).all()
    assert np.array_equal(after.ring, street.ring[kept])
    assert np.array_equal(after.sweep_index, street.sweep_index[kept])


def test_point_drop_is_uniform(street: Frame) -> None:
    after = corrupt_with(street, "point_drop", 0.5, seed=0)
    assert (after.sweep_index == 0).mean() == pytest.approx(
        (street.sweep_index == 0).mean(), abs=0.03
    )


@pytest.mark.parametrize(("severity", "lost"), [(1, 4), (2, 8), (3, 12), (4, 16), (5, 20)])
def test_beam_missing_loses_different_beams(street: Frame, severity: int, lost: int) -> None:
    after = corrupt(street, "beam_missing", severity, seed=0)
    gone = set(street.ring) - set(after.ring)
    assert len(set(street.ring)) == 32
    assert len(gone) == lost
    assert len(after.points) == (~np.isin(street.ring, list(gone))).sum()


def test_beam_missing_lasts_for_a_scene(street: Frame) -> None:
    first = corrupt(street, "beam_missing", 2, seed=0)
    next_frame = corrupt(street.replace(token="street-1"), "beam_missing", 2, seed=0)
    other = corrupt(street.replace(scene="another"), "beam_missing", 2, seed=0)
    assert set(next_frame.ring) == set(first.ring)
    assert set(other.ring) != set(first.ring)


def test_beam_missing_without_the_top_beam_loses_the_same_others(street: Frame) -> None:
    # A frame whose highest beams meet only sky: the keys of the others do not change.
    keep = street.ring < 30
    fewer = street.replace(
        points=street.points[keep],
        ring=street.ring[keep],
        sweep_index=street.sweep_index[keep],
        elongation=None,
    )
    gone_all = set(range(32)) - set(corrupt(street, "beam_missing", 3, seed=0).ring)
    gone_few = set(range(30)) - set(corrupt(fewer, "beam_missing", 3, seed=0).ring)
    assert len(gone_few & gone_all) >= len(gone_few) - 1


def test_beam_missing_needs_the_ring(street: Frame) -> None:
    ring = street.ring.copy()
    ring[5:8] = -1
    with pytest.raises(
        CorruptionError,
        match=r"frame street-5: ring is -1 \(unknown\) for 3 of \d+ points; beam_missing",
    ):
        corrupt(street.replace(ring=ring), "beam_missing", 1, seed=0)


def test_crosstalk_moves_its_share_by_three_metres(street: Frame) -> None:
    after = corrupt_with(street, "crosstalk", 0.5, seed=0)
    shift = (after.points - street.points)[:, :3]
    hit = (shift != 0).any(axis=1)
    assert hit.sum() == round(0.5 * len(street.points))
    assert shift[hit].std(axis=0) == pytest.approx([3, 3, 3], rel=0.06)
    assert shift[hit].mean(axis=0) == pytest.approx([0, 0, 0], abs=0.2)
    assert np.array_equal(after.points[:, 3:], street.points[:, 3:])
    assert np.array_equal(after.ring, street.ring)


def test_lidar_missing_is_all_or_nothing_per_frame(street: Frame) -> None:
    assert len(corrupt(street, "lidar_missing", 1, seed=0).points) == 0
    counts = [
        len(corrupt_with(street.replace(token=f"t{i}"), "lidar_missing", 0.3, seed=0).points)
        for i in range(60)
    ]
    assert set(counts) == {0, len(street.points)}
    assert np.mean(np.array(counts) == 0) == pytest.approx(0.3, abs=0.18)


def test_fov_limited_at_180_degrees_keeps_what_is_straight_behind(street: Frame) -> None:
    behind = street.points.copy()
    behind[0, :3] = -10, 0, 0
    assert len(
        corrupt_with(street.replace(points=behind), "fov_limited", 180.0, seed=0).points
    ) == len(behind)
