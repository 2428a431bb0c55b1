"""The measures of the code find what they are to find, on snippets counted by hand."""

import ast
from pathlib import Path

import pytest

from benchmarks.house import (
    documents_arguments,
    find_circles,
    find_package_circles,
    list_arguments,
    list_imports,
    list_public_functions,
    measure_readme,
    measure_structure,
)

ROOT = Path(__file__).parents[2]


def test_there_is_no_circle() -> None:
    missed = {row.title: row.missing for row in measure_structure(ROOT) if not row.kept}
    assert not missed


@pytest.mark.parametrize(
    ("graph", "circles"),
    [
        ({"a": {"b"}, "b": {"c"}, "c": set()}, []),
        ({"a": {"b"}, "b": {"a"}, "c": {"a"}}, [["a", "b"]]),
        (
            {"a": {"b"}, "b": {"c"}, "c": {"a"}, "d": {"e"}, "e": {"d"}},
            [["a", "b", "c"], ["d", "e"]],
        ),
    ],
)
def test_circles_are_found(graph: dict[str, set[str]], circles: list[list[str]]) -> None:
    assert sorted(find_circles(graph)) == circles


def test_packages_may_form_a_circle_where_no_modules_do() -> None:
    graph = {"p.a.one": {"p.b.one"}, "p.b.two": {"p.a.two"}, "p.b.one": set(), "p.a.two": set()}
    assert find_circles(graph) == []
    assert find_package_circles(graph) == [["p.a", "p.b"]]
    assert find_package_circles({"p.a.one": {"p.b.one"}, "p.b.one": set()}) == []


def test_imports_in_functions_by_string_and_relative_ones_count() -> None:
    source = """
from __future__ import annotations
from typing import TYPE_CHECKING
import p.direct
from .sibling import name
from p import other
if TYPE_CHECKING:
    import p.typing_only
def later():
    from p.late import thing
    import_module("p.named:command")
"""
    modules = {f"p.{n}" for n in ("direct", "sibling", "other", "typing_only", "late", "named")}
    found = list_imports(source, "p.home", False, modules | {"p", "p.home"})
    assert found == modules - {"p.typing_only"}


SOURCE = '''
def both(a, b):
    """Do it.

    Args:
        a, b: Values.
    """
def half_done(a, *, b=1, **rest):
    """Do it.

    Args:
        a: A value.
        b: Another.

    Returns:
        rest: What was left.
    """
class Thing:
    @property
    def size(self): ...
    def grow_it(self, by): ...
    @staticmethod
    def make_it(a, b): ...
class _Hidden:
    def method(self): ...
def _hidden(): ...
'''


def test_public_functions_and_their_arguments() -> None:
    found = list(list_public_functions(ast.parse(SOURCE)))
    arguments = {name: list_arguments(node, method) for name, node, method in found}
    assert arguments == {
        "both": ["a", "b"],
        "half_done": ["a", "b", "rest"],
        "Thing.grow_it": ["by"],
        "Thing.make_it": ["a", "b"],
    }
    documented = {
        name: documents_arguments(ast.get_docstring(node), arguments[name])
        for name, node, _ in found
    }
    assert documented["both"]
    assert not documented["half_done"]  # `rest` stands under Returns only
    assert not documented["Thing.grow_it"]


def test_words_and_numbers_of_a_readme() -> None:
    text = "One two [three](http://x/4) `5 six`.\n```bash\n7 eight\n```\nnine 10 v1.0 3D 2.5\n"
    words, numbers = measure_readme(text)
    # One, two, three, code (what stood in backticks), nine and v1 (of v1.0) are words.
    assert words == 6
    assert numbers == pytest.approx(100 * 2 / 6)
