"""The group that all groups of commands use: a mistyped command gets a suggestion."""

from __future__ import annotations

from difflib import get_close_matches

import click


class Group(click.Group):
    """A group that suggests the nearest command for an unknown name.

    It looks at names only and loads nothing.
    """

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command of the first argument.

        Args:
            ctx: Context of the group.
            args: What the user typed.

        Raises:
            click.UsageError: No command has that name.
        """
        name, known = args[0], self.list_commands(ctx)
        near = [] if name in known else get_close_matches(name.lower(), known, n=1)
        if near and not ctx.resilient_parsing:  # that is shell completion
            ctx.fail(f"no such command '{name}'; did you mean {near[0]}?")
        return super().resolve_command(ctx, args)
