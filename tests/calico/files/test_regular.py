import os
import socket
from pathlib import Path

import pytest

from calico.files import FileError, open_regular, read_bytes, read_text


def test_a_regular_file_is_read_also_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert read_bytes(tmp_path / "a") == b"abc"
    assert read_bytes(tmp_path / "link", limit=3) == b"abc"


def test_a_pipe_a_device_a_socket_and_a_folder_are_refused_at_once(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    for name in ("pipe", "zero"):
        with pytest.raises(FileError, match=f"rules .*{name}: is a pipe, a device or a socket"):
            read_bytes(tmp_path / name, what="rules")
    server = socket.socket(socket.AF_UNIX)
    with server:
        server.bind(str(tmp_path / "s"))
        with pytest.raises(FileError, match=r"s: cannot be opened"):
            read_bytes(tmp_path / "s")
    with pytest.raises(FileError, match="is a folder"):
        read_bytes(tmp_path)


@pytest.mark.parametrize("name", ["nothing", "a\0b", "x" * 300, "\udcff"])
def test_a_name_that_leads_nowhere_is_said(tmp_path: Path, name: str) -> None:
    with pytest.raises(FileError, match=r"no such file|cannot be opened"):
        read_bytes(tmp_path / name)


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcd")
    with pytest.raises(FileError, match="has 4 bytes, expected at most 3"):
        read_bytes(tmp_path / "a", limit=3)
    with (tmp_path / "sparse").open("wb") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(FileError, match="expected at most"):
        read_bytes(tmp_path / "sparse")


def test_text_is_utf8(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes("grün\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"byte 2 \(line 1\) is 0xfc"):
        read_text(tmp_path / "a")


def test_a_large_file_is_opened_and_read_in_pieces(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abcdef")
    with open_regular(tmp_path / "a") as stream:
        assert (stream.read(2), stream.seek(4), stream.read()) == (b"ab", 4, b"ef")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match=r"recording .*pipe: is a pipe, a device or a socket"):
        open_regular(tmp_path / "pipe", "recording")
    with pytest.raises(FileError, match="is a folder"):
        open_regular(tmp_path)
    with pytest.raises(FileError, match="no such file"):
        open_regular(tmp_path / "nothing")
