import numpy as np
import pytest

from calico.frame import Frame
from corruptions import CorruptionError, corrupt, corrupt_with


def with_points(frame: Frame, keep: np.ndarray) -> Frame:
    return frame.replace(
        points=frame.points[keep],
        ring=frame.ring[keep],
        sweep_index=frame.sweep_index[keep],
        elongation=None,
    )


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


@pytest.mark.parametrize("name", ["beams_reduced", "cross_sensor"])
def test_the_ring_is_needed(street: Frame, name: str) -> None:
    ring = street.ring.copy()
    ring[:] = -1
    with pytest.raises(
        CorruptionError,
        match=rf"frame street-5: ring is -1 \(unknown\) for .* points; {name} needs",
    ):
        corrupt(street.replace(ring=ring), name, 1, seed=0)
