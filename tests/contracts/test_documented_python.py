"""Every Python block of README and docs runs, page by page, in a fresh interpreter.

The blocks of a page run in order in one namespace, in a folder with the files that the pages speak
of (`documented_files.py`). A block that needs what a test machine lacks starts with the comment
`# Not run in the tests: REASON`, which readers see; such blocks are counted here.
"""

from __future__ import annotations

import ast
import importlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
PACKAGES = ("calico", "calico_eval", "corruptions", "reports")
MARK = "# Not run in the tests: "
NOT_RUN = {"docs/guides/export.md": 1}
"""Page to the number of its blocks that are not run."""


def blocks(text: str) -> list[tuple[int, str]]:
    """The Python blocks of a page, each with the number of the line before it."""
    found, lines, start = [], text.splitlines(), None
    for number, line in enumerate(lines):
        if start is None and line.strip() in ("```python", "```py"):
            start = number + 1
        elif start is not None and line.strip() == "```":
            found.append((start, "\n".join(lines[start:number])))
            start = None
    return found


def program(text: str) -> str:
    """The blocks of a page that are run, at the lines at which they stand in the page."""
    lines: list[str] = []
    for start, code in blocks(text):
        if not code.startswith(MARK):
            lines += [""] * (start - len(lines)) + code.splitlines()
    return "\n".join(lines) + "\n"


def name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def run(folder: Path, *arguments: str) -> None:
    """Run Python in a folder, with a cache of its own beside it."""
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "XDG_CACHE_HOME": str(folder.parent / "cache"),
            "OMP_NUM_THREADS": "1",
        },
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("documented") / "work"
    made.mkdir()
    run(made, str(Path(__file__).with_name("documented_files.py")), str(made))
    return made


RUN = [page for page in PAGES if program(page.read_text(encoding="utf-8")).strip()]


@pytest.mark.slow
@pytest.mark.parametrize("page", RUN, ids=name)
def test_python_blocks_run(page: Path, folder: Path, tmp_path: Path) -> None:
    # A script called calico.py would be imported in place of the package.
    script = tmp_path / f"page_{page.stem}.py"  # its lines are those of the page
    script.write_text(program(page.read_text(encoding="utf-8")), encoding="utf-8")
    run(folder, str(script))


def missing_imports(code: str) -> list[str]:
    """The names that a program imports from the project and that are not there."""
    missing = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] in PACKAGES:
            module = importlib.import_module(str(node.module))
            missing += [
                f"{node.module}.{alias.name}"
                for alias in node.names
                if not hasattr(module, alias.name)
            ]
    return missing


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_imports_of_blocks_exist(page: Path) -> None:
    """The quick half of the test above: also of blocks that are not run."""
    for _, code in blocks(page.read_text(encoding="utf-8")):
        assert missing_imports(code) == []


def test_an_import_that_does_not_exist_is_found() -> None:
    code = "from calico import corrupt, corupt\nfrom pathlib import Path, Paths"
    assert missing_imports(code) == ["calico.corupt"]


def test_blocks_that_are_not_run_are_counted() -> None:
    counted = {
        name(page): sum(code.startswith(MARK) for _, code in blocks(page.read_text("utf-8")))
        for page in PAGES
    }
    assert {page: number for page, number in counted.items() if number} == NOT_RUN
    assert sum(len(blocks(page.read_text("utf-8"))) for page in PAGES) > 15


def test_every_mark_gives_a_reason() -> None:
    for page in NOT_RUN:
        for _, code in blocks((ROOT / page).read_text(encoding="utf-8")):
            if code.startswith(MARK):
                assert len(code.splitlines()[0].removeprefix(MARK)) > 10


def test_blocks_are_found_and_keep_their_lines() -> None:
    text = (
        "# Title\n\n```python\nx = 1\n```\n```bash\nls\n```\n"
        "```python\n# Not run in the tests: no\ny\n```\n\n```py\nx + 1\n```\n"
    )
    assert blocks(text) == [(3, "x = 1"), (9, "# Not run in the tests: no\ny"), (14, "x + 1")]
    assert program(text).splitlines() == ["", "", "", "x = 1", *[""] * 10, "x + 1"]
