"""Measure the code and the README: structure, names, documentation, mirrored tests.

    python -m benchmarks.house                       the table; exit code 1 where a limit is missed
    python -m benchmarks.house --list calico/data    what misses the limits in some folders
    python -m benchmarks.house --out FILE            the figures as JSON, under a --label

Everything is read as text (syntax trees); no module of the project is imported.
"""

from __future__ import annotations

import argparse
import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

PACKAGES = ("calico", "calico_eval", "corruptions", "reports")
MAX_COLUMNS = 100
MAX_FUNCTION_LINES = 70
SHARES = ("documented", "described", "one_word", "mirrored")
"""Measures that are printed in percent."""
SECTIONS = "Returns|Raises|Yields|Example|Examples|Source|Attributes|Note"
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass
class Share:
    """How many things have a property, and which ones do not.

    Attributes:
        total: Number of things.
        missing: Descriptions of the things without the property.
    """

    total: int = 0
    missing: list[str] = field(default_factory=list)

    def count(self, good: bool, where: str) -> None:
        """Count one thing.

        Args:
            good: Whether it has the property.
            where: Its place and name, kept if it does not.
        """
        self.total += 1
        if not good:
            self.missing.append(where)

    @property
    def share(self) -> float:
        """Share of the things that have the property, from 0 to 1; 1 if there are no things."""
        return 1.0 - len(self.missing) / self.total if self.total else 1.0


@dataclass
class Row:
    """One line of the table.

    Attributes:
        name: What was measured, a key of the JSON.
        title: The same in words.
        value: The figure.
        limit: The limit in words; empty if the project promises none.
        kept: Whether the limit is kept.
        missing: The places where it is not.
    """

    name: str
    title: str
    value: float
    limit: str = ""
    kept: bool = True
    missing: list[str] = field(default_factory=list)


def list_public_functions(tree: ast.Module) -> Iterator[tuple[str, Function, bool]]:
    """Yield (qualified name, definition, whether it is a method) of every public function.

    Properties are values and special methods belong to the language: both are left out.
    """
    todo: list[tuple[str, ast.AST, bool]] = [("", node, False) for node in tree.body]
    while todo:
        prefix, node, method = todo.pop(0)
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            todo += [(f"{prefix}{node.name}.", child, True) for child in node.body]
        elif isinstance(node, (ast.If, ast.Try)):
            todo += [(prefix, child, method) for child in ast.iter_child_nodes(node)]
        elif isinstance(node, Function) and not node.name.startswith("_"):
            decorators = {ast.unparse(d).split("(")[0].split(".")[-1] for d in node.decorator_list}
            if not decorators & {"property", "cached_property", "overload", "setter"}:
                yield prefix + node.name, node, method


def list_arguments(function: Function, method: bool) -> list[str]:
    """List the names of the arguments, without `self` or `cls`.

    Args:
        function: The definition.
        method: Whether it is defined in a class.
    """
    spec = function.args
    names = [a.arg for a in (*spec.posonlyargs, *spec.args, *spec.kwonlyargs)]
    names += [a.arg for a in (spec.vararg, spec.kwarg) if a]
    static = any(ast.unparse(d) == "staticmethod" for d in function.decorator_list)
    return names[1:] if method and not static else names


def documents_arguments(docstring: str | None, names: Iterable[str]) -> bool:
    """Tell whether the `Args:` section of a docstring has a line for every argument.

    Args:
        docstring: The docstring, without the indentation of the code.
        names: The arguments. One line may describe several: `low, high: Limits [m].`
    """
    section = re.search(
        rf"^\s*Args:\n(.*?)(?:^\s*(?:{SECTIONS}):|\Z)", docstring or "", re.MULTILINE | re.DOTALL
    )
    if section is None:
        return False
    described = {
        name.strip(" *")
        for line in re.findall(r"^\s*([\w*, ]+?)(?:\s*\([^)]*\))?:", section[1], re.MULTILINE)
        for name in line.split(",")
    }
    return set(names) <= described


def name_module(file: Path) -> str:
    """Return the dotted name of a module, from its path relative to the root."""
    parts = file.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def list_imports(source: str, module: str, is_package: bool, modules: set[str]) -> set[str]:
    """List the project's modules that a module imports when it runs.

    Imports within functions count, and so do names in quotes that equal a module or begin with
    one and a colon (`"calico_eval.cli.robust:command"`), because they are imported later. Imports
    for type checkers do not count.

    Args:
        source: The text of the module.
        module: Its dotted name.
        is_package: Whether it is an `__init__.py`.
        modules: Dotted names of all modules of the project.
    """
    found: set[str] = set()
    package = module if is_package else module.rpartition(".")[0]

    def note(name: str) -> None:
        while name and name not in modules:
            name = name.rpartition(".")[0]
        found.add(name)

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            for child in node.orelse:
                visit(child)
            return
        if isinstance(node, ast.Import):
            for alias in node.names:
                note(alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*parts, *([base] if base else [])])
            for alias in node.names:
                note(f"{base}.{alias.name}")
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            name = node.value.partition(":")[0]
            if "." in name and name in modules:
                found.add(name)
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(source))
    return found - {"", module}


def find_circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Find the groups of nodes that reach each other (strongly connected components).

    Source: Tarjan, Depth-first search and linear graph algorithms, 1972.
    """
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    found: list[list[str]] = []

    def connect(node: str) -> None:
        index[node] = low[node] = len(index)
        stack.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in index:
                connect(target)
                low[node] = min(low[node], low[target])
            elif target in stack:
                low[node] = min(low[node], index[target])
        if low[node] == index[node]:
            at = stack.index(node)
            group = sorted(stack[at:])
            del stack[at:]
            if len(group) > 1:
                found.append(group)

    for node in sorted(graph):
        if node not in index:
            connect(node)
    return found


def find_package_circles(graph: dict[str, set[str]]) -> list[list[str]]:
    """Find circles among the children (packages and modules) of every package.

    The arrows of all modules below a child count as its own. A package's `__init__` is no child.
    """
    parents = {name.rpartition(".")[0] for name in graph} - {""}
    parents |= {parent.partition(".")[0] for parent in parents}
    found = []
    for parent in sorted(parents):
        depth = parent.count(".") + 2
        inside = f"{parent}."
        children: dict[str, set[str]] = {}
        for module, targets in graph.items():
            if not module.startswith(inside):
                continue
            child = ".".join(module.split(".")[:depth])
            arrows = children.setdefault(child, set())
            arrows |= {".".join(t.split(".")[:depth]) for t in targets if t.startswith(inside)}
            arrows.discard(child)
        found += find_circles(children)
    return found


def measure_readme(text: str) -> tuple[int, float]:
    """Count the words of prose in a README and its numbers per 100 words.

    Code blocks, pictures, addresses of links and HTML do not count as prose. A number is a run of
    digits that stands for itself, not a part of a name such as `v1.0` or `3D`.
    """
    text = re.sub(r"```.*?```", " ", text, flags=re.DOTALL)
    text = re.sub(r"!\[[^\]]*\]\([^)]*\)|<!--.*?-->|<[^>]+>", " ", text, flags=re.DOTALL)
    text = re.sub(r"\]\([^)]*\)", "]", text)
    text = re.sub(r"`[^`]*`", " code ", text)
    words = re.findall(r"(?<!\w)[A-Za-z][\w'-]*", text)
    numbers = re.findall(r"(?<![\w.])\d+(?:[.,]\d+)*(?![\w])", text)
    return len(words), 100.0 * len(numbers) / max(1, len(words))


@dataclass
class Sources:
    """What was counted in the modules.

    Attributes:
        named, documented, described, mirrored: Functions and modules with the property.
        tall: Functions that are too long.
        words, semicolons: In docstrings.
    """

    named: Share = field(default_factory=Share)
    documented: Share = field(default_factory=Share)
    described: Share = field(default_factory=Share)
    mirrored: Share = field(default_factory=Share)
    tall: list[str] = field(default_factory=list)
    words: int = 0
    semicolons: int = 0

    def add_functions(self, file: Path, tree: ast.Module) -> None:
        """Count the names and docstrings of the public functions of a module.

        Args:
            file: The module, relative to the root.
            tree: Its syntax.
        """
        for name, node, method in list_public_functions(tree):
            at = f"{file}:{node.lineno} {name}"
            docstring = ast.get_docstring(node)
            self.named.count("_" in name.split(".")[-1].strip("_"), at)
            self.described.count(bool(docstring), at)
            arguments = list_arguments(node, method)
            if len(arguments) > 1:
                self.documented.count(documents_arguments(docstring, arguments), at)

    def add_sizes(self, file: Path, tree: ast.Module) -> None:
        """Count the words of all docstrings of a module, and the lines of its functions.

        Args:
            file: The module, relative to the root.
            tree: Its syntax.
        """
        for node in ast.walk(tree):
            if isinstance(node, (ast.Module, ast.ClassDef, *Function.__args__)):
                text = ast.get_docstring(node) or ""
                self.words += len(text.split())
                self.semicolons += text.count(";")
            if isinstance(node, Function):
                docstring_lines = (ast.get_docstring(node, clean=False) or "").count("\n")
                lines = (node.end_lineno or 0) - node.lineno + 1 - docstring_lines
                if lines > MAX_FUNCTION_LINES:
                    self.tall.append(f"{file}:{node.lineno} {node.name} ({lines} lines)")


def measure_sources(root: Path, files: list[Path]) -> list[Row]:
    """Measure names, documentation, sizes and mirrored tests of modules.

    Args:
        root: Root of the repository.
        files: The modules, relative to it.
    """
    found = Sources()
    for file in files:
        tree = ast.parse((root / file).read_text())
        found.add_functions(file, tree)
        found.add_sizes(file, tree)
        if file.name != "__init__.py":
            test = root / "tests" / file.parent / f"test_{file.stem}.py"
            found.mirrored.count(test.exists(), str(file))
    one_word = 1 - found.named.share
    return [
        _share_row(
            "documented",
            "functions with several arguments that document each of them",
            found.documented,
            0.70,
        ),
        _share_row("described", "public functions with a docstring", found.described, 0.95),
        Row(
            "one_word",
            "public functions named by one word",
            one_word,
            "below 0.20",
            one_word < 0.20,
            found.named.missing,
        ),
        _share_row("mirrored", "modules with a test at the mirrored path", found.mirrored, 0.80),
        Row(
            "tall",
            f"functions of more than {MAX_FUNCTION_LINES} lines without docstring",
            len(found.tall),
            "0",
            not found.tall,
            found.tall,
        ),
        Row(
            "semicolons",
            "semicolons in 1000 words of docstrings",
            round(1000 * found.semicolons / max(1, found.words), 1),
            "below 6",
            1000 * found.semicolons < 6 * found.words,
        ),
    ]


def _share_row(name: str, title: str, share: Share, least: float) -> Row:
    """Make the row of a share that must be above a limit."""
    return Row(name, title, share.share, f"above {least:.2f}", share.share > least, share.missing)


def measure_lines(root: Path, folders: list[str]) -> Row:
    """List the lines of tracked Python files that are too long.

    Args:
        root: Root of the repository.
        folders: Prefixes of the paths that count; the tests of a folder belong to it.
    """
    listed = subprocess.run(
        ["git", "ls-files", "*.py"], cwd=root, capture_output=True, text=True, check=True
    ).stdout.split()
    long = [
        f"{name}:{number}"
        for name in listed
        if (root / name).exists() and name.removeprefix("tests/").startswith(tuple(folders))
        for number, line in enumerate((root / name).read_text().splitlines(), 1)
        if len(line) > MAX_COLUMNS
    ]
    return Row("long", f"lines above {MAX_COLUMNS} characters", len(long), "0", not long, long)


def measure_structure(root: Path) -> list[Row]:
    """Find circles of imports among the modules and among the packages."""
    files = [f.relative_to(root) for p in PACKAGES for f in sorted((root / p).rglob("*.py"))]
    modules = {name_module(file) for file in files}
    graph = {
        name_module(f): list_imports(
            (root / f).read_text(), name_module(f), f.name == "__init__.py", modules
        )
        for f in files
    }
    for front_door in FRONT_DOORS & graph.keys():
        graph[front_door] = set()
    circles = [", ".join(circle) for circle in find_circles(graph)]
    packages = [", ".join(circle) for circle in find_package_circles(graph)]
    return [
        Row("circles", "circles of modules", len(circles), "0", not circles, circles),
        Row(
            "package_circles",
            "circles among the children of a package",
            len(packages),
            "0",
            not packages,
            packages,
        ),
    ]


FRONT_DOORS = {"calico", "calico.cli.main", "calico_eval.attacks"}
"""Tables of names that are imported on use; their arrows point to everything by intention."""


def measure_house(root: Path, folders: list[str]) -> list[Row]:
    """Measure everything.

    Args:
        root: Root of the repository.
        folders: Folders whose modules are measured. Structure and README are always whole.
    """
    files = [f.relative_to(root) for p in PACKAGES for f in sorted((root / p).rglob("*.py"))]
    chosen = [f for f in files if str(f).startswith(tuple(folders or PACKAGES))]
    words, numbers = measure_readme((root / "README.md").read_text())
    return [
        *measure_structure(root),
        measure_lines(root, folders or [""]),
        *measure_sources(root, chosen),
        Row("readme_words", "words of prose in the README", words, "below 600", words < 600),
        Row(
            "readme_numbers",
            "numbers in 100 words of it",
            round(numbers, 1),
            "below 3",
            numbers < 3,
        ),
    ]


def main() -> int:
    """Print the table and, if asked, the places; return 1 if a limit is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folders", nargs="*", help="measure these folders only")
    parser.add_argument("--list", action="store_true", help="name the places")
    parser.add_argument("--out", type=Path, help="add the figures to a JSON file")
    parser.add_argument("--label", default="now", help="their name in that file")
    options = parser.parse_args()
    rows = measure_house(Path.cwd(), options.folders)
    for row in rows:
        value = f"{row.value:.1%}" if row.name in SHARES else row.value
        print(f"{'kept  ' if row.kept else 'MISSED'}  {row.title:60} {value!s:>8}  ({row.limit})")
        if options.list or (not row.kept and "circles" in row.name):
            print("".join(f"            {place}\n" for place in row.missing), end="")
    if options.out:
        stored = json.loads(options.out.read_text()) if options.out.exists() else {}
        stored[options.label] = {row.name: round(row.value, 4) for row in rows}
        options.out.write_text(json.dumps(stored, indent=1) + "\n")
    return 0 if all(row.kept for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
