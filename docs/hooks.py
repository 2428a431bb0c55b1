"""Add the pages to the documentation site that are made from other sources.

The command reference is made from the `click` commands, and the tables of settings and of the
results file from their typed schemas. Changelog and contributing guide are the files of those names
in the repository's root. None of these texts is committed, so none can be out of date. mkdocs calls
`on_files` and `on_page_markdown` (see `hooks` in mkdocs.yml).
"""

from __future__ import annotations

import inspect
import json
import re
import textwrap
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files
    from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
ROOT_PAGES = {
    "contributing/index.md": "CONTRIBUTING.md",
    "contributing/changelog.md": "CHANGELOG.md",
}
"""Pages of the site, and the files of the repository's root that they show."""
SCHEMA = ROOT / "reports" / "results.schema.json"
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


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Replace the marks of a page by the tables that are made from the typed schemas.

    Args:
        markdown: Text of the page.
        page: The page.
        config: Configuration of the site.
        files: All files of the site.

    Returns:
        The text with its marks replaced.
    """
    if "<!-- settings -->" in markdown:
        from calico.config.schema import Config

        table = "\n\n".join(describe_schema(Config.model_json_schema(), "Config"))
        markdown = markdown.replace("<!-- settings -->", table)
    if "<!-- results schema -->" in markdown:
        schema = json.loads(SCHEMA.read_text(encoding="utf-8"))
        table = "\n\n".join(describe_schema(schema, "Results"))
        markdown = markdown.replace("<!-- results schema -->", table)
    return markdown


def describe_schema(schema: dict[str, Any], name: str) -> Iterator[str]:
    """Write one table for each record of a JSON Schema, the outermost first.

    Args:
        schema: The JSON Schema, with its records in `$defs`.
        name: Name of the outermost record.

    Yields:
        For each record its heading, its description, where it stands, and the table of its fields.
    """
    records = {name: schema, **schema["$defs"]}
    places: dict[str, list[str]] = {name: []}
    waiting = [name]
    for record in waiting:  # grows on the way
        for field, facts in records[record]["properties"].items():
            for inner in re.findall(r"#/\$defs/(\w+)", json.dumps(facts)):
                waiting += [inner] if inner not in places else []
                before = places[record][0] + "." if places[record] else ""
                places.setdefault(inner, []).append(before + field)
    for record in waiting:
        yield f"### {record}"
        text = _escape(" ".join(records[record].get("description", "").split()))
        where = ", ".join(f"`{place}`" for place in places[record])
        yield f"{text} In {where}." if where else text
        yield "\n".join(_rows(records[record]))


def _rows(record: dict[str, Any]) -> Iterator[str]:
    """The table of a record's fields."""
    yield "| field | type | default | meaning |"
    yield "|---|---|---|---|"
    for field, facts in record["properties"].items():
        default = f"`{json.dumps(facts['default'])}`" if _is_short(facts) else ""
        meaning = _escape(" ".join(facts.get("description", "").split()))
        yield f"| `{field}` | {_kind(facts)} | {default} | {meaning} |"


def _is_short(facts: dict[str, Any]) -> bool:
    """Whether a field has a default that fits a table."""
    default = facts.get("default", {})
    return not isinstance(default, dict) and len(json.dumps(default)) <= 60


def _kind(facts: dict[str, Any]) -> str:
    """The type of a field in words: 'number', 'list of text', 'one of a, b', a link to a record."""
    names = {"string": "text", "integer": "whole number", "boolean": "true, false"}
    if "$ref" in facts:
        record = facts["$ref"].rsplit("/", 1)[1]
        return f"[{record}](#{record.lower()})"
    if "anyOf" in facts or "oneOf" in facts:
        kinds = [_kind(one) for one in facts.get("anyOf") or facts["oneOf"]]
        return ", ".join(dict.fromkeys(kinds))
    if "enum" in facts:
        return ", ".join(f"`{value}`" for value in facts["enum"])
    if "const" in facts:
        return f"`{facts['const']}`"
    if facts.get("type") == "array":
        inner = facts.get("items") or (facts.get("prefixItems") or [{}])[0]
        return f"list of {_kind(inner)}" if inner else "list"
    if facts.get("type") == "object":
        inner = facts.get("additionalProperties")
        return f"map of names to {_kind(inner)}" if isinstance(inner, dict) else "map"
    kind = facts.get("type", "any")
    return names.get(kind, kind)


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
        inner = click.Context(command, info_name=name)
        usage = " ".join(["calico", name, *command.collect_usage_pieces(inner)])
        blocks += [f"## calico {name}", f"```text\n{usage}\n```"]
        blocks += [*_paragraphs(command), *_options(command, inner)]
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
    text = inspect.cleandoc(command.help or "").split("\f")[0]
    text = re.sub(r"^(Examples?:)$", r"\n\1", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", text):
        lines = paragraph.replace("\b", "").strip("\n").splitlines()
        for is_code, run in groupby(lines, key=lambda line: line.startswith(" ")):
            block = "\n".join(run)
            code = textwrap.dedent(block).strip("\n")
            yield f"```text\n{code}\n```" if is_code else _escape(" ".join(block.split()))


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
    parts[::2] = [re.sub(r"([*_\[\]])", r"\\\1", part).replace("<", "&lt;") for part in parts[::2]]
    return "`".join(parts)
