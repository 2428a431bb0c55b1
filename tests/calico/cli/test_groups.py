import click
import pytest

from calico.cli.groups import Group


def group() -> Group:
    return Group("fruit", commands={name: click.Command(name) for name in ("apple", "pear")})


def test_a_known_command_is_found_with_its_arguments() -> None:
    name, command, rest = group().resolve_command(click.Context(group()), ["pear", "--ripe"])
    assert (name, rest) == ("pear", ["--ripe"])
    assert command is not None


def test_a_mistyped_command_gets_the_nearest_one() -> None:
    with pytest.raises(click.UsageError, match=r"no such command 'Aple'; did you mean apple\?"):
        group().resolve_command(click.Context(group()), ["Aple"])


def test_shell_completion_is_left_alone() -> None:
    """A suggestion would end the completion of a word that is not complete yet."""
    context = click.Context(group(), resilient_parsing=True)
    assert group().resolve_command(context, ["appl"])[1] is None
