"""The arrows between the rooms, and what imports cost."""

import ast
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


def imported_rooms(source: str) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {package(alias.name) for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            rooms.add(package(node.module))
    return rooms


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_import_against_the_arrows(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(file): imported_rooms(file.read_text()) & FORBIDDEN[room] for file in files}
    assert not {file: rooms for file, rooms in wrong.items() if rooms}


def test_the_check_sees_a_wrong_import() -> None:
    assert imported_rooms("from calico.files.seal import seal\nimport calico.errors") == LEAVES
    assert imported_rooms("from calico.filesystem import x\nfrom calico import files") == {"calico"}
    assert imported_rooms("def f():\n    from reports.schema import Results\n") & FORBIDDEN[
        "calico"
    ] == {"reports"}


@pytest.mark.parametrize(
    "module",
    ["calico.cli.main", "calico.config.load", "calico.frame", "corruptions", "reports.gate"],
)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
