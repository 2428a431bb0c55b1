import os
import stat
from pathlib import Path

import pytest

from calico.files import open_atomic, write_atomic


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


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("secrets.token_hex", lambda count: "0" * count)
    (tmp_path / f".a.{os.getpid()}-0000.tmp").symlink_to("/dev/full")
    with pytest.raises(OSError, match=r"No space left on device.*/a'"):
        write_atomic(tmp_path / "a", "one")
    assert not list(tmp_path.iterdir())


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
