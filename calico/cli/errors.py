"""From exceptions to messages and exit codes: 2 for a user's mistake, 130 for an interrupt, 1 for our own fault.

What the system refuses (a folder that is a file, no permission, a full disk) counts as a mistake: the message names the file.
"""

from __future__ import annotations

import sys

import click


def show_user_errors(command: click.Command) -> None:
    """Runs the command line; errors with `is_user_error`, and those of the system, are printed without a traceback."""
    try:
        sys.exit(command.main(prog_name="calico", standalone_mode=False) or 0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("interrupted; train, robust and bench go on with --resume, make demo when it is run again", err=True)
        sys.exit(130)
    except OSError as error:
        click.echo(
            f"error: {': '.join(str(part) for part in (error.filename, error.strerror or error) if part)}", err=True
        )
        sys.exit(2)
    except ValueError as error:
        if not getattr(error, "is_user_error", False):
            raise
        click.echo(f"error: {error}", err=True)
        sys.exit(2)
