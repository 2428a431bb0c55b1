"""The page of the sanity checks and the glossary name every check as the reports do."""

from __future__ import annotations

from pathlib import Path

import pytest

from calico_eval.attacks.sanity.checklist import TITLES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("page", ["docs/explanation/sanity.md", "docs/reference/glossary.md"])
def test_every_check_is_named(page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    missing = [key for key, title in TITLES.items() if f"| {key} | {title} |" not in text]
    assert missing == []
