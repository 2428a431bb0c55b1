from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import ValidationError

import reports.files
from reports.errors import ReportError
from reports.results_file import read_results, write_results
from reports.schema import Curve, Metric, Results, json_schema

VALUES = (400.0, 200.0, 100.0, 50.0)
OUTSIDE = "below 50 m, the most severe value, if anywhere: 67% of the clean mAP is left there"


def curve(model: str, half: Metric, scale: str = "log") -> Curve:
    return Curve(
        model=model,
        engine="onnx",
        name="fog",
        axis="visibility_m",
        unit="m",
        scale=scale,
        values=VALUES,
        half={"mAP": half},
    )


def test_a_logarithmic_scale_has_no_zero() -> None:
    half = Metric(
        value=None, reason=OUTSIDE, method="no interval", n_frames=5, n_scenes=2, unit="m"
    )
    with pytest.raises(
        ValidationError, match="a logarithmic scale holds 0; expected values above 0"
    ):
        Curve.model_validate(curve("fused", half).model_dump() | {"values": (400.0, 0.0)})


def written(tmp_path: Path, results: Results) -> Path:
    path = tmp_path / "results.json"
    write_results(path, results)
    return path


def without_seal(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text())
    del content["sha256"]
    return content


def test_published_json_schema_is_current() -> None:
    published = Path(reports.files.__file__).parent / "results.schema.json"
    assert json.loads(published.read_text()) == json_schema(), (
        'run: python -c "from pathlib import Path; from reports.files import to_json, write_text; '
        "from reports.schema import "
        "json_schema; write_text(Path('reports/results.schema.json'), to_json(json_schema()))\""
    )


def test_a_written_file_fulfils_the_published_schema_and_a_broken_one_does_not(
    tmp_path: Path, results: Results
) -> None:
    content = json.loads(written(tmp_path, results).read_text())
    validator = jsonschema.Draft202012Validator(json_schema())
    validator.validate(content)
    content["cells"][0]["metrics"]["mAP"]["value"] = "0.4"
    assert not validator.is_valid(content)


def test_null_without_reason_is_refused(tmp_path: Path, results: Results) -> None:
    path = written(tmp_path, results)
    content = without_seal(path)
    content["cells"][0]["metrics"]["mAP"].update(value=None, reason=None)
    path.write_text(json.dumps(content))
    with pytest.raises(ReportError, match="a metric without a value needs a reason"):
        read_results(path)
