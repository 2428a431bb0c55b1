"""Attacks follow the gradients of any model: no module of them knows our network by type."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ATTACKS = Path(__file__).parents[2] / "calico_eval" / "attacks"
FORBIDDEN_NAMES = {"CalicoModel", "TorchEngine", "Outputs", "PillarEncoder", "NetworkLoss", "Scene"}
FORBIDDEN_MODULES = (
    "calico.models",
    "calico.losses",
    "calico.config.model",
    "calico_eval.engines.torch",
    "calico_eval.engines.network",
)
GENERATES_DOCS = {ATTACKS / "docs.py"}
"""It prints the formulas of our network's objectives."""


def mentions(source: str) -> Iterator[str]:
    """Every name and every imported module of a source text, also in strings of type hints."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")
            yield node.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value.strip()


def faults(source: str) -> list[str]:
    return [
        one
        for one in mentions(source)
        if one in FORBIDDEN_NAMES
        or any(one == module or one.startswith(f"{module}.") for module in FORBIDDEN_MODULES)
    ]


@pytest.mark.parametrize(
    "source",
    [
        "from calico_eval.engines.torch import TorchEngine as T",
        "import calico.models.calico",
        "def f(engine: 'TorchEngine'): ...",
        "from calico import losses\nimport calico.losses",
        "from calico_eval.engines import network",
        "import importlib\nimportlib.import_module('calico_eval.engines.torch')",
    ],
)
def test_the_check_sees_every_form(source: str) -> None:
    assert faults(source)


def test_no_attack_knows_our_network() -> None:
    files = [path for path in sorted(ATTACKS.rglob("*.py")) if path not in GENERATES_DOCS]
    assert len(files) > 50
    assert {str(path): found for path in files if (found := faults(path.read_text("utf-8")))} == {}
