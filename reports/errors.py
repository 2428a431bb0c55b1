"""The error that a user's mistake raises in this package."""


class ReportError(ValueError):
    """A results or rules file that is missing, malformed or of another schema version."""

    is_user_error = True
