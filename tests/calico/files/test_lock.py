import errno
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from calico.errors import CalicoError
from calico.files import FileError, claim_folder, lock_folder, make_folder

HOLD = (
    "import sys, time, pathlib; from calico.files import lock_folder\n"
    "with lock_folder(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


def hold(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_is_named_the_first_and_a_kill_frees_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with hold(out) as child:
        with (
            pytest.raises(FileError, match=rf"in use by process {child.pid} on host"),
            lock_folder(out),
        ):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert (out / ".lock.json").exists()  # what the killed process left does not matter
    with lock_folder(out):
        pass
    assert [file.name for file in out.iterdir()] == [".lock"]


def test_a_folder_that_stays_empty_is_removed_again(tmp_path: Path) -> None:
    with lock_folder(tmp_path / "a"):
        pass
    with pytest.raises(ZeroDivisionError), lock_folder(tmp_path / "a"):
        print(1 // 0)
    assert list(tmp_path.iterdir()) == []
    with lock_folder(tmp_path / "a"):
        (tmp_path / "a" / "file").touch()
    assert sorted(file.name for file in (tmp_path / "a").iterdir()) == [".lock", "file"]
    (tmp_path / "file").touch()
    with (
        pytest.raises(FileError, match="is a file; expected a folder"),
        lock_folder(tmp_path / "file"),
    ):
        pass


def test_a_folder_of_something_else_gets_no_lock_file(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with (
        pytest.raises(CalicoError, match="is not empty"),
        claim_folder(tmp_path, resume=None, overwrite=False, kind="infer"),
    ):
        pass
    assert [file.name for file in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_in_use_is_said_first_and_never_deleted(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with hold(out) as child:
        make_folder(out, "infer", "calico infer", overwrite=False)
        for overwrite in (False, True):
            with (
                pytest.raises(FileError, match=rf"in use by process {child.pid}"),
                claim_folder(out, resume=None, overwrite=overwrite, kind="infer"),
            ):
                pass
        child.kill()
        child.wait()
    with claim_folder(out, resume=None, overwrite=True, kind="infer"):
        assert (out / "run.json").exists()


def test_overwrite_empties_a_folder_that_this_process_holds(tmp_path: Path) -> None:
    out = tmp_path / "out"
    with lock_folder(out):
        make_folder(out, "infer", "calico infer", overwrite=False)
        (out / "cells").mkdir()
        (out / "link").symlink_to(tmp_path)
        make_folder(out, "infer", "calico infer", overwrite=True)
        assert sorted(file.name for file in out.iterdir()) == [".lock", ".lock.json", "run.json"]
        with pytest.raises(FileError, match=f"process {os.getpid()}"), lock_folder(out):
            pass


@pytest.mark.parametrize(
    "error", [NotImplementedError("no flock"), OSError(errno.ENOLCK, "No locks available")]
)
def test_a_file_system_without_locks_is_said(
    error: Exception,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def refuse(self: FileLock, timeout: float) -> None:
        raise error

    monkeypatch.setattr(FileLock, "acquire", refuse)
    with lock_folder(tmp_path / "a"):
        (tmp_path / "a" / "file").touch()
    assert "its file system has no locks" in caplog.text
    refused = OSError(errno.EACCES, "Permission denied")
    monkeypatch.setattr(FileLock, "acquire", lambda self, timeout: (_ for _ in ()).throw(refused))
    with pytest.raises(PermissionError), lock_folder(tmp_path / "a"):
        pass


def test_a_folder_that_was_deleted_meanwhile_hides_no_error(tmp_path: Path) -> None:
    def work() -> None:
        with lock_folder(tmp_path / "a"):
            shutil.rmtree(tmp_path / "a")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        work()
