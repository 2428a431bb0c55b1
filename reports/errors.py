"""The error that a user's mistake raises in this package."""

from reports.clean_text import clean_lines


class ReportError(ValueError):
    """A results or rules file that is missing, malformed or of another schema version.

    The message may hold names from files. Characters that a terminal would obey are taken out of
    it.
    """

    is_user_error = True

    def __init__(self, message: str) -> None:
        super().__init__(clean_lines(message))
