"""From exceptions to messages and exit codes.

Exit codes are 0 for success, 2 for a user's mistake (one message), 130 for an interrupt, and 1 for
a fault of our own (with its traceback and how to report it) or a reader of the output that went
away (without a message).

Among the system's errors, those count as a mistake that tell of a file: it is missing, not
permitted, a folder, on a full disk. The message names the file. Every other is a fault of our own.
"""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path

import click

TRACEBACK_VARIABLE = "CALICO_TRACEBACK"
"""Set by `calico --traceback`; worker processes inherit it."""
_PACKAGES = Path(__file__).resolve().parents[2]
_OURS = tuple(_PACKAGES / name for name in ("calico", "calico_eval", "corruptions", "reports"))
_FULL = {errno.ENOSPC, errno.EFBIG, errno.EIO, getattr(errno, "EDQUOT", errno.ENOSPC)}
_ABOUT_A_FILE = _FULL | {
    errno.ENOENT,
    errno.EACCES,
    errno.EPERM,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.EEXIST,
    errno.ENOTEMPTY,
    errno.EROFS,
    errno.ENAMETOOLONG,
    errno.ELOOP,
    errno.EMFILE,
    errno.ENFILE,
    errno.ENXIO,
    errno.ENODEV,
    errno.EBUSY,
    errno.ETXTBSY,
    errno.EXDEV,
}
_INTERRUPTED = "interrupted; train and robust go on with --resume, make demo when it is run again"
_LONGEST_LINE = 1000
_NO_TEMPORARY_FOLDER = "No usable temporary directory"
_OUT_OF_MEMORY = (
    "not enough memory ({}); smaller train.batch_size and eval.batch_size, fewer data.workers "
    "or smaller images need less"
)
_REPORT = (
    "This is a fault of CALICO, not of your input. Please report it with the lines above, the "
    "command and "
    "the output of `calico doctor`."
)


def show_user_errors(command: click.Command, name: str = "calico") -> None:
    """Run a command line, and turn what it raises into a message and an exit code.

    The module says which code means what.

    Args:
        command: Command or group of commands to run.
        name: What the user typed to start it, for the help text.
    """
    _print_any_character()
    try:
        code = command.main(prog_name=name, standalone_mode=False) or 0
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.ClickException as error:
        _show_traceback()
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        _say(_INTERRUPTED)
        code = 130
    except BrokenPipeError:
        _drop_output()
        code = 1
    except Exception as error:
        code = _explain(error)
    sys.exit(code)


def traceback_wanted() -> bool:
    """Say whether the user asked to see where an error comes from."""
    return os.environ.get(TRACEBACK_VARIABLE, "").lower() not in ("", "0", "false", "no")


def _explain(error: Exception) -> int:
    """Print what happened and return the exit code."""
    message = user_message(error)
    if message is None:
        traceback.print_exc()
        first = next(iter(str(error).splitlines()), "")
        _say(f"internal error: {type(error).__name__}: {first}\n{_REPORT}")
        return 1
    if isinstance(error, OSError) and error.filename is None:
        _drop_output()
    _show_traceback()
    _say(f"error: {message}{_hint(error)}")
    return 2


def _hint(error: Exception) -> str:
    """Say how to see where an error of the system comes from, since it may be our own fault."""
    from_system = isinstance(error, OSError) and not getattr(error, "is_user_error", False)
    if not from_system or traceback_wanted():
        return ""
    return " (calico --traceback COMMAND shows where this comes from)"


def user_message(error: Exception) -> str | None:
    """Return the message for a user's mistake, without endless lines, or None for our own fault."""
    message = _describe(error)
    return None if message is None else "\n".join(map(_shorten, message.split("\n")))


def _shorten(line: str) -> str:
    """Cut the middle out of a line that quotes a value of any length."""
    half = _LONGEST_LINE // 2
    return line if len(line) <= _LONGEST_LINE else f"{line[:half]} ... {line[-half:]}"


def _describe(error: Exception) -> str | None:
    if getattr(error, "is_user_error", False):
        return str(error)
    if _is_out_of_memory(error):
        return _OUT_OF_MEMORY.format(str(error).split("\n")[0] or "the system gives no more")
    if not isinstance(error, OSError) or error.errno not in _ABOUT_A_FILE:
        return None
    if _NO_TEMPORARY_FOLDER in str(error):  # of the standard library, which names them in the text
        return (
            f"{error.strerror}: all are full or closed to this user; set TMPDIR to a folder "
            "that can be written"
        )
    if error.filename is None and error.errno in _FULL:
        return f"standard output, or a file: {error.strerror}"
    if error.filename is None or _is_ours(error.filename):
        return None
    return f"{os.fsdecode(error.filename)}: {error.strerror}"


def _is_ours(filename: object) -> bool:
    """Say whether a file is part of the installation."""
    if not isinstance(filename, str | bytes):
        return True
    # Path.resolve() would look at the disk, which may fail.
    path = Path(os.path.abspath(os.fsdecode(filename)))  # noqa: PTH100
    return any(path.is_relative_to(package) for package in _OURS)


def _is_out_of_memory(error: Exception) -> bool:
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # of torch, which is not loaded for this
        or (isinstance(error, RuntimeError) and "DefaultCPUAllocator" in str(error))
    )


def _show_traceback() -> None:
    if traceback_wanted():
        traceback.print_exc()


def _say(text: str) -> None:
    """Print to stderr.

    What would move the cursor or change the terminal is escaped.
    """
    click.echo(
        "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text), err=True
    )


def _print_any_character() -> None:
    """Escape what the console's encoding cannot print, so that a name never ends a command."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """Send what nobody can take any more into nothing, so that the interpreter ends silently."""
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError, ValueError):  # no stdout, or none with a descriptor
        return
    nothing = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nothing, descriptor)
    os.close(nothing)
