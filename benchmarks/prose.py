"""Check the prose of docstrings, comments and pages: no private metaphors, no fragments.

Run `python -m benchmarks.prose [PATH ...]`; the exit code is 1 if a rule is broken. It prints one
line per finding, as a linter does. The rules are few and sure: words that have a plain replacement,
openings that make a fragment, and more than one semicolon in one docstring. Code in backticks or in
blocks, quotations and links are not prose.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import sys
import tokenize
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("calico", "calico_eval", "corruptions", "reports", "experiments", "examples", "docs")
PAGES = ("README.md", "CONTRIBUTING.md", "SECURITY.md", "CHANGELOG.md")

WORDS: dict[str, str] = {
    r"referees?": "say what is measured",
    r"ladders?|rungs?": "list of checks, step",
    r"plant(?:ed|s)?": "deliberate fault, insert",
    r"(?<!style )(?<!data )sheets?": "contact picture, page",
    r"banks?": "collection, set",
    r"crafted|crafts?|crafting": "attacked, compute the attack",
    r"told": "given, say",
    r"rooms?": "package, group",
}
"""Word to what to say instead."""

OPENINGS: dict[str, str] = {
    r"Of (?!course)": "begin with the subject",
    r"In place of ": "say what is done",
    r"Where (?!is |are |does |do |to )": "begin with the subject; 'If ...' for a condition",
    r"What there is": "name the thing",
}
"""Openings of a sentence that make a fragment, to what to write instead."""

PHRASES: dict[str, str] = {
    r"what there is": "name the thing",
    r"there is none(?: such)?\b": "say what does not exist",
    r"that there (?:is|are) not\b": "unknown, missing",
}

MAX_SEMICOLONS = 1
"""In one docstring. Pages and comments are not counted."""


@dataclass(frozen=True)
class Finding:
    """One broken rule.

    Attributes:
        path: File, relative to the repository.
        line: Line in the file.
        text: What was found, and what to do.
    """

    path: str
    line: int
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.text}"


def find_in_text(text: str) -> Iterator[tuple[int, str]]:
    """Find words, openings and phrases that the style does not allow.

    Args:
        text: Prose. Code and quotations in it are skipped.

    Yields:
        Offset of the line (from 0), and the finding in words.
    """
    plain = blank_code(text)
    for pattern, better in WORDS.items():
        yield from _matches(plain, rf"(?<![\w/.-])(?:{pattern})(?![\w/-])", better, re.IGNORECASE)
    for pattern, better in OPENINGS.items():
        yield from _matches(plain, rf"(?:^ *|(?<=\. ))(?:{pattern})", better)
    for pattern, better in PHRASES.items():
        yield from _matches(plain, rf"\b{pattern}", better, re.IGNORECASE)


def blank_code(text: str) -> str:
    """Replace code, quotations and links by spaces; lines stay where they are."""
    patterns = (
        r"^```.*?^```", r"^~~~.*?^~~~", r"``[^`]*``", r"`[^`\n]*`", r"\"[^\"\n]*\"",
        r"\]\([^)\n]*\)", r"^ *>>>.*$", r"https?://\S+",
    )  # fmt: skip
    for pattern in patterns:
        text = re.sub(
            pattern,
            lambda found: re.sub(r"[^\n]", " ", found[0]),
            text,
            flags=re.MULTILINE | re.DOTALL if pattern.startswith(("^`", "^~")) else re.MULTILINE,
        )
    return text


def _matches(
    text: str, pattern: str, better: str, flags: re.RegexFlag = re.NOFLAG
) -> Iterator[tuple[int, str]]:
    for found in re.finditer(pattern, text, flags | re.MULTILINE):
        word = found[0].strip()
        yield text.count("\n", 0, found.start()), f"'{word}': {better}"


def check_python(source: str) -> Iterator[tuple[int, str]]:
    """Check the docstrings and comments of a module.

    Args:
        source: Text of the module.

    Yields:
        Line, and the finding in words.
    """
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)):
            continue
        text = ast.get_docstring(node, clean=True)
        if text is None:
            continue
        first = node.body[0].lineno
        for offset, finding in find_in_text(text):
            yield first + offset, finding
        semicolons = blank_code(text.split("\nSource:")[0]).count(";")
        if semicolons > MAX_SEMICOLONS:
            yield first, f"{semicolons} semicolons in one docstring: write sentences"
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            for _, finding in find_in_text(token.string.lstrip("#: ")):
                yield token.start[0], finding


def check_files(paths: Iterable[Path]) -> list[Finding]:
    """Check Python modules and Markdown pages.

    Args:
        paths: Files below the repository.

    Returns:
        The findings, by path and line.
    """
    found = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".py":
            findings: Iterable[tuple[int, str]] = check_python(text)
        else:
            findings = ((line + 1, finding) for line, finding in find_in_text(text))
        name = path.resolve().relative_to(ROOT).as_posix()
        found += [Finding(name, line, finding) for line, finding in findings]
    return sorted(found, key=lambda one: (one.path, one.line))


def list_files(places: Iterable[Path]) -> list[Path]:
    """List the Python modules and Markdown pages of folders; a file stands for itself."""
    return [
        file
        for place in places
        for file in ([place] if place.is_file() else sorted(place.rglob("*")))
        if file.suffix in (".py", ".md") and "parts" not in file.parts
    ]


def main() -> None:
    """Print the findings; exit with 1 if there are any."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("paths", nargs="*", type=Path, help="default: the packages and pages")
    args = parser.parse_args()
    places = args.paths or [ROOT / name for name in (*FOLDERS, *PAGES) if (ROOT / name).exists()]
    found = check_files(list_files(places))
    print("\n".join(map(str, found)))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
