"""Identify a user's model by its source files."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

from calico.files import read_bytes

SUFFIXES = (".py", ".so", ".pyd")


def hash_sources(module: ModuleType, stated: str) -> str:
    """Hash a module's source, what it imports from beside it, and `stated`.

    A module of a package counts with all files of its top-level package. Modules and packages in
    the folder of the module (or of its package) count if they are imported by name, and so do their
    own imports from there. In a folder of installed packages only the model's own package counts.
    Imports from elsewhere do not count, and neither do imports by a name that is made up at run
    time.

    Args:
        module: Module that made the model.
        stated: What the model states about its weights, empty if it states nothing.

    Returns:
        The hex digest.
    """
    digest = hashlib.sha256()
    if stated:
        digest.update(f"stated {stated}\n".encode())
    file = getattr(module, "__file__", None)
    if file is None:
        digest.update(f"module {module.__name__}\n".encode())
        return digest.hexdigest()
    root = Path(file).parent
    for _ in range(module.__name__.count(".") + (Path(file).stem == "__init__")):
        root = root.parent
    files = _closure(root, module.__name__.partition(".")[0]) or [Path(file)]
    for path in files:
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        digest.update(f"{name} {hashlib.sha256(read_bytes(path)).hexdigest()}\n".encode())
    return digest.hexdigest()


def _closure(root: Path, first: str) -> list[Path]:
    """List all files of the top-level name `first` in `root`, and what they import from there."""
    found: dict[str, list[Path]] = {}
    waiting = [first]
    installed = root.name in ("site-packages", "dist-packages")
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = _files(root, name)
            waiting += (
                [] if installed else [other for path in found[name] for other in _imported(path)]
            )
    return sorted({path for paths in found.values() for path in paths})


def _files(root: Path, name: str) -> list[Path]:
    """List the files of a top-level module or package; none if it is not in this folder."""
    package = root / name
    if package.is_dir():
        return sorted(
            path for path in package.rglob("*") if path.suffix in SUFFIXES and path.is_file()
        )
    return sorted(
        path for path in root.glob(f"{name}.*") if path.suffix in SUFFIXES and path.is_file()
    )


def _imported(path: Path) -> Iterator[str]:
    """Yield the top-level names that a source file imports.

    Relative imports stay in the file's package, which counts as a whole.
    """
    if path.suffix != ".py":
        return
    try:
        tree = ast.parse(read_bytes(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]
