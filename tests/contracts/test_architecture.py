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
}


def imported_rooms(source: str) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            rooms |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            rooms.add(node.module.split(".")[0])
    return rooms


@pytest.mark.parametrize("room", FORBIDDEN)
def test_no_import_against_the_arrows(room: str) -> None:
    files = list((ROOT / room).rglob("*.py"))
    assert files
    wrong = {str(file): imported_rooms(file.read_text()) & FORBIDDEN[room] for file in files}
    assert not {file: rooms for file, rooms in wrong.items() if rooms}


def test_the_check_sees_a_wrong_import() -> None:
    assert imported_rooms("def f():\n    from reports.schema import Results\n") & FORBIDDEN["calico"] == {"reports"}


@pytest.mark.parametrize(
    "module", ["calico.cli.main", "calico.config.load", "calico.frame", "corruptions", "reports.gate"]
)
def test_light_modules_import_no_torch(module: str) -> None:
    code = f"import sys, {module}; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
