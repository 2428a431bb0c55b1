"""The one error that a user's mistake raises.

Every message says what is wrong, where, what was got, what was expected, and the fix where there is one. The command line
prints it without a traceback and exits with 2. `corruptions` and `reports` have errors of their own (they import no more
of this package than `calico.files`); the command line knows all of them by the attribute `is_user_error`.
"""


class CalicoError(ValueError):
    """A mistake in the input: a file, a configuration, an argument."""

    is_user_error = True
