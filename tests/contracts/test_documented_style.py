"""Every page says first what its reader can do, keeps to 100 columns, and uses the glossary's
words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from benchmarks.doc_tables import BLOCK

ROOT = Path(__file__).parents[2]
PAGES = sorted(page for page in (ROOT / "docs").rglob("*.md") if page.parent.name != "parts")
FIRST = re.compile(
    r"(?:After this page|With (?:this page|these pages|CALICO)) .*\b(?:you|your)\b", re.DOTALL
)
CODE = re.compile(r"^```.*?^```|^---\n.*?^---$", re.DOTALL | re.MULTILINE)
OLD_WORDS = re.compile(r"\b(?:referee|rungs?|crafted|phantoms?|planted)\b", re.IGNORECASE)


def prose(text: str) -> str:
    """The text without code, head matter and tables from results; lines keep their numbers."""
    for pattern in (BLOCK, CODE):
        text = pattern.sub(lambda match: "\n" * match[0].count("\n"), text)
    return text


def long_lines(text: str) -> list[str]:
    """Lines of more than 100 characters that are no row of a table, no picture and no link."""
    return [
        line
        for line in prose(text).splitlines()
        if len(line) > 100 and not line.lstrip().startswith(("|", "![")) and "](" not in line
    ]


def first_paragraph(text: str) -> str:
    """The first text after the title."""
    return next(part for part in prose(text).split("\n\n") if part.strip() and "# " not in part)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_a_page_says_what_its_reader_can_do_and_is_not_wide(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert FIRST.match(first_paragraph(text).strip()), first_paragraph(text)
    assert long_lines(text) == []
    if page.name != "glossary.md":
        assert OLD_WORDS.findall(prose(text)) == []


def test_wide_lines_and_other_beginnings_are_found() -> None:
    wide = "word " * 25
    assert long_lines(f"```\n{wide}\n```\n{wide}\n| {wide} |\n") == [wide.strip() + " "]
    assert not FIRST.match(first_paragraph("# Title\n\nThis page is about tests.\n\nMore.\n"))
    assert FIRST.match(first_paragraph("# Title\n\nAfter this page you can test.\n"))
    assert OLD_WORDS.findall("The referee and two rungs") == ["referee", "rungs"]
