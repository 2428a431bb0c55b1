"""`check_data` and `open_source` on the tiny data set, whole and damaged."""

from __future__ import annotations

from pathlib import Path

from calico.data.check import check_data
from tests.calico.data.nuscenes.loading import config


def test_whole(tiny: Path) -> None:
    calls: list[tuple[int, int]] = []
    report = check_data(
        config(tiny, sweeps=2), progress=lambda done, total: calls.append((done, total))
    )
    assert report.ok
    assert calls[0] == (1, 30)
    assert calls[-1] == (30, 30)  # 2 splits x (2 + 1 sweeps + 2 x 6 images)
    facts = dict(report.facts)
    assert facts["sample_data.json"] == "30 rows"
    assert facts["train"] == "'train': 1 scenes, 2 keyframes"
    assert facts["train objects"] == "car 2, pedestrian 1; 0 of them without points"
    assert facts["map boston-seaport"].startswith("drivable_area 1, ped_crossing 0")
    assert facts["files"].startswith("30 of 30 whole, 384 points, ")
    assert report.notes == [
        f"{s}: 1 keyframes with fewer than 2 sweeps (scenes begin there)" for s in ("train", "val")
    ]
    assert report.lines()[-1] == "all there"


def test_splits_are_chosen(tiny: Path) -> None:
    facts = dict(check_data(config(tiny), ["val"]).facts)
    assert facts["files"].startswith("14 of 14 whole")
    assert "train" not in facts
    facts = dict(check_data(config(tiny), ["scene-0061", "all"]).facts)
    assert facts["scene-0061"] == "'scene-0061': 1 scenes, 2 keyframes"
    assert facts["all"] == "'all': 2 scenes, 4 keyframes"
    assert (
        "unknown split 'tset'; expected one of train, val"
        in check_data(config(tiny), ["tset"]).problems[0]
    )
