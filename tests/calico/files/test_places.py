import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from calico.files import FileError, find_nearest, user_cache_dir

ROOT = Path(__file__).parents[3]
NOBODY = 54321
"""An id that no list of users has."""


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    return tmp_path


def test_the_variable_comes_before_the_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    assert user_cache_dir() == tmp_path / ".cache" / "calico"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "here"))
    assert user_cache_dir() == tmp_path / "here" / "calico"
    assert not list(tmp_path.iterdir())


def test_without_a_home_the_temporary_folder_serves(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nobody() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", nobody)
    folder = user_cache_dir()
    assert folder.parent == temporary
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_that_cannot_be_looked_at_does_not_exist(tmp_path: Path) -> None:
    """A long name fails for root, too, as somebody else's home does for others."""
    folder = tmp_path / ("x" * 300)
    with pytest.raises(OSError, match="File name too long"):
        folder.exists()
    assert find_nearest(folder / ".cache") == tmp_path


def test_a_folder_of_somebody_else_is_not_believed(
    temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("calico.files.places._is_writable", lambda folder: False)
    elsewhere = temporary / "elsewhere"
    elsewhere.mkdir()
    (temporary / f"calico-cache-{os.getuid()}").symlink_to(elsewhere)
    with pytest.raises(FileError, match="belongs to somebody else; set XDG_CACHE_HOME"):
        user_cache_dir()
    (temporary / f"calico-cache-{os.getuid()}").unlink()
    (temporary / f"calico-cache-{os.getuid()}").write_text("")
    with pytest.raises(FileError, match="set XDG_CACHE_HOME to a folder that can be written"):
        user_cache_dir()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that everybody may write to; pytest closes its own to others, also while tests
    run."""
    with tempfile.TemporaryDirectory(prefix="calico-test-") as folder:
        Path(folder).chmod(0o1777)
        yield Path(folder)


AS_NOBODY = """
import os, sys
from calico.config.load import load_config
from calico.data.open import open_source
small = "data.sim={val_scenes: 1, frames_per_scene: 2, image_size: [24, 64]}"
config = load_config("tiny", None, [small])
open_source(config, "val")[0]  # loads every library while they can be read
del os.environ["XDG_CACHE_HOME"]
os.setgroups([])
os.setgid(int(sys.argv[1]))
os.setuid(int(sys.argv[1]))
print(open_source(config, "val")[1].token)
"""


@pytest.mark.skipif(
    not hasattr(os, "setuid") or os.getuid() != 0, reason="only root can become nobody"
)
@pytest.mark.parametrize("home", [None, "/", "of root"])
def test_a_user_without_an_entry_and_without_a_home_has_a_cache(
    home: str | None, tmp_path: Path, open_folder: Path
) -> None:
    """As in a container that runs with --user: a frame is made and kept."""
    tmp_path.chmod(0o700)
    home = str(tmp_path / "root") if home == "of root" else home
    variables = {
        key: value for key, value in os.environ.items() if key not in ("HOME", "USER", "LOGNAME")
    }
    variables |= {"TMPDIR": str(open_folder), "XDG_CACHE_HOME": str(tmp_path)} | (
        {"HOME": home} if home else {}
    )
    words = [sys.executable, "-c", AS_NOBODY, str(NOBODY)]
    done = subprocess.run(
        words, cwd=ROOT, env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    kept = list(open_folder.glob(f"calico-cache-{NOBODY}/sim/*/*.npz"))
    assert [file.stem for file in kept] == [done.stdout.strip()]
