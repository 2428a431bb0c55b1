import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with, measure_effect


def left(after: Frame, owner: np.ndarray) -> np.ndarray:
    """(30,) points of every object that are left. The crowd's rings number its points."""
    assert (np.diff(after.ring) > 0).all()
    kept = owner[after.ring]
    assert (kept == -1).sum() == (owner == -1).sum()
    return np.bincount(kept[kept >= 0], minlength=30)


@pytest.mark.parametrize("name", ["object_density", "object_cutout", "object_echo"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.37, 0.5, 0.9, 1.0])
def test_every_object_loses_its_share_and_the_rest_stays(
    crowd: Frame, owner: np.ndarray, name: str, share: float
) -> None:
    after = corrupt_with(crowd, name, share, seed=0)
    had = np.bincount(owner[owner >= 0], minlength=30)
    assert np.array_equal(left(after, owner), had - np.rint(share * had))
    assert np.array_equal(after.points, crowd.points[after.ring])
    assert np.array_equal(after.boxes.boxes, crowd.boxes.boxes, equal_nan=True)


def test_levels(crowd: Frame) -> None:
    for name, share in (("object_density", 0.5), ("object_cutout", 0.7), ("object_echo", 0.95)):
        by_severity, by_share = (
            corrupt(crowd, name, 5, seed=0),
            corrupt_with(crowd, name, share, seed=0),
        )
        assert np.array_equal(by_severity.points, by_share.points)


def test_density_is_drawn_at_random(crowd: Frame, owner: np.ndarray) -> None:
    lost = np.zeros(len(crowd.points))
    for seed in range(60):
        lost += 1
        lost[corrupt_with(crowd, "object_density", 0.5, seed=seed).ring] -= 1
    large = np.isin(owner, np.flatnonzero(np.bincount(owner[owner >= 0]) > 20))
    assert lost[large].mean() == pytest.approx(30, abs=1)
    assert lost[large].std() == pytest.approx(np.sqrt(15), rel=0.15)


def test_cutout_is_a_ball_about_one_of_the_points(crowd: Frame, owner: np.ndarray) -> None:
    after = corrupt_with(crowd, "object_cutout", 0.4, seed=0)
    gone = np.setdiff1d(np.arange(len(crowd.points)), after.ring)
    for index in range(30):
        xyz = crowd.points[owner == index, :3].astype(float)
        out = np.isin(np.flatnonzero(owner == index), gone)
        if not out.any():
            continue
        distance = np.linalg.norm(xyz[:, None] - xyz, axis=2)
        balls = [distance[i, out].max() <= distance[i, ~out].min() for i in np.flatnonzero(out)]
        assert any(balls)


def test_weak_echoes_go_first(crowd: Frame, owner: np.ndarray) -> None:
    points = crowd.points.copy()
    bright = np.arange(len(points)) % 4 == 0
    points[:, 3] = np.where(bright, 0.9, 0.009)
    frame = crowd.replace(points=points)
    kept = np.zeros(len(points))
    for seed in range(20):
        kept[corrupt_with(frame, "object_echo", 0.75, seed=seed).ring] += 1
    inside = np.isin(owner, np.flatnonzero(np.bincount(owner[owner >= 0]) > 20))
    assert kept[inside & bright].mean() > 0.8 * 20
    assert kept[inside & ~bright].mean() < 0.1 * 20
    assert (kept[owner == -1] == 20).all()


def test_speckle_lets_chance_decide_between_equals(crowd: Frame) -> None:
    points = crowd.points.copy()
    points[:, 3] = 0.4
    frame = crowd.replace(points=points)
    one, two = (corrupt(frame, "object_echo", 1, seed=s) for s in (0, 1))
    assert not np.array_equal(one.ring, two.ring)


@pytest.mark.parametrize("name", ["object_density", "object_cutout", "object_echo"])
def test_without_objects_nothing_changes(crowd: Frame, name: str) -> None:
    empty = crowd.replace(boxes=crowd.boxes.select(np.zeros(0, np.int64)))
    assert measure_effect(empty, corrupt(empty, name, 5, seed=0)).changed == set()
