import runpy
from pathlib import Path

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import corrupt, corrupt_with, measure_effect

NAMES = ("object_scale", "object_rotation", "object_shear")
owners = runpy.run_path(str(Path(__file__).with_name("conftest.py")))["owners"]


def local(frame: Frame, owner: np.ndarray) -> np.ndarray:
    """(K, 3) the objects' points in the axes of their boxes, from the middle of the bottom, each
    moved to the keyframe's time.
    """
    rows = owner >= 0
    box, points = frame.boxes.boxes[owner[rows]].astype(float), frame.points[rows].astype(float)
    dx, dy = (points[:, :2] + np.nan_to_num(box[:, 7:9]) * points[:, 4:] - box[:, :2]).T
    c, s = np.cos(box[:, 6]), np.sin(box[:, 6])
    return np.column_stack(
        [c * dx + s * dy, c * dy - s * dx, points[:, 2] - (box[:, 2] - box[:, 5] / 2)]
    )


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("severity", [1, 5])
def test_points_stay_inside_and_on_the_ground_and_all_else_stays(
    crowd: Frame, owner: np.ndarray, name: str, severity: int
) -> None:
    after = corrupt(crowd, name, severity, seed=0)
    assert np.array_equal(after.points[owner == -1], crowd.points[owner == -1])
    assert np.array_equal(after.points[:, 3:], crowd.points[:, 3:])
    inside = owners(after.points[owner >= 0], after.boxes.boxes, 0.015)
    assert np.array_equal(inside, owner[owner >= 0])
    old, new = crowd.boxes.boxes, after.boxes.boxes
    assert new[:, 2] - new[:, 5] / 2 == pytest.approx(old[:, 2] - old[:, 5] / 2, abs=1e-5)
    assert np.array_equal(new[:, 7:], old[:, 7:], equal_nan=True)
    assert not (new[:, :7] == old[:, :7]).all(axis=1).any()
    assert ((new[:, 6] >= -np.pi) & (new[:, 6] < np.pi)).all()
    was, now = local(crowd, owner), local(after, owner)
    low = was[:, 2] < 0.05
    assert low.sum() > 5
    assert (abs(now[low, 2]) < 0.07).all()
    assert np.array_equal(after.boxes.num_points, crowd.boxes.num_points)


@pytest.mark.parametrize(
    ("severity", "change"), [(1, 0.04), (2, 0.08), (3, 0.12), (4, 0.16), (5, 0.20)]
)
def test_scale_stretches_one_dimension(
    crowd: Frame, owner: np.ndarray, severity: int, change: float
) -> None:
    after = corrupt(crowd, "object_scale", severity, seed=0)
    old, new = crowd.boxes.boxes.astype(float), after.boxes.boxes.astype(float)
    factors = new[:, 3:6] / old[:, 3:6]
    assert np.sort(abs(factors - 1), axis=1) == pytest.approx(
        np.tile([0, 0, change], (30, 1)), abs=1e-6
    )
    assert set(abs(factors - 1).argmax(axis=1)) == {0, 1, 2}
    assert (factors.max(axis=1) > 1.01).any()
    assert (factors.min(axis=1) < 0.99).any()
    assert np.array_equal(new[:, [0, 1, 6]], old[:, [0, 1, 6]])
    assert local(after, owner) == pytest.approx(
        local(crowd, owner) * factors[owner[owner >= 0]], abs=1e-4
    )


@pytest.mark.parametrize(("severity", "degrees"), [(1, 1), (2, 3), (3, 5), (4, 7), (5, 9)])
def test_rotation_turns_on_the_spot(
    crowd: Frame, owner: np.ndarray, severity: int, degrees: float
) -> None:
    after = corrupt(crowd, "object_rotation", severity, seed=0)
    old, new = crowd.boxes.boxes.astype(float), after.boxes.boxes.astype(float)
    turned = np.degrees((new[:, 6] - old[:, 6] + np.pi) % (2 * np.pi) - np.pi)
    assert abs(turned) == pytest.approx(np.full(30, degrees), abs=1e-4)
    assert len(set(np.sign(turned))) == 2
    assert np.array_equal(new[:, :6], old[:, :6])
    assert local(after, owner) == pytest.approx(local(crowd, owner), abs=1e-4)


@pytest.mark.parametrize(
    ("severity", "shear"), [(1, 0.05), (2, 0.10), (3, 0.15), (4, 0.20), (5, 0.25)]
)
def test_shear_leans_and_the_box_still_holds_it_tightly(
    crowd: Frame, owner: np.ndarray, severity: int, shear: float
) -> None:
    after = corrupt(crowd, "object_shear", severity, seed=0)
    old, new = crowd.boxes.boxes.astype(float), after.boxes.boxes.astype(float)
    assert np.array_equal(new[:, [2, 5, 6]], old[:, [2, 5, 6]])
    was, now = local(crowd, owner), local(after, owner)
    assert now[:, 2] == pytest.approx(was[:, 2], abs=1e-5)
    for index in range(30):
        rows = owner[owner >= 0] == index
        if rows.sum() < 8:
            continue
        design = np.column_stack([was[rows], np.ones(rows.sum())])
        fit, _, _, _ = np.linalg.lstsq(design, now[rows], rcond=None)
        assert fit[0] == pytest.approx([1, 0, 0], abs=2e-3)
        assert [abs(fit[1, 0]), *fit[1, 1:]] == pytest.approx([shear, 1, 0], abs=2e-3)
        assert [abs(fit[2, 0]), abs(fit[2, 1]), fit[2, 2]] == pytest.approx(
            [shear, shear, 1], abs=2e-3
        )
        signs = np.array([[i, j, k] for i in (-1, 1) for j in (-1, 1) for k in (0, 1)])
        corners = signs * [*old[index, 3:5] / 2, old[index, 5]]
        sheared = np.column_stack([corners, np.ones(8)]) @ fit
        assert np.ptp(sheared[:, :2], axis=0) == pytest.approx(new[index, 3:5], abs=0.02)
        assert (sheared.max(axis=0) + sheared.min(axis=0))[:2] == pytest.approx([0, 0], abs=0.02)


def test_an_object_without_points_stays(crowd: Frame, owner: np.ndarray) -> None:
    keep = owner != 7
    fewer = crowd.replace(
        points=crowd.points[keep], ring=crowd.ring[keep], sweep_index=crowd.sweep_index[keep]
    )
    for name in NAMES:
        after = corrupt(fewer, name, 5, seed=0)
        same = (after.boxes.boxes[:, :7] == crowd.boxes.boxes[:, :7]).all(axis=1)
        assert list(np.flatnonzero(same)) == [7]


def test_an_object_changes_alike_whatever_is_beside_it(crowd: Frame) -> None:
    one = crowd.replace(boxes=crowd.boxes.select(np.arange(3)))
    for name in NAMES:
        alone, beside = (
            corrupt_with(frame, name, 0.2, seed=0).boxes.boxes[:3] for frame in (one, crowd)
        )
        assert np.array_equal(alone, beside, equal_nan=True)


@pytest.mark.parametrize("name", NAMES)
def test_zero_and_no_objects(crowd: Frame, name: str) -> None:
    still = corrupt_with(crowd, name, 0.0, seed=0)
    assert still.points == pytest.approx(crowd.points, abs=1e-5)
    assert still.boxes.boxes == pytest.approx(crowd.boxes.boxes, abs=1e-5, nan_ok=True)
    empty = crowd.replace(boxes=crowd.boxes.select(np.zeros(0, np.int64)))
    assert measure_effect(empty, corrupt(empty, name, 5, seed=0)).changed == set()
