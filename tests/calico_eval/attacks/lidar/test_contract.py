"""What every LiDAR attack keeps to, on every kind of frame that there is."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from calico.frame import Boxes, Frame
from calico_eval.attacks import (
    ALGORITHMS,
    AttackSpec,
    Threat,
    attack_frame,
    attack_frames,
    check_budget,
)
from calico_eval.engines.torch import TorchEngine
from calico_eval.engines.user import UserEngine

ADDING = ("spoof", "spoof_random", "frustum", "inject", "attach", "inject_random", "remove_scatter")
REMOVING = ("drop", "random_drop", "remove", "remove_90", "remove_50", "remove_elsewhere")
NAMES = (*ADDING, *REMOVING)


def spec_of(name: str) -> AttackSpec:
    threat = Threat(points_added=30, points_removed=25, window_deg=60.0, r_min_m=1.5)
    return AttackSpec(
        name, threat if name in ADDING else replace(threat, points_added=0, r_min_m=1.0), steps=2
    )


def kinds(frame: Frame, second_sweep: Callable[[Frame], Frame]) -> dict[str, Frame]:
    n = len(frame.points)
    return {
        "plain": frame,
        "no rings": frame.replace(ring=np.full(n, -1, np.int16)),
        "elongation": frame.replace(elongation=np.linspace(0, 1, n, dtype=np.float32)),
        "two sweeps": second_sweep(frame),
        "only old sweeps": second_sweep(frame).replace(sweep_index=np.ones(n, np.int16)),
        "no objects": frame.replace(boxes=Boxes.empty(), previous=None),
        "three points": frame.take_points(np.arange(n) < 3),
        "at the sensor": frame.replace(
            points=np.where(np.arange(n)[:, None] < 9, [0, 0, 0, 1, 0], frame.points).astype("f")
        ),
        "no points": frame.take_points(np.zeros(n, bool)),
    }


def rows(frame: Frame) -> list[bytes]:
    extra = (
        np.zeros(len(frame.points), np.float32) if frame.elongation is None else frame.elongation
    )
    columns = [frame.points, frame.ring[:, None], frame.sweep_index[:, None], extra[:, None]]
    return [row.tobytes() for row in np.concatenate(columns, axis=1).astype(np.float32)]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_frame(
    fused: TorchEngine, street_frame: Frame, second_sweep: Callable[[Frame], Frame], name: str
) -> None:
    spec, changed = spec_of(name), []
    for kind, frame in kinds(street_frame, second_sweep).items():
        before = rows(frame)
        result = attack_frame(fused, frame, spec, 0)
        after = rows(result.frame)
        passed, message = check_budget(spec.threat, result.budget)
        assert passed, (kind, message)
        assert rows(frame) == before
        old = set(before)
        new = np.array([row not in old for row in after], bool)
        stayed = [row for row in after if row in old]
        if name != "remove_scatter":  # whose points keep their places in the list
            assert not new[: len(after) - new.sum()].any()
        left = iter(before)
        assert all(row in left for row in stayed), kind  # in their order
        found = result.frame
        assert found.points.dtype == np.float32
        assert found.ring.dtype == found.sweep_index.dtype == np.int16
        if new.any():
            assert np.isin(found.ring[new], frame.ring).all()
            assert np.isin(found.points[new, 4], frame.points[:, 4]).all()
            assert ((found.points[new, 3] >= 0) & (found.points[new, 3] <= 1)).all()
            if name != "remove_scatter":
                assert not found.sweep_index[new].any()
            ranges = np.linalg.norm(found.points[new, :3].astype(np.float64), axis=1)
            reach = np.linalg.norm(frame.points[:, :3].astype(np.float64), axis=1).max()
            assert ranges.max() <= reach + 4.0 * (kind in ("two sweeps", "only old sweeps"))
        if result.budget.points_added or result.budget.points_removed:
            changed.append(kind)
        else:
            assert result.details.note, kind
    assert "plain" in changed or name == "spoof"
    assert "no points" not in changed


@pytest.mark.parametrize("name", NAMES)
def test_company_does_not_matter(fused: TorchEngine, street_frame: Frame, name: str) -> None:
    other = street_frame.replace(token="another")
    spec = spec_of(name)
    alone = attack_frame(fused, street_frame, spec, 5)
    together = attack_frames(fused, [other, street_frame], spec, 5)[1]
    assert together.frame.points.tobytes() == alone.frame.points.tobytes()
    assert together.details == alone.details


@pytest.mark.parametrize("name", NAMES)
def test_standard_threats_are_ones_that_the_attack_takes(name: str) -> None:
    algorithm = ALGORITHMS[name]
    assert len({threat.main for threat in algorithm.standard}) == len(algorithm.standard) >= 3
    for threat in algorithm.standard:
        AttackSpec(name, threat)
        assert threat.sensors == ("lidar",)
        assert threat.structural


def test_queries_and_controls_need_no_gradients(fused: TorchEngine, street_frame: Frame) -> None:
    class Model:
        def predict(self, frames: list[Frame]) -> list[object]:
            return list(fused.predict(frames))

    engine = UserEngine(Model(), "theirs", ("camera", "lidar"), "theirs")
    for name in NAMES:
        if ALGORITHMS[name].access == "gradients":
            with pytest.raises(Exception, match="gives no gradients"):
                attack_frame(engine, street_frame, spec_of(name), 0)
        else:
            result = attack_frame(engine, street_frame, spec_of(name), 0)
            own = attack_frame(fused, street_frame, spec_of(name), 0)
            assert result.frame.points.tobytes() == own.frame.points.tobytes()
