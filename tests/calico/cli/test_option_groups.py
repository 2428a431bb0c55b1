"""Headings of options, options with several values, and options as dataclasses."""

from __future__ import annotations

from dataclasses import dataclass

import click
import pytest
from click.testing import CliRunner

from calico.cli.option_groups import (
    GroupedCommand,
    gather_options,
    grouped_option,
    read_names,
    read_numbers,
    refuse_old_option,
    split_names,
)


@dataclass(frozen=True)
class Food:
    names: tuple[str, ...]
    numbers: tuple[int, ...]


@click.command(cls=GroupedCommand, headings=("Second", "First"))
@grouped_option("First", "--names", multiple=True, callback=read_names, help="Names.")
@grouped_option("Second", "--numbers", multiple=True, callback=read_numbers, help="Numbers.")
@refuse_old_option("--words", "--names")
@click.option("--plain", help="Under no heading.")
@gather_options("food", Food)
def command(food: Food, plain: str | None) -> None:
    """Print the options."""
    click.echo(repr((food.names, food.numbers, plain)))


def run(*words: str) -> tuple[int, str]:
    done = CliRunner().invoke(command, words)
    return done.exit_code, done.output


def test_headings_come_in_the_given_order_and_others_last() -> None:
    code, text = run("--help")
    assert code == 0
    places = [text.index(word) for word in ("Second:", "--numbers", "First:", "--names", "Other")]
    assert places == sorted(places)
    assert "--words" not in text


def test_several_values_are_separated_by_commas_or_repeated() -> None:
    code, text = run("--names", "a, b", "--names", "c,", "--numbers", "3,1", "--plain", "x,y")
    assert (code, text.strip()) == (0, "(('a', 'b', 'c'), (3, 1), 'x,y')")
    assert run()[1].strip() == "((), (), None)"
    assert split_names(["", " , "]) == ()


@pytest.mark.parametrize("text", ["1,x", "1.5", "--1", "\u0663"])
def test_what_is_no_whole_number_is_named(text: str) -> None:
    code, output = run("--numbers", text)
    assert code == 2
    assert "is no whole number; expected numbers separated by commas" in output.replace("\n", " ")


def test_an_old_name_is_an_error_that_names_the_new_one() -> None:
    code, text = run("--words", "a", "--words", "b")
    assert code == 2
    assert "--words is called --names now: --names a,b" in text


@pytest.mark.parametrize("text", [",", "", " , "])
def test_an_option_without_a_value_is_refused(text: str) -> None:
    with pytest.raises(click.BadParameter, match="got no value"):
        read_names(click.Context(click.Command("x")), click.Option(["--x"]), [text])
    with pytest.raises(click.BadParameter, match="got no value"):
        read_numbers(click.Context(click.Command("x")), click.Option(["--x"]), [text])
