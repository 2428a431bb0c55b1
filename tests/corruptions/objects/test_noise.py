import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with


def shifts(crowd: Frame, owner: np.ndarray, name: str, value: float, seed: int = 0) -> np.ndarray:
    """(K, 3) shifts of the objects' points; all else is checked to stay."""
    after = corrupt_with(crowd, name, value, seed=seed)
    assert np.array_equal(after.points[owner == -1], crowd.points[owner == -1])
    assert np.array_equal(after.points[:, 3:], crowd.points[:, 3:])
    assert np.array_equal(after.boxes.boxes, crowd.boxes.boxes, equal_nan=True)
    return (after.points[:, :3].astype(float) - crowd.points[:, :3])[owner >= 0]


def pooled(crowd: Frame, owner: np.ndarray, name: str, value: float) -> np.ndarray:
    return np.concatenate([shifts(crowd, owner, name, value, seed) for seed in range(10)])


def test_gaussian_noise_has_its_sigma(crowd: Frame, owner: np.ndarray) -> None:
    found = pooled(crowd, owner, "object_gaussian_noise", 0.06)
    assert found.std(axis=0) == pytest.approx(np.full(3, 0.06), rel=0.03)
    assert found.mean(axis=0) == pytest.approx(np.zeros(3), abs=0.003)
    assert (abs(found) < 0.06).mean() == pytest.approx(0.6827, abs=0.01)


def test_uniform_noise_has_its_width(crowd: Frame, owner: np.ndarray) -> None:
    found = pooled(crowd, owner, "object_uniform_noise", 0.06)
    assert abs(found).max() == pytest.approx(0.06, abs=1e-4)
    assert found.std(axis=0) == pytest.approx(np.full(3, 0.06 / np.sqrt(3)), rel=0.03)


@pytest.mark.parametrize("share", [1 / 30, 1 / 10, 1.0])
def test_impulse_noise_hits_its_share_by_ten_centimetres(
    crowd: Frame, owner: np.ndarray, share: float
) -> None:
    found = shifts(crowd, owner, "object_impulse_noise", share)
    hit = (found != 0).any(axis=1)
    assert hit.sum() == round(share * (owner >= 0).sum())
    assert abs(found[hit]) == pytest.approx(np.full((hit.sum(), 3), 0.1), abs=1e-5)
    if share == 1.0:
        assert np.sign(found).mean(axis=0) == pytest.approx(np.zeros(3), abs=0.1)


def test_impulses_at_a_severity_stay_at_the_next(crowd: Frame, owner: np.ndarray) -> None:
    hits = [
        set(
            np.flatnonzero(
                (corrupt(crowd, "object_impulse_noise", s, seed=0).points != crowd.points).any(
                    axis=1
                )
            )
        )
        for s in (1, 2, 3, 4, 5)
    ]
    assert all(hits[i] < hits[i + 1] for i in range(4))
