import json
from pathlib import Path
from typing import Any

import pytest

from reports.errors import ReportError
from reports.results_file import read_results, write_results
from reports.schema import Results


def written(tmp_path: Path, results: Results) -> Path:
    path = tmp_path / "results.json"
    write_results(path, results)
    return path


def without_seal(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    del content["sha256"]
    return content


def test_unknown_key_names_the_nearest_valid_one(tmp_path: Path, results: Results) -> None:
    path = written(tmp_path, results)
    content = without_seal(path)
    content["cells"][2]["metrics"]["mAP"]["n_frame"] = 3
    content["cells"][2]["condition"]["zzz"] = 1
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError) as caught:
        read_results(path)
    text = str(caught.value)
    assert "2 faults" in text
    assert "cells.2.metrics.mAP.n_frame: unknown key; did you mean 'n_frames'?" in text
    assert (
        "cells.2.condition.zzz: unknown key; valid keys: axis, control, kind, name, parameters"
        in text
    )


def test_missing_key_and_wrong_type_are_named(tmp_path: Path, results: Results) -> None:
    path = written(tmp_path, results)
    content = without_seal(path)
    del content["provenance"]["seed"]
    content["title"] = 3
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError) as caught:
        read_results(path)
    assert "provenance.seed: missing" in str(caught.value)
    assert "title: Input should be a valid string (got 3)" in str(caught.value)
