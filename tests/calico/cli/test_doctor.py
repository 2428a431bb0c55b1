"""`calico doctor`: output, exit codes, and the core without torch."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.doctor import command

ROOT = Path(__file__).parents[3]
CORE = """
import sys
for name in ("torch", "torchvision", "onnx", "onnxscript", "onnxruntime", "pyarrow", "trimesh",
             "embreex", "safetensors", "sklearn", "tensorboard", "matplotlib"):
    sys.modules[name] = None
from calico.cli.main import main
sys.argv[1:] = ["doctor", *sys.argv[1:]]
main()
"""


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def run_core(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", CORE, *words], cwd=ROOT, capture_output=True, text=True, check=False
    )


def test_the_core_alone_is_fine() -> None:
    done = run_core("--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] is True
    assert found["devices"]["torch_threads"] is None
    assert found["forward"]["torch"]["detail"] == "torch is not installed"
    assert found["extras"]["train"]["install"] == "pip install 'calico-bev[train]'"


def test_an_extra_that_was_asked_for_must_be_there() -> None:
    done = run_core("--extra", "train", "--no-forward")
    assert done.returncode == 2
    assert done.stdout.splitlines()[-1] == "problems: 1"
    assert "pip install 'calico-bev[train]'" in done.stdout.splitlines()[-2]


def test_a_data_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "v1.0-mini").mkdir()
    done = CliRunner().invoke(command, ["--no-forward", "--data-root", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert f"{tmp_path}: nuscenes, versions v1.0-mini" in done.output
    assert done.output.splitlines()[-1] == "all fine"
    done = CliRunner().invoke(command, ["--no-forward", "--data-root", str(tmp_path / "no")])
    assert done.exit_code == 2
    assert "is not a folder" in done.output


def test_an_extra_that_does_not_exist_is_refused() -> None:
    done = CliRunner().invoke(command, ["--extra", "trian"])
    assert done.exit_code == 2
    assert "'trian' is not one of" in done.output
