"""The group that every group of commands is: a mistyped command gets a suggestion."""

from __future__ import annotations

from difflib import get_close_matches

import click


class Group(click.Group):
    """A group that names the nearest command where there is none of the name given. Looks at names only, loads nothing."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The command of the first argument.

        Raises:
            click.UsageError: there is none of that name.
        """
        name, known = args[0], self.list_commands(ctx)
        near = [] if name in known else get_close_matches(name.lower(), known, n=1)
        if near and not ctx.resilient_parsing:  # that is shell completion
            ctx.fail(f"no such command '{name}'; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)
