"""From exceptions to messages and exit codes: 2 for a user's mistake, 130 for an interrupt, 1 for our own fault."""

from __future__ import annotations

import sys

import click


def show_user_errors(command: click.Command) -> None:
    """Runs the command line; errors with `is_user_error` are printed without a traceback."""
    try:
        sys.exit(command.main(prog_name="calico", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted", err=True)
        sys.exit(130)
    except ValueError as error:
        if not getattr(error, "is_user_error", False):
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
