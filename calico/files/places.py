"""Default places for files: the cache folder of the user."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from calico.files.errors import FileError

CACHE_VARIABLE = "XDG_CACHE_HOME"


def user_cache_dir() -> Path:
    """Return the folder of CALICO's caches.

    It lies in $XDG_CACHE_HOME, else in ~/.cache, else in the temporary folder.

    The last is for users without a home that they may write to, as in a container that runs under
    the id of another machine's user.

    Raises:
        FileError: Only the temporary folder is left, and somebody else has taken the name there.
    """
    base = os.environ.get(CACHE_VARIABLE)
    if base:
        return Path(base) / "calico"
    try:
        home = Path.home()
    except RuntimeError:  # neither $HOME nor an entry in the list of users
        home = None
    if home is not None and _is_writable(home / ".cache"):
        return home / ".cache" / "calico"
    return _temporary_cache()


def find_nearest(folder: Path) -> Path:
    """Find the nearest folder that exists, for this process: a folder or one above it.

    Args:
        folder: Any path, also one that this process may not look at.
    """
    return next((one for one in (folder, *folder.parents) if _exists(one)), folder)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # no permission to look, or a name that is too long
        return False


def _is_writable(folder: Path) -> bool:
    """Say whether a folder, or the nearest one above it that exists, lets this process write."""
    return os.access(find_nearest(folder), os.W_OK | os.X_OK)


def _temporary_cache() -> Path:
    user = os.getuid() if hasattr(os, "getuid") else "user"
    folder = Path(tempfile.gettempdir()) / f"calico-cache-{user}"
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:
        raise FileError(
            f"cache folder {folder}: {error.strerror}; set {CACHE_VARIABLE} to a folder that can "
            "be written"
        ) from None
    if hasattr(os, "getuid") and (status.st_uid != os.getuid() or folder.is_symlink()):
        raise FileError(
            f"cache folder {folder}: belongs to somebody else; set {CACHE_VARIABLE} to a folder of "
            "your own"
        )
    return folder
