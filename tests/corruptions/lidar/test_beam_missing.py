import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt


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
