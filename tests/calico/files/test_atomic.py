import os
import stat
from pathlib import Path

import pytest

from calico.errors import CalicoError
from calico.files import FileError, check_file, open_atomic, write_atomic
from calico.files.atomic import is_replaceable


def test_write_atomic_replaces_and_leaves_no_trace(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a", "one")
    write_atomic(tmp_path / "a", b"two")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]
    assert (tmp_path / "a").read_bytes() == b"two"


def test_a_failed_write_leaves_no_trace_and_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_atomic(tmp_path / "a", "one")
    assert caught.value.filename == str(tmp_path / "a")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


@pytest.mark.skipif(not Path("/dev/full").is_char_device(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * count)
    (tmp_path / f".a.{os.getpid()}-0000.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device.*/a'"):
        write_atomic(tmp_path / "a", "one")
    assert not list(tmp_path.iterdir())


def test_a_pipe_or_a_device_is_never_replaced(tmp_path: Path) -> None:
    """A rename onto /dev/null would take it from the whole machine."""
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(
        FileError, match=r"pipe: is a pipe, a device or a socket, which is not replaced"
    ):
        write_atomic(tmp_path / "pipe", "x")
    with pytest.raises(
        CalicoError, match=r"pipe: is a pipe, a device or a socket; expected a file or nothing"
    ):
        check_file(tmp_path / "pipe", overwrite=True)
    assert (tmp_path / "pipe").is_fifo()
    assert [file.name for file in tmp_path.iterdir()] == ["pipe"]
    assert not is_replaceable(Path("/dev/null"))  # asked only: nothing is written there


@pytest.mark.parametrize(("umask", "mode"), [(0o077, 0o600), (0o022, 0o644), (0o002, 0o664)])
def test_permissions_follow_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    before = os.umask(umask)
    try:
        write_atomic(tmp_path / "a", "one")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "a").stat().st_mode) == mode


def test_a_long_name_still_fits(tmp_path: Path) -> None:
    write_atomic(tmp_path / ("x" * 250), "one")
    assert (tmp_path / ("x" * 250)).read_text() == "one"


def test_a_file_written_in_pieces_appears_at_the_end_or_not_at_all(tmp_path: Path) -> None:
    with open_atomic(tmp_path / "a") as stream:
        stream.write(b"one ")
        assert not (tmp_path / "a").exists()
        stream.write(b"two")
    assert (tmp_path / "a").read_bytes() == b"one two"
    with pytest.raises(ZeroDivisionError), open_atomic(tmp_path / "a") as stream:
        stream.write(bytes(1 // 0))
    with pytest.raises(FileNotFoundError, match="other"), open_atomic(tmp_path / "a"):
        (tmp_path / "other").read_bytes()  # an error about another file keeps that file's name
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("a", b"one two")]
