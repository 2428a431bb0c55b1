import json
import math
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from calico.errors import CalicoError
from experiments.pretraining.records import CELL_FORMAT as FORMAT
from experiments.pretraining.records import ROBUST_FORMAT
from experiments.pretraining.table import (
    Estimate,
    collect,
    gain,
    markdown,
    read_cells,
    write_tables,
)


def write_cell(
    folder: Path,
    variant: str,
    seed: int,
    value: float,
    *,
    labels: float = 0.05,
    split: str = "sim-test",
    steps: int = 12,
    miou: bool = True,
) -> None:
    record: dict[str, Any] = {
        "format": FORMAT,
        "variant": variant,
        "size": "ci",
        "labels": labels,
        "seed": seed,
        "split": split,
        "n_frames": 8,
        "labelled_frames": 1,
        "steps": steps,
        "metrics": {name: {"value": value} for name in ("mAP", "NDS", "mIoU")},
        "data_hash": {"train": "a"},
    }
    if not miou:
        record["metrics"]["mIoU"]["value"] = None
    folder.mkdir(exist_ok=True)
    (folder / f"{variant}-{100 * labels:g}pct-seed{seed}.json").write_text(json.dumps(record))


def test_interval_over_seeds_is_student_s() -> None:
    estimate = Estimate.of([10.0, 12.0, 17.0])
    assert estimate.mean == 13.0
    # t(0.975, 2) = 4.30265; sample deviation sqrt(13)
    assert estimate.half == pytest.approx(4.30265 * math.sqrt(13.0) / math.sqrt(3.0), rel=1e-5)
    assert str(estimate) == "13.0 ± 9.0"
    assert str(Estimate.of([3.0])) == "3.0"
    assert Estimate.of([3.0]).signed == "+3.0"


def test_gains_are_paired_within_a_seed(tmp_path: Path) -> None:
    for seed, (ours, theirs) in enumerate([(0.30, 0.20), (0.52, 0.40), (0.24, 0.10)]):
        write_cell(tmp_path, "fused-calico", seed, ours)
        write_cell(tmp_path, "fused-random", seed, theirs)
    write_cell(tmp_path, "fused-random", 3, 0.9)  # has no partner
    found = gain(collect(read_cells(tmp_path)), "fused-calico", "fused-random", 0.05, "mAP")
    assert found is not None
    assert found.n == 3
    assert found.mean == pytest.approx(12.0)
    assert found.half == pytest.approx(4.30265 * 2.0 / math.sqrt(3.0), rel=1e-5)
    assert gain(collect(read_cells(tmp_path)), "fused-prc", "fused-random", 0.05, "mAP") is None


def test_table_and_plot(tmp_path: Path) -> None:
    for seed in (0, 1):
        for variant, value in (
            ("lidar-random", 0.1),
            ("fused-random", 0.2),
            ("fused-calico", 0.25),
        ):
            write_cell(tmp_path, variant, seed, value + 0.01 * seed)
    written = write_tables(tmp_path)
    assert [path.name for path in written] == ["table.md", "plot.svg"]
    text = written[0].read_text()
    row = next(line for line in text.splitlines() if "CALICO" in line)
    assert [cell.strip() for cell in row.split("|")[2:8]] == [
        "2",
        "25.5 ± 6.4",
        "25.5 ± 6.4",
        "25.5 ± 6.4",
        "+5.0 ± 0.0",
        "+5.0 ± 0.0",
    ]
    assert "+15.0 ± 0.0" in row
    first = written[1].read_bytes()
    assert "CALICO" in "".join(ElementTree.fromstring(first).itertext())
    assert write_tables(tmp_path)[1].read_bytes() == first


def test_what_rad_adds_to_prc_has_columns_and_says_of_how_many_seeds(tmp_path: Path) -> None:
    for seed, (calico, prc) in enumerate([(0.30, 0.28), (0.26, 0.25), (0.24, 0.21)]):
        write_cell(tmp_path, "fused-calico", seed, calico)
        write_cell(tmp_path, "fused-prc", seed, prc)
    write_cell(tmp_path, "fused-random", 0, 0.1)
    header, _, *rows = [
        line for line in markdown(read_cells(tmp_path)).splitlines() if line.startswith("|")
    ]
    found = {
        cells[1].strip(): [cell.strip() for cell in cells]
        for cells in (row.split("|") for row in rows)
    }
    assert header.split("|")[11:14] == [" over PRC: mAP ", " NDS ", " mIoU "]
    # t(0.975, 2) = 4.30265; the differences 2, 1, 3 have the sample deviation 1
    assert found["fused, CALICO (PRC + RAD)"][11:14] == ["+2.0 ± 2.5"] * 3
    assert found["fused, CALICO (PRC + RAD)"][6] == "+20.0 (1)"
    assert found["fused, PRC + random camera"][11:14] == [""] * 3


def test_several_shares_make_lines(tmp_path: Path) -> None:
    for labels in (0.01, 0.05, 1.0):
        write_cell(tmp_path, "lidar-random", 0, labels, labels=labels)
    text = markdown(read_cells(tmp_path))
    assert text.count("of the labels (1 frames)") == 3
    assert "labels, %" in "".join(
        ElementTree.fromstring(write_tables(tmp_path)[1].read_bytes()).itertext()
    )


def test_cells_that_do_not_compare_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(CalicoError, match="no cells"):
        read_cells(tmp_path)
    write_cell(tmp_path, "lidar-random", 0, 0.1)
    write_cell(tmp_path, "lidar-prc", 0, 0.1, split="sim-val")
    with pytest.raises(CalicoError, match="several sizes, splits, steps or data"):
        read_cells(tmp_path)
    write_cell(tmp_path, "lidar-prc", 0, 0.1, steps=24)
    with pytest.raises(CalicoError, match="several sizes, splits, steps or data"):
        read_cells(tmp_path)
    (tmp_path / "lidar-prc-5pct-seed0.json").write_text("{}")
    with pytest.raises(CalicoError, match="'format': Field required"):
        read_cells(tmp_path)


def test_robustness_is_a_table_of_its_own(tmp_path: Path) -> None:
    write_cell(tmp_path, "lidar-random", 0, 0.1)
    figures = {"mCE": 1.0, "mRR": 0.5, "lost_to_pgd": None}
    record = {
        "format": ROBUST_FORMAT,
        "labels": 0.05,
        "seed": 0,
        "variants": {"lidar-random": figures},
    }
    (tmp_path / "robust-lidar-random-5pct-seed0.json").write_text(json.dumps(record))
    assert len(read_cells(tmp_path)) == 1
    text = write_tables(tmp_path)[0].read_text()
    assert "| labels | initialisation | seeds | lost_to_pgd | mCE | mRR |" in text
    assert "| 5 % | LiDAR only, random init | 1 |  | 100.0 | 50.0 |" in text


def test_a_metric_that_is_not_defined_leaves_its_places_empty(tmp_path: Path) -> None:
    for seed in (0, 1):
        write_cell(tmp_path, "fused-random", seed, 0.2, miou=False)
        write_cell(tmp_path, "fused-calico", seed, 0.3, miou=False)
    table, picture = write_tables(tmp_path)
    row = next(line for line in table.read_text().splitlines() if "CALICO" in line)
    assert [cell.strip() for cell in row.split("|")[2:9]] == [
        "2",
        "30.0 ± 0.0",
        "30.0 ± 0.0",
        "",
        "+10.0 ± 0.0",
        "+10.0 ± 0.0",
        "",
    ]
    text = "".join(ElementTree.fromstring(picture.read_bytes()).itertext())
    assert "NDS" in text
    assert "mIoU" not in text


def test_the_picture_names_the_rows_of_a_metric_that_some_variants_lack(tmp_path: Path) -> None:
    write_cell(tmp_path, "lidar-random", 0, 0.1, miou=False)
    write_cell(tmp_path, "fused-random", 0, 0.2)
    text = "".join(ElementTree.fromstring(write_tables(tmp_path)[1].read_bytes()).itertext())
    assert text.index("LiDAR only, random init") < text.index("fused, random init")
    assert "mIoU" in text
