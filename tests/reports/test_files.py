import json
from pathlib import Path

import pytest

from reports.errors import ReportError
from reports.files import read_json, to_json
from reports.results_file import write_results
from reports.schema import Results


def written(tmp_path: Path, results: Results) -> Path:
    path = tmp_path / "results.json"
    write_results(path, results)
    return path


def test_text_has_sorted_keys_and_a_trailing_newline(tmp_path: Path, results: Results) -> None:
    text = written(tmp_path, results).read_text()
    assert text.endswith("}\n")
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=2) + "\n"


def test_json_floats_are_shortest_and_exact() -> None:
    value = 0.1 + 0.2
    assert json.loads(to_json({"v": value}))["v"] == value


def test_read_json_refuses_infinity(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"a": -Infinity}')
    with pytest.raises(ReportError, match="-Infinity"):
        read_json(path)
