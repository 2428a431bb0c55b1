import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from calico.files import FileError, lock_folder, make_folder

HOLD = (
    "import sys, time, pathlib; from calico.files import lock_folder\n"
    "with lock_folder(pathlib.Path(sys.argv[1])):\n    print('held', flush=True); time.sleep(60)"
)


def hold(folder: Path) -> subprocess.Popen[str]:
    child = subprocess.Popen([sys.executable, "-c", HOLD, str(folder)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    return child


def test_a_second_process_is_named_the_first_and_a_kill_frees_the_folder(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    with hold(out) as child:
        with pytest.raises(FileError, match=rf"in use by process {child.pid} on host"), lock_folder(out):
            pass
        child.send_signal(signal.SIGKILL)
        child.wait()
    assert (out / ".lock.json").exists()  # what the killed process left does not matter
    with lock_folder(out):
        pass
    assert [file.name for file in out.iterdir()] == [".lock"]


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
