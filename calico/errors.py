"""The error that a user's mistake raises.

Every message says what is wrong, where, what was got, what was expected, and how to mend it if that
is known. The command line prints it without a traceback and exits with 2.

`corruptions` and `reports` have errors of their own, because they import nothing of this package
but `calico.files`. The command line recognises all of them by the attribute `is_user_error`.
"""


class CalicoError(ValueError):
    """A mistake in the input: a file, a configuration, an argument."""

    is_user_error = True
