"""Versions, extras and conflicts."""

from __future__ import annotations

import importlib.metadata
import sys

import pytest

from calico.doctor.versions import DISTRIBUTIONS, find_conflicts, list_extras, list_versions
from calico.extras import EXTRAS


def test_versions_are_those_of_the_installed_distributions() -> None:
    found = list_versions()
    assert tuple(found) == DISTRIBUTIONS
    assert found["numpy"] == importlib.metadata.version("numpy")


def test_a_missing_distribution_has_no_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("calico.doctor.versions.DISTRIBUTIONS", ("no-such-distribution",))
    assert list_versions() == {"no-such-distribution": None}


def test_every_extra_is_listed_with_what_it_lacks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "embreex", None)
    found = list_extras()
    assert list(found) == list(EXTRAS)
    assert found["sim"].missing[-1:] == ["embreex"]
    assert not found["sim"].installed
    assert found["sim"].install == "pip install 'calico-bev[sim]'"
    assert all(one.installed == (one.install is None) for one in found.values())


@pytest.mark.parametrize(
    ("versions", "words"),
    [
        ({"onnxruntime": "1.22.0", "onnxruntime-gpu": "1.31.1"}, ["1.22.0", "pip uninstall both"]),
        (
            {"torchattacks": "3.5.1", "requests": "2.25.1", "idna": "2.10"},
            ["torchattacks 3.5.1 holds requests 2.25.1, idna 2.10", "--no-deps"],
        ),
    ],
)
def test_a_conflict_is_described(versions: dict[str, str | None], words: list[str]) -> None:
    (found,) = find_conflicts(versions)
    assert all(word in found for word in words)


@pytest.mark.parametrize(
    "versions",
    [
        {},
        {"onnxruntime": "1.31.1", "onnxruntime-gpu": None},
        {"onnxruntime": None, "onnxruntime-gpu": "1.31.1"},
        {"torchattacks": None, "requests": "2.25.1"},
        {"torchattacks": "3.5.1", "requests": None},
        {"torchattacks": "3.5.1", "requests": "2.32.4"},
    ],
)
def test_what_goes_together_is_no_conflict(versions: dict[str, str | None]) -> None:
    assert find_conflicts(versions) == []
