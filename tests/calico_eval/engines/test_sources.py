"""The identity of a user's model: every file of its code counts, and none of anybody else's."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import pytest

from calico_eval.engines.sources import hash_sources

FILES = {
    "model.py": "import helper\nfrom pack.part import f\nimport numpy\n",
    "helper.py": "import json, second\n",
    "second.py": "x = 1\n",
    "pack/__init__.py": "",
    "pack/part.py": "from . import other\nf = 1\n",
    "pack/other.py": "y = 1\n",
    "stranger.py": "z = 1\n",
    "broken.py": "def (:\n",
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    return tmp_path


def module_of(folder: Path, name: str) -> ModuleType:
    module = ModuleType(name)
    path = folder / name.replace(".", "/")
    module.__file__ = str(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    return module


@pytest.mark.parametrize(
    ("name", "changed"),
    [
        (
            "model",
            {
                "model.py",
                "helper.py",
                "second.py",
                "pack/__init__.py",
                "pack/part.py",
                "pack/other.py",
            },
        ),
        ("helper", {"helper.py", "second.py"}),
        ("pack", {"pack/__init__.py", "pack/part.py", "pack/other.py"}),
        ("pack.part", {"pack/__init__.py", "pack/part.py", "pack/other.py"}),
        ("broken", {"broken.py"}),
    ],
)
def test_a_change_of_any_file_of_the_model_is_another_model(
    name: str, changed: set[str], folder: Path
) -> None:
    before = hash_sources(module_of(folder, name), "")
    assert before == hash_sources(module_of(folder, name), "")
    found = set()
    for file, text in FILES.items():
        (folder / file).write_text(text + "# more\n")
        if hash_sources(module_of(folder, name), "") != before:
            found.add(file)
        (folder / file).write_text(text)
    assert found == changed


def test_what_the_model_says_of_its_weights_counts(folder: Path) -> None:
    module = module_of(folder, "model")
    assert len({hash_sources(module, stated) for stated in ("", "a", "b")}) == 3


def test_another_folder_is_the_same_model(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    copy = tmp_path_factory.mktemp("copy")
    for name in FILES:
        (copy / name).parent.mkdir(exist_ok=True)
        (copy / name).write_text(FILES[name])
    assert hash_sources(module_of(folder, "model"), "") == hash_sources(
        module_of(copy, "model"), ""
    )


def test_of_installed_packages_only_the_models_own_counts(folder: Path) -> None:
    installed = folder.rename(folder.with_name("site-packages"))
    before = hash_sources(module_of(installed, "model"), "")
    (installed / "helper.py").write_text("changed = 1\n")
    assert hash_sources(module_of(installed, "model"), "") == before
    (installed / "model.py").write_text("changed = 1\n")
    assert hash_sources(module_of(installed, "model"), "") != before


def test_a_module_without_a_file_has_its_name(folder: Path) -> None:
    assert hash_sources(ModuleType("one"), "") != hash_sources(ModuleType("two"), "")
