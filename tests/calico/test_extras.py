"""Every extra that is missing is named with the line that installs it, at every door.

A missing package is simulated in a fresh interpreter: `sys.modules[name] = None` makes both
`import name` and `find_spec(name)` find nothing.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from calico.extras import EXTRAS, MissingExtraError, install_line, require_extra

ROOT = Path(__file__).parents[2]
TORCH_MODULES = ", ".join(EXTRAS["train"])


def run_without(extras: tuple[str, ...], code: str) -> subprocess.CompletedProcess[str]:
    """Run code in an interpreter in which the modules of some extras cannot be imported."""
    blocked = [module for extra in extras for module in EXTRAS[extra]]
    block = f"import sys; sys.modules.update(dict.fromkeys({blocked!r}))\n"
    return subprocess.run(
        [sys.executable, "-c", block + code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def calico_without(extra: str, *words: str) -> subprocess.CompletedProcess[str]:
    """Run a command line in an interpreter without one extra."""
    return run_without(
        (extra,), f"sys.argv[1:] = {list(words)!r}\nfrom calico.cli.main import main\nmain()"
    )


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Files that only have to exist: what is in them is read after the check."""
    folder = tmp_path_factory.mktemp("places")
    (folder / "model.onnx").write_bytes(b"onnx")
    (folder / "model.safetensors").write_bytes(b"weights")
    return {"folder": str(folder)}


@pytest.mark.parametrize(
    ("extra", "words"),
    [
        ("train", "train --out {folder}/new"),
        ("train", "train --preset tiny --init random --out {folder}/new"),
        ("train", "export {folder}"),
        ("train", "export untrained --out {folder}/new.onnx"),
        ("train", "eval {folder}/model.safetensors"),
        ("train", "eval {folder}/model.onnx"),
        ("train", "infer {folder}/model.safetensors --out {folder}/new"),
        ("train", "robust {folder}/model.safetensors --out {folder}/new"),
        ("train", "robust examples.user_model:build --attack pgd --out {folder}/new"),
        ("export", "export untrained --out {folder}/new.onnx"),
        ("export", "eval {folder}/model.onnx"),
        ("export", "infer {folder}/model.onnx --out {folder}/new"),
        ("export", "robust {folder}/model.onnx --out {folder}/new"),
        ("sim", "corrupt --corruptions fog --out {folder}/new"),
        ("sim", "gallery --out {folder}/new.html"),
        ("sim", "data prepare"),
        ("sim", "data check"),
        ("sim", "data regions --out {folder}/new"),
        ("sim", "train --preset tiny --init random --out {folder}/new"),
        ("sim", "infer examples.user_model:build --out {folder}/new"),
        ("sim", "robust examples.user_model:build --out {folder}/new"),
        ("torchattacks", "robust examples.user_model:build --attack ta_pgd --out {folder}/new"),
        ("trt-rtx", "export untrained --trt --out {folder}/new.onnx"),
    ],
)
def test_a_command_names_the_extra_that_it_lacks(
    extra: str, words: str, places: dict[str, str]
) -> None:
    done = calico_without(extra, *words.format(**places).split())
    said = done.stdout + done.stderr
    assert done.returncode == 2, said
    assert install_line(extra) in said
    assert "Traceback" not in said
    for module in EXTRAS[extra]:
        assert module in said


@pytest.mark.parametrize(
    ("extra", "code"),
    [
        ("train", "import calico.models.calico"),
        ("train", "import calico.losses.center"),
        ("train", "from calico.train.checkpoint import load_model"),
        ("train", "from calico_eval.attacks import attack_frames"),
        ("train", "from calico import attack; attack(None, [], 'pgd', None)"),
        (
            "train",
            "from pathlib import Path; from calico_eval.metrics.suffstats import save_stats;"
            "save_stats(Path('none'), [])",
        ),
        (
            "train",
            "from pathlib import Path; from calico_eval.metrics.suffstats import load_stats;"
            "load_stats(Path('none'))",
        ),
        ("train", "from calico.draw.embedding import project_tsne; project_tsne(None, 0)"),
        ("train", "from calico_eval.engines.open import open_engine; open_engine('tests')"),
        ("export", "from calico.export.onnx import export_onnx"),
        ("export", "from calico.export.graph import read_metadata"),
        ("sim", "from calico.data.sim import SimSource"),
        ("sim", "import calico.data.sim.raycast"),
        ("waymo", "from calico.data.waymo.v2.reader import open_segments"),
        ("waymo", "from calico.data.waymo.v2.writer import write_segment"),
        ("viz", "from experiments.pretraining.plot import plot; plot({})"),
        (
            "torchattacks",
            "from calico_eval.attacks.torchattacks.adapter import _load_torchattacks as load; "
            "load()",
        ),
    ],
)
def test_python_names_the_extra_that_it_lacks(extra: str, code: str) -> None:
    caught = (
        "from calico.extras import MissingExtraError\n"
        f"try: exec({code!r})\n"
        "except MissingExtraError as error: print(error)"
    )
    done = run_without((extra,), caught)
    assert done.returncode == 0, done.stderr
    assert install_line(extra) in done.stdout


def test_without_torchattacks_its_attacks_are_still_listed() -> None:
    done = run_without(
        ("torchattacks",),
        "from calico_eval.attacks import ALGORITHMS; print(*ALGORITHMS)",
    )
    assert {"pgd", "ta_pgd", "ta_square"} <= set(done.stdout.split())


def test_full_tensorrt_is_named_beside_the_one_that_needs_no_gpu(places: dict[str, str]) -> None:
    done = calico_without("trt-rtx", "export", "untrained", "--trt", "--out", "never.onnx")
    assert install_line("trt") in done.stderr


def test_an_extra_that_is_there_passes_without_being_imported() -> None:
    done = run_without(
        (),
        "from calico.extras import require_extra; require_extra('x', 'train'); "
        "print('torch' in sys.modules)",
    )
    assert done.stdout.strip() == "False"


def test_the_message_joins_several_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    monkeypatch.setitem(sys.modules, "embreex", None)
    with pytest.raises(MissingExtraError) as error:
        require_extra("a test", "train", "export", "sim")
    assert str(error.value) == (
        "a test needs packages that are not installed (onnx, embreex): "
        "pip install 'calico-bev[export,sim]'"
    )


def test_the_table_names_what_pyproject_installs() -> None:
    tomllib = pytest.importorskip("tomllib")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    modules = {
        "scikit-learn": "sklearn",
        "onnxruntime-gpu": "onnxruntime",
        "tensorrt-rtx-cu12": "tensorrt_rtx",
    }
    for extra, expected in EXTRAS.items():
        names = [
            text.split(">")[0].split("=")[0].strip()
            for text in project["optional-dependencies"][extra]
        ]
        found = {modules.get(name, name) for name in names if not name.startswith("calico-bev")}
        assert found == set(expected), extra


CORE = """
import importlib, json, pkgutil
found = {}
for name in ("calico", "calico_eval", "corruptions", "reports"):
    package = importlib.import_module(name)
    for module in pkgutil.walk_packages(package.__path__, name + ".", onerror=lambda name: None):
        try:
            importlib.import_module(module.name)
            found[module.name] = ""
        except ImportError as error:
            found[module.name] = str(error.name)
        except ValueError as error:
            found[module.name] = type(error).__name__
print(json.dumps(found))
"""
CORE_PACKAGES = (
    "calico.cli",
    "calico.config",
    "calico.draw",
    "calico.extras",
    "calico.files",
    "calico.frame",
    "calico.geometry.boxes",
    "calico.geometry.camera",
    "calico.geometry.frames",
    "calico.geometry.grid",
    "calico.data.nuscenes",
    "calico.data.open",
    "calico.data.check",
    "calico.predictions",
    "calico.regions",
    "calico.taxonomy",
    "calico_eval.cli",
    "calico_eval.corruption_gallery",
    "calico_eval.engines.user",
    "calico_eval.engines.predictions",
    "calico_eval.evaluate",
    "calico_eval.infer",
    "calico_eval.metrics",
    "calico_eval.submission",
    "corruptions",
    "reports",
)


def test_the_core_imports_without_any_extra() -> None:
    done = run_without(tuple(EXTRAS), CORE)
    assert done.returncode == 0, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    core = {
        name: problem
        for name, problem in found.items()
        if any(name == package or name.startswith(package + ".") for package in CORE_PACKAGES)
    }
    assert {name: problem for name, problem in core.items() if problem} == {}
    assert all(
        any(name == package or name.startswith(package + ".") for name in core)
        for package in CORE_PACKAGES
    )
    assert found["calico.models"] == "MissingExtraError"  # the block works
