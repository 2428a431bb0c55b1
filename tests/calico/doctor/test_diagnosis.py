"""The whole diagnosis: its JSON has one schema, and problems are what was asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from calico import __version__
from calico.doctor import diagnosis
from calico.doctor.diagnosis import Request, diagnose
from calico.doctor.forward import Trial

KEYS = {
    "format", "ok", "system", "packages", "devices", "extras", "data", "caches", "forward",
    "warnings", "problems",
}  # fmt: skip


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_the_json_has_the_keys_of_its_format() -> None:
    found = json.loads(diagnose(Request(forward=False)).to_json())
    assert set(found) == KEYS
    assert found["format"] == "calico-doctor-1"
    assert found["ok"] is True
    assert found["system"]["calico"] == __version__
    assert set(found["system"]) == {"calico", "python", "platform"}
    assert set(found["devices"]) == {
        "cpu_threads", "torch_threads", "cuda", "torch_cuda", "onnxruntime_providers",
    }  # fmt: skip
    assert set(found["extras"]["train"]) == {"installed", "missing", "install"}
    assert set(found["caches"][0]) == {
        "name", "path", "exists", "files", "bytes", "complete", "writable", "free_bytes",
    }  # fmt: skip
    assert found["data"] is None
    assert found["forward"] == {}


def test_both_computations_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(diagnosis, "try_network", lambda device: Trial("ok", 0.25, device, "ran"))
    monkeypatch.setattr(
        diagnosis, "try_graph", lambda device: Trial("failed", None, None, "no opset 18")
    )
    found = diagnose(Request(device="cpu"))
    assert not found.ok
    assert found.problems == ["onnxruntime: no opset 18"]
    lines = list(found.lines())
    assert "run torch               ok, cpu, 250 ms: ran" in lines
    assert lines[-2:] == ["problem: onnxruntime: no opset 18", "problems: 1"]


def test_what_was_asked_for_and_is_missing_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "embreex", None)
    asked = Request(
        data_root=tmp_path / "nowhere", device="cuda:99", extras=("sim",), forward=False
    )
    found = diagnose(asked)
    assert [text.split(" is not")[0].split(":99")[0] for text in found.problems] == [
        "extra sim",
        f"data '{tmp_path / 'nowhere'}'",
        "device 'cuda",
    ]
    assert diagnose(Request(forward=False)).ok  # an extra that nobody asked for


def test_a_configuration_names_data_cache_and_device(tmp_path: Path) -> None:
    (tmp_path / "data" / "v1.0-mini").mkdir(parents=True)
    file = tmp_path / "mine.yaml"
    file.write_text(
        f"data: {{source: nuscenes, root: {tmp_path / 'data'}, cache_dir: {tmp_path / 'kept'}}}\n"
        "device: cuda:99\n"
    )
    found = diagnose(Request(config=file, forward=False))
    assert found.data is not None
    assert found.data.versions == ["v1.0-mini"]
    assert [one.path for one in found.caches if one.name == "data.cache_dir"] == [
        str(tmp_path / "kept")
    ]
    assert [text[:17] for text in found.problems] == ["device 'cuda:99':"]
    file.write_text("dat: 3\n")
    (problem,) = diagnose(Request(config=file, forward=False)).problems
    assert "unknown key dat" in problem
