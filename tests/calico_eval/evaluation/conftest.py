from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _no_git(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs record the commit they were made from; a commit made while the tests run must not look
    like another run."""
    monkeypatch.setenv("GIT_DIR", "/nonexistent")
