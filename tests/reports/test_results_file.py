import errno
import json
import math
import random
from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.files import write_text
from reports.results_file import check_version, read_results, write_results
from reports.results_view import ResultsView
from reports.schema import Results


def written(tmp_path: Path, results: Results) -> Path:
    path = tmp_path / "results.json"
    write_results(path, results)
    return path


def without_seal(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    del content["sha256"]
    return content


def changed(path: Path, **changes: object) -> Path:
    content = without_seal(path)
    content.update(changes)
    path.write_text(json.dumps(content))
    return path


def test_round_trip_keeps_every_bit_and_the_same_object_gives_the_same_bytes(
    tmp_path: Path, results: Results
) -> None:
    path = written(tmp_path, results)
    again = read_results(path)
    assert again == results
    assert again.cells[3].metrics["mAP"].value == results.cells[3].metrics["mAP"].value
    first = path.read_bytes()
    write_results(path, again)
    assert path.read_bytes() == first


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_no_nan_is_written_and_the_old_file_stays(
    tmp_path: Path, results: Results, value: float
) -> None:
    path = written(tmp_path, results)
    before = path.read_bytes()
    condition = results.cells[1].condition.model_copy(
        update={"parameters": {"visibility_m": value}}
    )
    broken = results.model_copy(
        update={"cells": (results.cells[1].model_copy(update={"condition": condition}),)}
    )
    with pytest.raises(ReportError, match="not finite"):
        write_results(path, broken)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["results.json"]


def test_a_failed_write_leaves_the_old_file_and_no_litter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.txt"
    write_text(path, "old")

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"disk full.*a\.txt"):
        write_text(path, "new")
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"results\.json: no such file"):
        read_results(tmp_path / "results.json")


def test_folder_instead_of_file(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match=r"is a folder, expected a file such as .*results\.json"):
        read_results(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"a": }', "no valid JSON, line 1 column 7"),
        ("[1]", "expected a JSON object"),
        ('{"schema_version": "1.0", "x": NaN}', "holds NaN"),
        ('{"title": "x"}', "schema_version is None"),
        ('{"schema_version": 1}', "schema_version is 1"),
        ("\udcff", "no text in UTF-8: byte 0"),
    ],
)
def test_not_a_results_file(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(ReportError, match=message):
        read_results(path)


def test_other_major_version_is_refused(tmp_path: Path, results: Results) -> None:
    path = changed(written(tmp_path, results), schema_version="2.0")
    with pytest.raises(ReportError, match=r"schema version 2\.0, this calico reads 1\.x"):
        read_results(path)


def test_a_file_of_schema_1_3_is_read_and_its_sweep_is_a_curve() -> None:
    """The file is of a real run of the version before, with a curve of two points."""
    path = Path(__file__).parent / "data" / "results-1.3.json"
    stored = json.loads(path.read_text())
    assert [c["condition"]["kind"] for c in stored["cells"]] == [
        "clean",
        "corruption",
        *["sweep"] * 2,
    ]
    read = read_results(path)
    assert [c.condition.kind for c in read.cells] == ["clean", "corruption", "curve", "curve"]
    assert [c.metrics["mAP"].value for c in read.cells] == [
        c["metrics"]["mAP"]["value"] for c in stored["cells"]
    ]
    assert ResultsView(read).curves.keys() == {(read.models[0].name, "user", "point_drop")}


def test_versions_older_minor_is_read_newer_is_not() -> None:
    check_version("1.0", "1.4", "f")
    check_version("1.4", "1.4", "f")
    with pytest.raises(ReportError, match=r"1\.5 is newer than 1\.4; update calico"):
        check_version("1.5", "1.4", "f")


def test_no_flipped_bit_is_accepted(tmp_path: Path, results: Results) -> None:
    path = written(tmp_path, results)
    content = path.read_bytes()
    for bit in random.Random(0).sample(range(8 * len(content)), 400):
        path.write_bytes(
            content[: bit // 8]
            + bytes([content[bit // 8] ^ 1 << bit % 8])
            + content[bit // 8 + 1 :]
        )
        with pytest.raises(ReportError, match=r"results\.json: "):
            read_results(path)


def test_a_checksum_may_be_missing_and_is_right_where_it_is_there(
    tmp_path: Path, results: Results
) -> None:
    path = written(tmp_path, results)
    content = json.loads(path.read_text())
    content["title"] = "another"
    path.write_text(json.dumps(content))
    with pytest.raises(
        ReportError, match=r"does not match its checksum.*on purpose, remove its field sha256"
    ):
        read_results(path)
    assert read_results(changed(path, title="another")).title == "another"
    for value in (3, None, "", "0" * 64):
        with pytest.raises(ReportError, match="carries no checksum"):
            read_results(changed(written(tmp_path, results), sha256=value))
