"""Options under headings, options with several values, and options as dataclasses."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import fields
from typing import Any, TypeVar

import click

DEFAULT_HEADING = "Other options"

F = TypeVar("F", bound=Callable[..., Any])


class GroupedOption(click.Option):
    """An option that the help text shows under a heading."""

    def __init__(self, *words: Any, heading: str = DEFAULT_HEADING, **settings: Any) -> None:
        """Remember the heading.

        Args:
            words: Names of the option, as `click.Option` takes them.
            heading: Heading of the help text.
            settings: All else that `click.Option` takes.
        """
        super().__init__(*words, **settings)
        self.heading = heading


class GroupedCommand(click.Command):
    """A command whose help text shows the options under headings."""

    def __init__(self, *words: Any, headings: Sequence[str] = (), **settings: Any) -> None:
        """Remember the order of the headings.

        Args:
            words: What `click.Command` takes.
            headings: Headings in their order. Those that are not named come last.
            settings: All else that `click.Command` takes.
        """
        super().__init__(*words, **settings)
        self.headings = headings

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options, heading by heading.

        Args:
            ctx: Context of the command.
            formatter: Where the text goes.
        """
        found: dict[str, list[tuple[str, str]]] = {heading: [] for heading in self.headings}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None and isinstance(parameter, click.Option):
                heading = getattr(parameter, "heading", DEFAULT_HEADING)
                found.setdefault(heading, []).append(record)
        for heading, records in found.items():
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


def grouped_option(heading: str, *words: str, **settings: Any) -> Callable[[F], F]:
    """Make a decorator like `click.option`, under a heading.

    Args:
        heading: Heading of the help text.
        words: Names of the option.
        settings: All else that `click.option` takes.
    """
    return click.option(*words, cls=GroupedOption, heading=heading, **settings)


def split_names(texts: Sequence[str]) -> tuple[str, ...]:
    """Split texts at commas, without empty parts: ('fog, rain', 'snow') are three names."""
    return tuple(part.strip() for text in texts for part in text.split(",") if part.strip())


def read_names(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> tuple[str, ...]:
    """Read an option that takes names separated by commas and may be repeated.

    Args:
        context: Context of the command, as click gives it.
        parameter: The option.
        texts: What the user typed.

    Raises:
        click.BadParameter: The option was given, but holds no name.
    """
    names = split_names(texts)
    if texts and not names:
        raise click.BadParameter(
            "got no value; expected some, separated by commas", context, parameter
        )
    return names


def read_numbers(
    context: click.Context, parameter: click.Parameter, texts: Sequence[str]
) -> tuple[int, ...]:
    """Read an option that takes whole numbers separated by commas and may be repeated.

    Args:
        context: Context of the command, as click gives it.
        parameter: The option.
        texts: What the user typed.

    Raises:
        click.BadParameter: The option was given without a number, or a part is no whole number.
    """
    numbers = []
    for part in read_names(context, parameter, texts):
        if not part.isascii() or not part.removeprefix("-").isdigit():
            raise click.BadParameter(
                f"{part!r} is no whole number; expected numbers separated by commas, e.g. 1,3,5",
                context,
                parameter,
            )
        numbers.append(int(part))
    return tuple(numbers)


def gather_options(name: str, kind: type) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a decorator that hands several options to a command as one dataclass.

    Args:
        name: Argument of the command.
        kind: Dataclass whose fields have the names of the options.
    """

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def command(**options: Any) -> Any:
            mine = {field.name: options.pop(field.name) for field in fields(kind)}
            return function(**options, **{name: kind(**mine)})

        return command

    return decorate


def refuse_old_option(old: str, new: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a hidden option whose use is an error that names its successor.

    Args:
        old: Name of earlier versions, for example `--sweep`.
        new: Name of today.
    """

    def refuse(context: click.Context, _: click.Parameter, values: Sequence[str]) -> None:
        if values:
            raise click.UsageError(f"{old} is called {new} now: {new} {','.join(values)}", context)

    return click.option(old, expose_value=False, hidden=True, multiple=True, callback=refuse)
