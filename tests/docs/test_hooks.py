"""The generated pages of the site: links of the root's pages, the commands, the typed schemas."""

from __future__ import annotations

import re

import click
import pytest

from calico.cli.main import cli
from docs.hooks import describe_schema, relink_page, render_commands


@pytest.mark.parametrize(
    ("link", "shown"),
    [
        ("[a](docs/start/install.md)", "[a](../start/install.md)"),
        ("[a](docs/start/install.md#part)", "[a](../start/install.md#part)"),
        ("[a](CHANGELOG.md)", "[a](../contributing/changelog.md)"),
        ("[a](https://example.org/b)", "[a](https://example.org/b)"),
        ("[a](examples/user_model.py)", "a"),
        ("[a](docs/no_such_page.md)", "a"),
        ("![p](docs/images/report.png)", "![p](../images/report.png)"),
    ],
)
def test_links_of_the_roots_pages_lead_into_the_site(link: str, shown: str) -> None:
    assert relink_page(f"See {link}.", "contributing/index.md") == f"See {shown}."


def test_the_page_of_commands_has_every_command_and_option() -> None:
    page = render_commands()
    context = click.Context(cli)
    for name in cli.list_commands(context):
        command = cli.get_command(context, name)
        assert command is not None
        assert f"\n## calico {name}" in page
        if isinstance(command, click.Group):
            continue
        part = page.split(f"\n## calico {name}\n")[1].split("\n## calico")[0]
        for option in command.params:
            if (
                isinstance(option, click.Option)
                and not option.hidden
                and "--help" not in option.opts
            ):
                assert re.search(rf"`[^`]*{option.opts[0]}\b", part), f"{name} {option.opts[0]}"
    assert "Sentinel" not in page


def test_a_schema_becomes_tables() -> None:
    schema = {
        "description": "A whole.",
        "properties": {
            "n": {"type": "integer", "default": 3, "description": "How many *parts*."},
            "part": {"$ref": "#/$defs/Part"},
            "kind": {"anyOf": [{"enum": ["a", "b"]}, {"type": "null"}], "default": None},
        },
        "$defs": {
            "Part": {"properties": {"sizes": {"type": "array", "items": {"type": "number"}}}}
        },
    }
    whole, part = "\n\n".join(describe_schema(schema, "Whole")).split("### Part")
    assert "| `n` | whole number | `3` | How many \\*parts\\*. |" in whole
    assert "| `part` | [Part](#part) |  |  |" in whole
    assert "| `kind` | `a`, `b`, null | `null` |  |" in whole
    assert "In `part`." in part
    assert "| `sizes` | list of number |  |  |" in part
