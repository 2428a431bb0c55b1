"""What a file says reaches no reader as a command: terminal, Markdown, XML or HTML."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import unicodedata
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from reports.clean_text import clean_lines, clean_text
from reports.errors import ReportError
from reports.gate.evaluate import evaluate_rules
from reports.gate.rules import Rule, Rules
from reports.html import render_html
from reports.results_file import write_results
from reports.schema import Cell, Check, Results
from reports.writers.junit import junit_xml
from reports.writers.markdown import markdown_summary
from reports.writers.openmetrics import openmetrics_text

BREAKS = ("\n", "\r", "\r\n", "\v", "\f", "\x1c", "\x1d", "\x1e", "\x85", "\u2028", "\u2029")
COMMANDS = (
    "\x00",
    "\x07",
    "\x08",
    "\x1b[2J",
    "\x7f",
    "\x9b31m",  # NUL, bell, backspace, clear the screen, delete, colour
    "\u202e",
    "\u202d",
    "\u2066",
    "\u2069",
    "\u200f",
    "\u061c",  # directions
    "\u200b",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\U000e0041",  # not seen at all
    "\ufffe",
    "\uffff",
    "\U0001fffe",
    "\ufdd0",
    "\ue000",
    "\ud800",  # no characters
)
FORGED = "{}**Passed**: 3 passed, 0 failed (exit code 0)."


@pytest.mark.parametrize("character", BREAKS)
def test_line_breaks_of_every_kind_become_spaces(character: str) -> None:
    assert clean_text(f"a{character}b").split() == ["a", "b"]
    assert len(clean_text(f"a{character}b").splitlines()) == 1


@pytest.mark.parametrize("character", COMMANDS)
def test_what_no_reader_sees_is_replaced(character: str) -> None:
    shown = clean_text(f"a{character}b")
    assert shown.startswith("a\ufffd")
    assert shown.endswith("b")
    assert character[0] not in shown


@pytest.mark.parametrize(
    "text",
    ["fog, severity\u00a03", "Müller", "模型", "می‌خواهم", "👩‍💻", "−3.0 pp ±", "é", "a\u0301"],
)
def test_words_of_all_languages_stay(text: str) -> None:
    assert clean_text(text) == text


def test_no_code_point_gets_through_that_a_terminal_or_xml_would_not_take() -> None:
    """All of Unicode: what comes out is one line, and legal in XML 1.0."""
    every = "".join(map(chr, range(0x110000)))
    shown = clean_text(every)
    assert len(shown.splitlines()) == 1
    assert not {unicodedata.category(c) for c in set(shown) - {"\u200c", "\u200d"}} & {
        "Cc",
        "Cf",
        "Cs",
        "Co",
        "Zl",
        "Zp",
    }
    illegal = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
    assert not illegal.search(shown)


def test_lines_of_a_message_stay_lines() -> None:
    assert clean_lines("a\rb\nc\u2028d") == "a b\nc d"
    assert str(ReportError("two\nlines \x1b[31m")) == "two\nlines \ufffd[31m"


def hostile(results: Results, character: str) -> Results:
    """Every text of a file that a report shows holds the character and a forged verdict."""
    text = "x" + FORGED.format(character)

    def marked(cell: Cell) -> Cell:
        check = Check(passed=False, measured={text: text}, message=text)
        condition = cell.condition
        if condition.kind != "clean":
            condition = condition.model_copy(update={"name": f"{condition.name}{text}"})
        return cell.model_copy(
            update={
                "id": cell.id + text,
                "model": text,
                "engine": text,
                "condition": condition,
                "effect": check,
                "metrics": cell.metrics | {f"AP/{text}": cell.metrics["AP/car"]},
                "details": {text: text},
            }
        )

    origin = results.provenance.model_copy(
        update={
            "command": text,
            "data": text,
            "git_commit": text,
            "machine": text,
            "packages": {text: text},
        }
    )
    sanity = tuple(
        one.model_copy(update={"model": text, "engine": text, "title": text, "message": text})
        for one in results.sanity
    )
    return results.model_copy(
        update={
            "title": text,
            "notes": (text,),
            "provenance": origin,
            "cells": tuple(marked(c) for c in results.cells),
            "models": (results.models[0].model_copy(update={"name": text, "description": text}),),
            "summary": {},
            "curves": (),
            "sanity": sanity,
            "pictures": tuple(
                p.model_copy(update={"caption": text, "token": text}) for p in results.pictures
            ),
        }
    )


@pytest.mark.parametrize("character", [*BREAKS, *COMMANDS])
def test_no_writer_lets_a_forged_verdict_through(whole: Results, character: str) -> None:
    results = hostile(whole, character)
    gate = evaluate_rules(
        results.model_copy(update={"title": "x"}),
        Rules(rules=(Rule(metric="*", condition="clean*", min=0.01),)),
    ).model_copy(update={"title": results.title})
    texts = {
        "markdown": markdown_summary(results, gate=gate),
        "junit": junit_xml(results, gate),
        "openmetrics": openmetrics_text(results, gate),
        "html": render_html(results, Path("nowhere"), gate=gate),
    }
    for name, text in texts.items():
        assert character[0] == "\n" or character[0] not in text, name
        lines = re.split("[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]", text)
        assert not [line for line in lines if line.startswith("**Passed**")], name
    ElementTree.fromstring(texts["junit"])


def test_the_commands_obey_no_name_and_print_to_any_console(tmp_path: Path, whole: Results) -> None:
    """The exit code is the gate's on an ASCII console, and with a title that clears the screen."""
    name = "modèle \x1b[2J\r模型\u202e"
    cells = tuple(cell.model_copy(update={"model": name}) for cell in whole.cells)
    sanity = tuple(one.model_copy(update={"model": name}) for one in whole.sanity)
    models = (whole.models[0].model_copy(update={"name": name}),)
    results = whole.model_copy(
        update={
            "cells": cells,
            "models": models,
            "sanity": sanity,
            "summary": {},
            "curves": (),
            "title": name,
        }
    )
    write_results(tmp_path / "results.json", results)
    assert "\x1b" not in (tmp_path / "results.json").read_text()
    (tmp_path / "gate.yaml").write_text("rules: [{metric: mAP, min: 0.3}]")
    root = Path(__file__).parents[2]
    for words, code in ((["gate", "--rules", str(tmp_path / "gate.yaml")], 3), (["report"], 0)):
        done = subprocess.run(
            [sys.executable, "-m", "calico.cli.main", words[0], str(tmp_path), *words[1:]],
            capture_output=True,
            check=False,
            cwd=root,
            timeout=120,
            env={
                "PYTHONIOENCODING": "ascii",
                "PATH": "/usr/bin:/bin",
                "PYTHONPATH": str(root),
                "PYTHONWARNINGS": "ignore",
            },
        )
        assert done.returncode == code, done.stderr.decode()
        shown = done.stdout.decode("ascii")
        assert "mod\\xe8le \\ufffd[2J \\u6a21\\u578b\\ufffd" in shown
        assert not set("\x1b\r") & set(shown)
    assert json.loads((tmp_path / "gate.json").read_text())["exit_code"] == 3
