"""results.json must mean something: a senseless file is refused, with cell and field."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from reports.cli import gate, report
from reports.errors import ReportError
from reports.plausibility import check_meaning
from reports.results_file import read_results, write_results
from reports.schema import Results

Content = dict[str, Any]
CLEAN, FOG_1, CURVE_POINT, ATTACK = 0, 1, 5, 7


@pytest.fixture
def content(whole: Results, tmp_path: Path) -> Content:
    write_results(tmp_path / "whole.json", whole)
    loaded: Content = json.loads((tmp_path / "whole.json").read_text())
    del loaded["sha256"]  # of a file that is changed on purpose
    return loaded


def read(tmp_path: Path, content: object) -> Results:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(content))
    return read_results(path)


def metric(content: Content, cell: int = CLEAN, name: str = "mAP") -> Content:
    found: Content = content["cells"][cell]["metrics"][name]
    return found


def test_a_whole_file_means_something(
    content: Content, whole: Results, results: Results, tmp_path: Path
) -> None:
    assert read(tmp_path, content) == whole
    check_meaning(results, "results.json")


def put(where: str, **values: object) -> Callable[[Content], None]:
    """Changes keys of the object at a path such as 'cells.0.metrics.mAP'; keys of metrics are
    joined by '.', too.
    """

    def change(content: Content) -> None:
        node: Any = content
        for key in where.split(".") if where else []:
            node = node[int(key)] if isinstance(node, list) else node[key]
        node.update(values)

    return change


def again(content: Content, cell: int, **parameters: float) -> Content:
    """A copy of a cell with another id and other parameters."""
    copied: Content = json.loads(json.dumps(content["cells"][cell]))
    copied["id"] = "again"
    copied["condition"]["parameters"] |= parameters
    return copied


SENSELESS: dict[str, tuple[Callable[[Content], None], str]] = {
    "a share of 32": (
        put("cells.0.metrics.mAP", value=32, hi=40),
        "cells.0 (m/torch, clean).metrics.mAP.value: is 32, expected 0 to 1",
    ),
    "a negative share": (
        put("cells.0.metrics.mIoU", value=-0.1),
        "metrics.mIoU.value: is -0.1, expected 0 to 1",
    ),
    "a share of a class of 3": (
        put("cells.1.metrics.AP/car", value=3),
        "fog, severity 1).metrics.AP/car.value: is 3",
    ),
    "an error of 3 m within 2 m": (
        put("cells.0.metrics.mATE", value=3),
        "mATE.value: is 3, expected 0 to 2",
    ),
    "an unknown share of 2": (
        lambda c: c["cells"][0]["metrics"].update(other=metric(c, name="mIoU") | {"value": 2}),
        "metrics.other.value: is 2, expected 0 to 1",
    ),
    "an end beyond 1": (put("cells.0.metrics.mAP", hi=1.2), "mAP.hi: is 1.2, expected 0 to 1"),
    "an end below 0": (put("cells.0.metrics.mAP", lo=-0.2), "mAP.lo: is -0.2, expected 0 to 1"),
    "a value outside its interval": (
        put("cells.0.metrics.mAP", lo=0.7, hi=0.8),
        "mAP.value: is 0.6, expected within its interval, 0.7 to 0.8",
    ),
    "an interval upside down": (
        put("cells.0.metrics.mAP", lo=0.8, hi=0.7),
        "mAP.lo: is 0.8, expected at most hi, 0.7",
    ),
    "half an interval": (put("cells.0.metrics.mAP", lo=None), "mAP: has hi alone"),
    "an interval of nothing": (
        put("cells.0.metrics.mAP", value=None, reason="x"),
        "mAP.lo: is 0.3, expected null, for the value is null",
    ),
    "a billion frames": (
        put("cells.0.metrics.mAP", n_frames=10**9),
        "metrics.mAP.n_frames: Input should be less than",
    ),
    "more frames than the run": (
        put("cells.0.metrics.mIoU", n_frames=9),
        "mIoU.n_frames: is 9, expected at most the 8",
    ),
    "fewer frames than the run": (
        put("cells.0.metrics.mAP", n_frames=4),
        "mAP.n_frames: is 4, expected the 8 of the run",
    ),
    "fewer scenes than the run": (
        put("cells.0.metrics.mAP", n_scenes=2),
        "mAP.n_scenes: is 2, expected the 4",
    ),
    "a value of no frame": (
        put("cells.0.metrics.mIoU", n_frames=0, n_scenes=0),
        "mIoU.n_frames: is 0, expected 1 or more",
    ),
    "more scenes than frames": (
        put("cells.0.metrics.mIoU", n_frames=3),
        "mIoU.n_scenes: is 4, which does not fit n_frames, 3",
    ),
    "negative frames": (
        put("cells.0.metrics.mAP", n_frames=-1),
        "n_frames: Input should be greater than or equal to 0",
    ),
    "negative objects": (
        put("cells.0.metrics.AP/car", n_objects=-1),
        "AP/car.n_objects: Input should be greater than",
    ),
    "objects by the billion": (
        put("cells.0.metrics.mAP", n_objects=10**12),
        "mAP.n_objects: is 1000000000000, more than",
    ),
    "fewer objects than those of the classes": (
        put("cells.0.metrics.AP/bus", n_objects=11),
        "mAP.n_objects: is 30, expected at least the 31 of all AP/<class>",
    ),
    "means over other objects": (
        put("cells.0.metrics.mATE", n_objects=10),
        "metrics: n_objects differ between means over the same objects (mAP 30, mATE 10)",
    ),
    "the wrong direction": (
        put("cells.0.metrics.mAP", higher_is_better=False),
        "metrics.mAP.higher_is_better: is false, expected true for mAP",
    ),
    "the wrong direction of an error": (
        put("cells.0.metrics.mATE", higher_is_better=True),
        "mATE.higher_is_better: is true, expected false",
    ),
    "the wrong unit": (
        put("cells.0.metrics.mAP", unit="m"),
        "mAP.unit: is 'm', expected 'fraction' for mAP",
    ),
    "an unknown unit": (
        lambda c: c["cells"][0]["metrics"].update(
            other=metric(c, name="mIoU") | {"unit": "percent"}
        ),
        "metrics.other.unit: is 'percent', expected one of fraction, m, m/s, rad",
    ),
    "a number as text": (
        put("cells.0.metrics.mAP", value="0.4"),
        "mAP.value: Input should be a valid number",
    ),
    "true as a number": (
        put("cells.0.metrics.mAP", value=True),
        "mAP.value: Input should be a valid number",
    ),
    "true as a count": (
        put("provenance", n_frames=True),
        "provenance.n_frames: Input should be a valid integer",
    ),
    "a passed check of text": (
        put("cells.1.effect", passed="yes"),
        "cells.1.effect.passed: Input should be a valid boolean",
    ),
    "a number beyond all use": (
        put("cells.1.effect.measured", changed=1e200),
        "cells.1.effect.measured.changed",
    ),
    "the clean cell twice": (
        lambda c: c["cells"].append(c["cells"][0] | {"id": "again"}),
        "cells.20: has the same model, engine, condition and seed as cells.0",
    ),
    "the same cell with 1.0 for 1": (
        lambda c: c["cells"].append(again(c, FOG_1, level=1.0)),
        "cells.20: has the same model, engine, condition and seed as cells.1",
    ),
    "one severity with two strengths": (
        lambda c: c["cells"].append(again(c, FOG_1, level=2)),
        "cells.20: has the same model, engine, seed, corruption and severity as cells.1",
    ),
    "a cell twice": (
        lambda c: c["cells"].append(c["cells"][3]),
        "cells.20: has the same id as cells.3",
    ),
    "two models of one name": (
        lambda c: c["models"].append(c["models"][0]),
        "models.1: has the same name as models.0",
    ),
    "a cell of an unknown model": (
        put("cells.0", model="other"),
        "cells.0 (other/torch, clean).model: 'other' is not among",
    ),
    "a clean cell with a severity": (
        put("cells.0.condition", severity=3),
        "condition.severity: is 3, expected 0",
    ),
    "a clean cell of another name": (
        put("cells.0.condition", name="fog"),
        "condition.name: is 'fog' with kind 'clean'",
    ),
    "a corruption without severity": (
        put("cells.1.condition", severity=0),
        "condition.severity: is 0, expected 1 to 5",
    ),
    "a severity of 9": (
        put("cells.1.condition", severity=9),
        "cells.1.condition.severity: Input should be less than or equal to 5",
    ),
    "a severity of true": (
        put("cells.1.condition", severity=True),
        "cells.1.condition.severity: Input should be a valid integer",
    ),
    "an attack with a severity": (
        put("cells.7.condition", severity=2),
        "condition.severity: is 2, expected 0 with kind 'attack'",
    ),
    "a corruption as control": (
        put("cells.1.condition", control=True),
        "condition.control: is true, expected false",
    ),
    "an axis that is no parameter": (
        put("cells.1.condition", axis="x"),
        "condition.axis: is 'x', which is not among the parameters",
    ),
    "a curve along a text": (
        put("cells.5.condition.parameters", visibility_m="far"),
        "condition.axis: expected the name of a parameter that is a number",
    ),
    "a mean that is none": (
        put("summary.m/torch.mAP/mPC", value=0.4),
        "summary.m/torch.mAP/mPC: is 0.4, but its cells give 0.3",
    ),
    "a rate that is none": (
        put("summary.m/torch.mAP/mRR", value=0.6),
        "mAP/mRR: is 0.6, but its cells give 0.5",
    ),
    "a degradation that is none": (
        put("summary.m/torch.mAP/RCE", value=0.4),
        "mAP/RCE: is 0.4, but its cells give 0.5",
    ),
    "a comparison that is none": (
        put("summary.m/onnx.mAP/mCE", value=1.1),
        "mAP/mCE: is 1.1, but its cells give 1",
    ),
    "a comparison with nobody": (
        put("summary.m/onnx.mAP/mCE", method="no interval; baseline x/y"),
        "mAP/mCE: compares with x/y, which lacks the cells",
    ),
    "a mean of nothing": (
        lambda c: c["summary"]["m/torch"].update({"NDS/mPC": c["summary"]["m/torch"]["mAP/mPC"]}),
        "summary.m/torch.NDS/mPC: the file holds no cell",
    ),
    "an unknown aggregate": (
        lambda c: c["summary"]["m/torch"].update({"mAP/best": c["summary"]["m/torch"]["mAP/mPC"]}),
        "summary.m/torch.mAP/best: unknown aggregate",
    ),
    "the summary of an unknown engine": (
        lambda c: c["summary"].update({"m/other": c["summary"]["m/torch"]}),
        "summary.m/other: has no cell in this file",
    ),
    "a summary of cells that are gone": (
        lambda c: c["cells"].__delitem__(FOG_1),
        "summary.m/torch.mAP/mPC: is 0.3, but its cells give 0.25",
    ),
    "a half that is none": (
        put("curves.0.half.mAP", value=80.0),
        "curves.0 (fog on m/torch).half.mAP: is 80, but its cells give 75",
    ),
    "a half beyond its curve": (
        put("curves.0.half.mAP", hi=900.0),
        "half.mAP: its interval does not hold its value, or leaves",
    ),
    "a curve without its cells": (
        lambda c: c["cells"].__delitem__(CURVE_POINT),
        "half.mAP: the file lacks the clean cell, or a cell of the curve",
    ),
    "a curve twice": (
        lambda c: c["curves"].append(c["curves"][0]),
        "curves.2 (fog on m/torch): is there twice",
    ),
    "a curve back and forth": (
        put("curves.0", values=[100.0, 50.0, 75.0]),
        "values: expected each once, from mild to severe",
    ),
    "a sanity check twice": (
        lambda c: c["sanity"].append(c["sanity"][0]),
        "sanity.3: has the same model, engine and id",
    ),
    "a sanity check of nobody": (
        put("sanity.0", model="other"),
        "sanity.0 (S1): other/torch has no cell",
    ),
    "a picture of another folder": (
        put("pictures.0", path="../../secret.png"),
        "pictures.0.path: is '../../secret.png'",
    ),
    "a picture by its full path": (
        put("pictures.0", path="/etc/a.png"),
        "pictures.0.path: is '/etc/a.png'",
    ),
    "a picture of a Windows folder": (
        put("pictures.0", path="..\\a.png"),
        "expected a path within the run folder",
    ),
    "no frames at all": (
        put("provenance", n_frames=0),
        "provenance.n_frames: Input should be greater than 0",
    ),
    "more scenes than frames in the run": (
        put("provenance", n_scenes=9),
        "provenance.n_scenes: is 9, expected at most n_frames",
    ),
    "a range below 0": (
        put("provenance.ranges", car=-5.0),
        "provenance.ranges.car: Input should be greater than 0",
    ),
    "an unknown key": (put("", checksum="x"), "checksum: unknown key"),
}


@pytest.mark.parametrize("what", SENSELESS)
def test_a_senseless_file_is_refused_with_cell_and_field(
    tmp_path: Path, content: Content, what: str
) -> None:
    change, message = SENSELESS[what]
    change(content)
    with pytest.raises(ReportError) as caught:
        read(tmp_path, content)
    assert message in str(caught.value).replace("\u00a0", " ")


@pytest.mark.parametrize("command", ["report", "gate", "report against it", "gate against it"])
def test_every_command_refuses_it(
    tmp_path: Path, content: Content, whole: Results, command: str
) -> None:
    write_results(tmp_path / "good.json", whole)
    metric(content)["value"] = 32
    (tmp_path / "bad.json").write_text(json.dumps(content))
    (tmp_path / "gate.yaml").write_text("rules: [{metric: mAP, min: 0.01}]")
    run, baseline = (
        ("good", ["--baseline", tmp_path / "bad.json"]) if "against" in command else ("bad", [])
    )
    rules = ["--rules", tmp_path / "gate.yaml"] if "gate" in command else []
    words = [str(word) for word in (tmp_path / f"{run}.json", *baseline, *rules)]
    done = CliRunner().invoke(gate if "gate" in command else report, words)
    assert isinstance(done.exception, ReportError)
    assert "metrics.mAP.value: is 32" in str(done.exception)
    assert not (tmp_path / "gate.json").exists()


def test_many_faults_are_counted_and_the_first_ones_shown(tmp_path: Path, content: Content) -> None:
    for cell in content["cells"]:
        for one in cell["metrics"].values():
            one["value"] = 7
    with pytest.raises(ReportError) as caught:
        read(tmp_path, content)
    lines = str(caught.value).splitlines()
    assert (len(lines), lines[-1]) == (22, "  ... and more")


def test_an_interval_of_an_error_may_leave_its_range_in_files_of_older_versions(
    tmp_path: Path, content: Content
) -> None:
    metric(content, name="mATE").update(lo=0.1, hi=2.3)
    with pytest.raises(ReportError, match=r"mATE\.hi: is 2\.3, expected 0 to 2"):
        read(tmp_path, content)
    content["schema_version"] = "1.2"
    assert read(tmp_path, content).cells[0].metrics["mATE"].hi == 2.3


HOSTILE: dict[str, bytes] = {
    "deep": b'{"schema_version": "1.3", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "endless digits": b'{"schema_version": "1.3", "title": ' + b"9" * 100_000 + b"}",
    "1e400": b'{"schema_version": "1.3", "title": 1e400}',
    "a version of many digits": b'{"schema_version": "1.' + b"9" * 6000 + b'"}',
    "a key twice": b'{"schema_version": "1.3", "title": "a", "title": "b"}',
    "half a surrogate": b'{"schema_version": "1.3", "title": "\\ud800"}',
    "a NUL": b'{"schema_version": "1.3", "title": "\\u0000"}',
    "a list": b"[]",
    "a number": b"7",
    "nothing": b"",
    "lists for objects": b'{"schema_version": "1.3", "cells": {}, "models": 3, "provenance": [], '
    b'"summary": [], "title": []}',
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_file_is_refused_in_one_message(tmp_path: Path, what: str) -> None:
    path = tmp_path / "results.json"
    path.write_bytes(HOSTILE[what])
    with pytest.raises(ReportError, match=r"results\.json"):
        read_results(path)


def test_a_pipe_in_place_of_the_file_does_not_hang(tmp_path: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from reports.results_file import read_results\n"
        "os.mkfifo(sys.argv[1])\n"
        "try: read_results(Path(sys.argv[1]))\n"
        "except ValueError as error: print(error)"
    )
    path = tmp_path / "results.json"
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=root,
    )
    assert "is a pipe, a device or a socket" in done.stdout
