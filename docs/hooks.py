"""Add the pages to the documentation site that are made from other sources.

The command reference is made from the `click` commands. Changelog and contributing guide are the
files of those names in the repository's root. None of these pages is committed, so none can be out
of date. mkdocs calls `on_files` (see `hooks` in mkdocs.yml).
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {
    "contributing/index.md": "CONTRIBUTING.md",
    "contributing/changelog.md": "CHANGELOG.md",
}
"""Pages of the site, and the files of the repository's root that they show."""
LINK = re.compile(r"(!?)\[([^\]]*)\]\(([^)#\s]+)((?:#[^)\s]*)?)\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages to the site.

    Args:
        files: Files that mkdocs found.
        config: Configuration of the site.

    Returns:
        The same files with the generated ones.
    """
    from mkdocs.structure.files import File

    pages = {page: relink_page((ROOT / name).read_text(encoding="utf-8"), page)
             for page, name in ROOT_PAGES.items()}  # fmt: skip
    pages["reference/cli.md"] = render_commands()
    for page, text in pages.items():
        files.append(File.generated(config, page, content=text))
    return files


def relink_page(text: str, page: str) -> str:
    """Rewrite the links of a file of the repository's root for its place in the site.

    Links to pages below docs/ become relative to the page. Links to other files of the repository
    become plain text, because the site does not hold those files.

    Args:
        text: Markdown of the file.
        page: Path of the page in the site, for example "contributing/index.md".

    Returns:
        The Markdown with its links changed.
    """
    pages = {name: shown for shown, name in ROOT_PAGES.items()}
    up = "../" * page.count("/")

    def relink(match: re.Match[str]) -> str:
        target = match[3]
        if "://" in target or target.startswith("mailto:"):
            return match[0]
        if target in pages:
            return f"{match[1]}[{match[2]}]({up}{pages[target]}{match[4]})"
        if target.startswith("docs/") and (ROOT / target).is_file():
            return f"{match[1]}[{match[2]}]({up}{target.removeprefix('docs/')}{match[4]})"
        return match[2]

    return LINK.sub(relink, text)


def render_commands() -> str:
    """Write the page of the command line from the `click` commands."""
    from calico.cli.main import cli

    head = (
        "# Command line\n\n"
        "With this page you can look up every command of `calico` and every option. "
        "The page is made from the commands themselves, so `calico COMMAND --help` says the same.\n"
    )
    context = click.Context(cli, info_name="calico")
    blocks = [head, *_paragraphs(cli), *_options(cli, context)]
    for name, command in _leaves(cli, context):
        blocks += [f"## calico {name}", *_paragraphs(command)]
        inner = click.Context(command, info_name=name)
        pieces = " ".join(command.collect_usage_pieces(inner))
        blocks += [f"```text\ncalico {name} {pieces}\n```", *_options(command, inner)]
    return "\n\n".join(blocks) + "\n"


def _leaves(group: click.Group, context: click.Context) -> Iterator[tuple[str, click.Command]]:
    """Every command that runs something, with its full name: 'data check'."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if isinstance(command, click.Group):
            for inner, leaf in _leaves(command, context):
                yield f"{name} {inner}", leaf
        elif command is not None and not command.hidden:
            yield name, command


def _paragraphs(command: click.Command) -> Iterator[str]:
    """The help text; lines that are indented become blocks of code."""
    for paragraph in re.split(r"\n\s*\n", inspect.cleandoc(command.help or "").split("\f")[0]):
        lines = paragraph.replace("\b", "").strip("\n").splitlines()
        for is_code, run in groupby(lines, key=lambda line: line.startswith(" ")):
            text = "\n".join(run)
            code = textwrap.dedent(text).strip("\n")
            yield f"```text\n{code}\n```" if is_code else _escape(" ".join(text.split()))


def _options(command: click.Command, context: click.Context) -> Iterator[str]:
    """One table of the options, with metavar, meaning and default."""
    rows = []
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1] and "--help" not in parameter.opts:
            text = _escape(" ".join(record[1].split())).replace("|", r"\|")
            rows.append(f"| `{record[0]}` | {text} |")
    if rows:
        yield "\n".join(["| option | meaning |", "|---|---|", *rows])


def _escape(text: str) -> str:
    """Text in which Markdown finds no markup but `code`."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*_<\[\]])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)
