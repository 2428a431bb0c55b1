"""The core alone: a wheel in a fresh environment without any extra corrupts, scores, reports and
gates."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]

SCRIPT = """
import numpy as np
from calico import corrupt_image, corrupt_points, detection_metrics
image = np.full((24, 64, 3), 90, np.uint8)
image[:, 30:] = 200
assert (corrupt_image(image, "motion_blur", severity=3) != image).any()
points = np.random.default_rng(0).uniform(0, 1, (500, 4)).astype(np.float32)
points[:, :2] *= 20
assert len(corrupt_points(points, "point_drop", severity=3)) < 500
boxes = np.array([[8.0, 1, -1, 4.5, 1.9, 1.6, 0.3, 3, 1]], np.float32)
found = detection_metrics(
    predicted=[(boxes, np.array([0.9], np.float32), np.array([0]))],
    truth=[(boxes, np.array([0]))],
)
print(round(found["AP/car"], 6))
"""


def load_module(path: Path) -> ModuleType:
    """Import a file of the tests that writes test data."""
    spec = importlib.util.spec_from_file_location(f"writer_{path.parent.name}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def copy_sources(out: Path) -> None:
    """Copy what the wheel is made of, since a build leaves files behind in its source tree."""
    out.mkdir()
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, out / name)
    for name in ("calico", "calico_eval", "corruptions", "reports"):
        shutil.copytree(ROOT / name, out / name, ignore=shutil.ignore_patterns("__pycache__"))


class Installed:
    """A fresh environment that holds the wheel and the packages that it requires."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        venv.create(folder / "venv", with_pip=True)
        self.bin = folder / "venv" / ("Scripts" if os.name == "nt" else "bin")

    def run(self, *command: str | Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment, away from the source tree."""
        env = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        words = [str(self.bin / command[0]), *map(str, command[1:])]
        return subprocess.run(
            words, cwd=self.folder, env=env, capture_output=True, text=True, check=False
        )

    def succeed(self, *command: str | Path) -> str:
        """Run a program that must succeed; its standard output."""
        done = self.run(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        return done.stdout


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """The core, installed from a wheel of this tree. Skips where pip reaches no index."""
    installed = Installed(tmp_path_factory.mktemp("core"))
    probe = installed.run("pip", "download", "-q", "--no-deps", "-d", "probe", "click")
    if probe.returncode:
        pytest.skip(f"pip reaches no package index: {probe.stderr.strip().splitlines()[-1]}")
    copy_sources(installed.folder / "source")
    installed.succeed("pip", "wheel", "-q", "--no-deps", "-w", "dist", installed.folder / "source")
    (wheel,) = (installed.folder / "dist").glob("*.whl")
    installed.succeed("pip", "install", "-q", wheel)
    return installed


@pytest.fixture(scope="module")
def data(core: Installed) -> Path:
    """A small data set in the nuScenes format: two scenes of two frames."""
    writer = load_module(ROOT / "tests" / "calico" / "data" / "conftest.py")
    root: Path = writer.write_tiny(core.folder / "nuscenes")
    return root


@pytest.mark.slow
def test_the_core_brings_no_torch_and_no_conflict(core: Installed) -> None:
    listed = json.loads(core.succeed("pip", "list", "--format=json"))
    names = {package["name"].lower() for package in listed}
    assert "calico-bev" in names
    assert not names & {"torch", "onnx", "onnxruntime-gpu", "trimesh", "requests", "torchattacks"}
    assert len(names) < 25
    core.succeed("pip", "check")
    where = core.succeed("python", "-c", "import calico; print(calico.__file__)")
    assert str(core.folder) in where


@pytest.mark.slow
def test_the_core_corrupts_a_data_set(core: Installed, data: Path) -> None:
    place = ("--set", "data.source=nuscenes", "--set", "data.version=v1.0-mini")
    root = ("--data-root", data)
    core.succeed("calico", "data", "check", *place, *root)
    core.succeed(
        "calico",
        "corrupt",
        *place,
        *root,
        "--corruptions",
        "fog",
        "--corruptions",
        "point_drop",
        "--severity",
        "3",
        "--out",
        "copies",
    )
    for name in ("fog-3", "point_drop-3"):
        clouds = sorted((core.folder / "copies" / name).rglob("*.pcd.bin"))
        assert clouds
        changed = [
            cloud.read_bytes() != next(data.rglob(cloud.name)).read_bytes() for cloud in clouds
        ]
        assert any(changed), name
    copy = ("--data-root", "copies/fog-3", "--split", "val")
    core.succeed("calico", "data", "check", *place, *copy)


@pytest.mark.slow
def test_the_core_reports_and_gates(core: Installed) -> None:
    writer = load_module(ROOT / "tests" / "reports" / "conftest.py")
    from reports.results_file import write_results

    run = core.folder / "run"
    results = writer.make_results()
    writer.draw_pictures(results, run)
    write_results(run / "results.json", results)
    core.succeed("calico", "report", "run")
    assert "<html" in (run / "report.html").read_text()
    rules = core.folder / "gate.yaml"
    for least, code in ((0.1, 0), (0.99, 3)):
        rules.write_text(f"rules: [{{metric: mAP, condition: clean, min: {least}}}]")
        done = core.run("calico", "gate", "run", "--rules", rules)
        assert done.returncode == code, done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_core_answers_in_python(core: Installed) -> None:
    (core.folder / "script.py").write_text(SCRIPT)
    assert core.succeed("python", "script.py").strip() == "1.0"


@pytest.mark.slow
def test_the_doctor_of_the_core_finds_no_problem(core: Installed) -> None:
    found = json.loads(core.succeed("calico", "doctor", "--json"))
    assert found["problems"] == []
    assert found["devices"]["torch_threads"] is None
    assert found["forward"]["onnxruntime"]["status"] == "not run"
    assert not found["extras"]["train"]["installed"]


@pytest.mark.slow
def test_what_the_core_lacks_is_named(core: Installed) -> None:
    for words, extra in (
        (("train", "--out", "new"), "train"),
        (("corrupt", "--corruptions", "fog", "--out", "new"), "sim"),
        (("export", "untrained", "--out", "new.onnx"), "train,export"),
    ):
        done = core.run("calico", *words)
        assert done.returncode == 2
        assert f"pip install 'calico-bev[{extra}]'" in done.stderr
