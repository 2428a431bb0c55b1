"""Every relative link of the pages in the repository's root leads to a file; mkdocs checks
docs/."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = sorted(ROOT.glob("*.md"))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)\s]*)?\)")


def dead_links(text: str, folder: Path) -> list[str]:
    """The targets of relative links that do not exist below a folder."""
    targets = [target for target in LINK.findall(text) if ":" not in target]
    return [target for target in targets if not (folder / target).exists()]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    assert dead_links(page.read_text(encoding="utf-8"), page.parent) == []


def test_a_dead_link_is_found() -> None:
    text = "[a](docs/index.md) [b](docs/no.md#part) [c](https://x.org/y) ![d](no.png)"
    assert dead_links(text, ROOT) == ["docs/no.md", "no.png"]
