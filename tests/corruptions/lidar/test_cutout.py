"""cutout: exact numbers, blobs that are the nearest points."""

from itertools import pairwise

import numpy as np
import pytest

from calico.frame import Frame
from corruptions import SPECS, corrupt, corrupt_with


def rows(frame: Frame) -> set[bytes]:
    return {row.tobytes() for row in frame.points}


@pytest.mark.parametrize("severity", [1, 2, 3, 4, 5])
def test_every_blob_is_two_percent(street: Frame, severity: int) -> None:
    after = corrupt(street, "cutout", severity, seed=0)
    n = len(street.points)
    assert len(after.points) == n - SPECS["cutout"].value_at(severity) * round(0.02 * n)


def test_a_blob_is_the_points_nearest_to_one_of_them(street: Frame) -> None:
    left = rows(corrupt_with(street, "cutout", 1, seed=0))
    gone = np.array([row.tobytes() not in left for row in street.points])
    xyz = street.points[:, :3].astype(np.float64)
    size = int(gone.sum())
    found = False
    for centre in xyz[gone]:
        distance = np.linalg.norm(xyz - centre, axis=1)
        found |= distance[gone].max() <= np.sort(distance)[size] + 1e-4
    assert found


def test_a_severity_adds_blobs_to_the_one_before(street: Frame) -> None:
    left = [rows(corrupt_with(street, "cutout", blobs, seed=0)) for blobs in (1, 1.5, 2, 3, 10)]
    assert all(more < fewer for fewer, more in pairwise(left))
    n = len(street.points)
    assert len(left[0]) - len(left[1]) == round(0.01 * n)


def test_all_of_it_can_go(street: Frame) -> None:
    assert len(corrupt_with(street, "cutout", 50, seed=0).points) <= 25
