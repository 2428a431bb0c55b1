"""The prose check finds what the style forbids, and only that."""

from __future__ import annotations

import pytest

from benchmarks.prose import (
    FOLDERS,
    PAGES,
    ROOT,
    check_files,
    check_python,
    find_in_text,
    list_files,
)


@pytest.mark.parametrize(
    "text",
    [
        "The referee measures it.",
        "Draw a contact sheet of every group.",
        "A deliberate fault is planted in the model.",
        "Done. Of both the larger one.",
        "Of the options nothing is loaded.",
        "In place of the craft of an attack.",
        "Where it has none, the objective is another.",
        "Raises an error for an attack that there is not.",
        "None where there is none such.",
        "Prints what there is.",
    ],
)
def test_a_sentence_that_the_style_forbids_is_found(text: str) -> None:
    assert list(find_in_text(text))


@pytest.mark.parametrize(
    "text",
    [
        "Measure how far a frame differs from its clean version.",
        "Of course the budget holds.",
        "The list has no such entry. Use `referee(frame)`.",
        "Where is the file?",
        "The data sheet states 0.02 m, and the style sheet is embedded.",
        "See [the page](../planted.md).",
        'The field "room" keeps its name.',
        "```\nOf code nothing is checked\n```",
        "The bathroom and headroom are long-told-of words.",
    ],
)
def test_a_good_sentence_passes(text: str) -> None:
    assert list(find_in_text(text)) == []


def test_docstrings_and_comments_are_checked_but_not_code() -> None:
    source = '''"""Run it; stop it."""

referee = "the referee in a string"  # the ladder of checks


def f() -> None:
    """Read a; b; and c."""
'''
    assert list(check_python(source)) == [
        (7, "2 semicolons in one docstring: write sentences"),
        (3, "'ladder': list of checks, step"),
    ]


def test_the_project_keeps_its_style() -> None:
    places = [ROOT / name for name in (*FOLDERS, *PAGES) if (ROOT / name).exists()]
    assert [str(one) for one in check_files(list_files(places))] == []
