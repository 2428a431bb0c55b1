"""The arrows between the rooms, and what imports cost."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FORBIDDEN = {
    "corruptions": {"calico", "calico_eval", "reports"},
    "reports": {"calico", "calico_eval", "corruptions"},
    "calico": {"calico_eval", "reports"},
    "calico/files": {"calico", "calico_eval", "reports", "corruptions"},
}
LEAVES = {"calico.files", "calico.errors"}
"""They import nothing else of the project: every package reads and stores files through them."""


def package(module: str) -> str:
    leaf = ".".join(module.split(".")[:2])
    return leaf if leaf in LEAVES else module.split(".")[0]


ROOTS = (ROOT / "calico" / "__init__.py", ROOT / "calico" / "cli")
"""The composition roots: the front door and the commands may name every package."""
NAMED_MODULE = re.compile(r"((?:calico|calico_eval|corruptions|reports)(?:\.\w+)+)(?::\w+)?")
"""A text that names a module, as tables of lazy imports hold it: 'reports.cli:gate'."""


def names_module(text: str) -> bool:
    """Whether a text is the dotted name of a module of the project."""
    match = NAMED_MODULE.fullmatch(text)
    if not match:
        return False
    path = ROOT.joinpath(*match[1].split("."))
    return path.with_suffix(".py").is_file() or path.is_dir()


def imported_rooms(source: str) -> set[str]:
    """The packages that a source imports, by statements or by the names of modules as texts."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            rooms |= {package(node.value)} if names_module(node.value) else set()
        if isinstance(node, ast.Import):
            rooms |= {package(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            rooms.add(package(node.module))
    return rooms


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_import_against_the_arrows(room: str) -> None:
    files = [
        file
        for file in (ROOT / room).rglob("*.py")
        if not any(root in (file, *file.parents) for root in ROOTS)
    ]
    assert files
    wrong = {str(file): imported_rooms(file.read_text()) & FORBIDDEN[room] for file in files}
    assert not {file: rooms for file, rooms in wrong.items() if rooms}


def test_the_check_sees_a_wrong_import() -> None:
    assert imported_rooms("from calico.files.seal import seal\nimport calico.errors") == LEAVES
    assert imported_rooms("from calico.filesystem import x\nfrom calico import files") == {"calico"}
    assert imported_rooms("def f():\n    from reports.schema import Results\n") & FORBIDDEN[
        "calico"
    ] == {"reports"}


def test_the_check_sees_an_import_by_name() -> None:
    lazy = """HOMES = {"report": "reports.cli:report"}"""
    by_hand = """importlib.import_module("calico_eval.evaluate")"""
    assert imported_rooms(lazy) == {"reports"}
    assert imported_rooms(by_hand) == {"calico_eval"}
    assert imported_rooms('"""See reports.cli and calico_eval.evaluate."""') == set()
    assert imported_rooms('x = "reports.no_such_module"') == set()


def test_both_roots_name_what_others_may_not() -> None:
    for root in ROOTS:
        files = [root] if root.is_file() else list(root.rglob("*.py"))
        named = {room for file in files for room in imported_rooms(file.read_text())}
        assert "calico_eval" in named


@pytest.mark.parametrize(
    "module",
    [
        "calico.cli.main",
        "calico.config.load",
        "calico.frame",
        "corruptions",
        "reports.gate.evaluate",
    ],
)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
