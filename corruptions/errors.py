"""The error that a user's mistake raises in this package."""


class CorruptionError(ValueError):
    """An unknown corruption, a parameter out of range, or sensor data in the wrong units."""

    is_user_error = True
