"""The command line knows the errors of all packages as the user's."""

from calico.errors import CalicoError
from calico.files import FileError
from corruptions import CorruptionError


def test_every_user_error_says_that_it_is_one() -> None:
    for error in (CalicoError, FileError, CorruptionError):
        assert error("text").is_user_error
        assert issubclass(error, ValueError)
    assert not getattr(ValueError("text"), "is_user_error", False)
