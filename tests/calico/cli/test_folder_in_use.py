"""Every command that fills a folder refuses one that another process is filling, and names that
process."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from calico.cli.main import cli

HOLD = (
    "import sys, pathlib; from calico.files import lock_folder, make_folder\n"
    "with lock_folder(pathlib.Path(sys.argv[1])):\n"
    "    make_folder(pathlib.Path(sys.argv[1]), sys.argv[2], 'calico', overwrite=False)\n"
    "    print('held', flush=True); sys.stdin.read()"
)
COMMANDS = {
    "train": ["train", "--init", "random"],
    "robust": ["robust", "package.module:factory", "--corruptions", "fog"],
    "infer": ["infer", "package.module:factory"],
    "regions": ["data", "regions"],
    "corrupt": ["corrupt", "--corruptions", "fog", "--severity", "3"],
}


@pytest.fixture(params=COMMANDS)
def held(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[str, Path, int]]:
    """A command, and a folder of its kind that another process holds."""
    out = tmp_path / "out"
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(out), request.param],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        yield request.param, out, child.pid


def test_a_folder_in_use_is_neither_written_nor_deleted(held: tuple[str, Path, int]) -> None:
    command, out, pid = held
    before = (out / "run.json").read_bytes()
    flags = {
        "train": ("--resume", "--overwrite"),
        "robust": ("--resume", "--overwrite"),
        "corrupt": (),
    }
    for extra in [[], *([flag] for flag in flags.get(command, ("--overwrite",)))]:
        result = CliRunner().invoke(cli, [*COMMANDS[command], "--out", str(out), *extra])
        assert f"in use by process {pid} on host" in str(result.exception)
    assert (out / "run.json").read_bytes() == before
    assert sorted(path.name for path in out.iterdir()) == [".lock", ".lock.json", "run.json"]
