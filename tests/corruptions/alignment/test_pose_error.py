import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from calico.frame import Frame
from corruptions import corrupt, measure_effect


def many_sweeps(street: Frame) -> Frame:
    """The street's points shared out over four sweeps, whose poses turn and shift."""
    poses = np.tile(np.eye(4), (4, 1, 1))
    poses[:, :3, :3] = Rotation.from_rotvec(
        [[0, 0, 0], [0, 0, 0.03], [0, 0, 0.06], [0, 0, 0.1]]
    ).as_matrix()
    poses[:, 0, 3] = [0, -0.5, -1, -1.5]
    return street.replace(
        sweep_T=poses, sweep_index=(np.arange(len(street.points)) % 4).astype(np.int16)
    )


@pytest.mark.parametrize(
    ("severity", "metres", "rad"),
    [(1, 0.02, 0.002), (2, 0.04, 0.004), (3, 0.06, 0.006), (4, 0.08, 0.008), (5, 0.10, 0.010)],
)
def test_older_sweeps_are_moved_rigidly(
    street: Frame, severity: int, metres: float, rad: float
) -> None:
    before = many_sweeps(street)
    after = corrupt(before, "pose_error", severity, seed=0)
    deltas = np.linalg.inv(before.sweep_T) @ after.sweep_T
    assert np.array_equal(after.sweep_T[0], np.eye(4))
    assert Rotation.from_matrix(deltas[1:, :3, :3]).magnitude() == pytest.approx(
        np.full(3, rad), abs=1e-9
    )
    assert np.linalg.norm(deltas[1:, :3, 3], axis=1) == pytest.approx(np.full(3, metres), abs=1e-9)
    assert len({tuple(d[:3, 3].round(9)) for d in deltas[1:]}) == 3
    for sweep in range(4):
        rows = before.sweep_index == sweep
        in_sensor = (
            np.linalg.inv(before.sweep_T[sweep])
            @ np.c_[before.points[rows, :3], np.ones(rows.sum())].T
        )
        expected = (after.sweep_T[sweep] @ in_sensor).T[:, :3]
        assert after.points[rows, :3] == pytest.approx(expected, abs=1e-4)
    assert np.array_equal(after.points[:, 3:], before.points[:, 3:])
    rows = before.sweep_index == 0
    assert np.array_equal(after.points[rows], before.points[rows])


def test_every_frame_has_its_own_error(street: Frame) -> None:
    first = corrupt(street, "pose_error", 3, seed=0).sweep_T[1]
    assert not np.allclose(
        corrupt(street.replace(token="later"), "pose_error", 3, seed=0).sweep_T[1], first
    )


def test_a_single_sweep_stays(street: Frame) -> None:
    key = street.sweep_index == 0
    single = street.replace(
        points=street.points[key],
        ring=street.ring[key],
        sweep_index=street.sweep_index[key],
        elongation=None,
        sweep_T=np.eye(4)[None],
    )
    assert measure_effect(single, corrupt(single, "pose_error", 5, seed=0)).changed == set()
