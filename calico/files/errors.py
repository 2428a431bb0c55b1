"""The error of a file that cannot be trusted or read."""

from calico.errors import CalicoError


class FileError(CalicoError):
    """A file that is missing, damaged, of the wrong kind, or larger or deeper than allowed."""
