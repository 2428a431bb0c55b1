"""Every `calico` command of the README, the docs and the examples is one that there is, with
options that it has."""

from __future__ import annotations

import re
from pathlib import Path

import click
import pytest

from calico.cli.main import cli
from experiments.pretraining.command import command as experiment

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").glob("*.py")]
)
CONTEXT = click.Context(cli)
COMMAND = re.compile(
    rf"(?:^|[`\s])calico ((?:{'|'.join(cli.list_commands(CONTEXT))})\b[^`#\n]*)", re.MULTILINE
)
EXPERIMENT = re.compile(r"python -m experiments\.pretraining ([^`#\n]*)")


def unknown_options(text: str) -> list[str]:
    """The options in a text's commands that the command does not have: '--modell of calico robust
    --modell m'."""
    found = []
    joined = text.replace("\\\n", " ")  # a command may be continued on the next line
    for words in (match.split() for match in COMMAND.findall(joined)):
        command: click.Command = cli
        rest = list(words)
        while (
            isinstance(command, click.Group)
            and rest
            and (inner := command.get_command(CONTEXT, rest[0]))
        ):
            command, rest = inner, rest[1:]
        found += [
            f"{option} of calico {' '.join(words)}" for option in _unknown_options(command, rest)
        ]
    for words in (match.split() for match in EXPERIMENT.findall(text)):
        found += [
            f"{option} of the experiment {' '.join(words)}"
            for option in _unknown_options(experiment, words)
        ]
    return found


def _unknown_options(command: click.Command, words: list[str]) -> list[str]:
    shown = [p for p in command.params if not getattr(p, "hidden", False)]
    known = {option for p in shown for option in (*p.opts, *p.secondary_opts)}
    typed = [re.match(r"--[a-z][a-z-]*", word) for word in words]
    return [t[0] for t in typed if t and t[0] not in known | {"--help"}]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_documented_options_exist(page: Path) -> None:
    assert unknown_options(page.read_text(encoding="utf-8")) == []


def test_an_option_that_there_is_not_is_found() -> None:
    text = "`python -m experiments.pretraining --sise ci`, "
    text += "or `calico robust --modell m:create`, or\n"
    text += "calico data regions --preset tiny --outt pictures  # a picture"
    assert unknown_options(text) == [
        "--modell of calico robust --modell m:create",
        "--outt of calico data regions --preset tiny --outt pictures",
        "--sise of the experiment --sise ci",
    ]
    assert sum(len(COMMAND.findall(page.read_text(encoding="utf-8"))) for page in PAGES) > 50
