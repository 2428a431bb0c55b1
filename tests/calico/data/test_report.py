"""The report of a data set's check."""

from __future__ import annotations

from pathlib import Path

from calico.data.check import check_data
from tests.calico.data.nuscenes.loading import config


def test_a_long_list_is_cut_in_print_only(tiny: Path) -> None:
    for path in (tiny / "samples").glob("CAM_*/*.jpg"):
        path.unlink()
    report = check_data(config(tiny))
    assert len(report.problems) == 24
    assert report.lines()[-2:] == ["... and 4 more problems", "24 problems"]
