"""Paths of the files of a data set. Names from tables are not trusted, and neither are links."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from calico.errors import CalicoError

SENSOR_FOLDERS = ("samples", "sweeps", "maps")
"""Folders that users keep on several disks; links in them may lead to the same place of another
folder."""
LONGEST_NAME, LONGEST_PATH = 100, 1000
_PLAIN = re.compile(r"\w[\w .+-]*")


def safe_path(root: Path, filename: str, table: Path, token: str) -> Path:
    """Join a file name of a table to its folder.

    Args:
        root: Folder that the name may not leave.
        filename: Name relative to the folder.
        table: Where the name comes from, for the message.
        token: Where the name comes from, for the message.

    Raises:
        CalicoError: The name is empty, absolute, or has '..', a backslash, a colon or a NUL
            character.
    """
    name = PurePosixPath(filename)
    if len(filename) > LONGEST_PATH:
        raise CalicoError(
            f"{table}: row with token '{token}' has a filename of {len(filename)} characters, "
            f"expected at most {LONGEST_PATH}"
        )
    if not filename or name.is_absolute() or ".." in name.parts or set(filename) & set("\\:\0"):
        raise CalicoError(
            f"{table}: row with token '{token}' has filename '{filename}', expected a path inside "
            "the data set's folder"
        )
    return root / name


def check_plain_name(name: str, where: str) -> None:
    """Check that a name makes a file name and nothing else.

    Args:
        name: The name.
        where: Its place, for the message.

    Raises:
        CalicoError: It has a slash, a backslash, a colon or the like, or begins with a dot.
    """
    if not _PLAIN.fullmatch(name) or len(name) > LONGEST_NAME:
        raise CalicoError(
            f"{where} is {ascii(name)[:80]}, expected a plain name of at most {LONGEST_NAME} "
            "letters, digits, "
            "spaces and . _ + - that begins with a letter, a digit or _"
        )


@dataclass(frozen=True)
class DataFolder:
    """The folder of a data set.

    A file may be reached through links only where it ends inside the folder, or at the same place
    of another folder (samples/CAM_FRONT/a.jpg of this one leads to samples/CAM_FRONT/a.jpg of that
    one). So folders may lie on several disks, and no link makes another file of the machine
    readable. The root itself may be a link.

    Args:
        root: Folder with samples/, sweeps/ and maps/.
        follow_links: Follow links to any place (data.follow_links).
    """

    root: Path
    follow_links: bool = False
    _parents: dict[Path, str] = field(default_factory=dict, compare=False, repr=False)

    def locate(self, filename: str, table: Path, token: str) -> Path:
        """Find a file that a row names; see `safe_path` for what is refused, the class for links.

        Args:
            filename: The name in the row.
            table: The table, for the message.
            token: Token of the row, for the message.
        """
        path = safe_path(self.root, filename, table, token)
        self.check_links(path, f"{table}: row with token '{token}'")
        return path

    def check_links(self, path: Path, where: str) -> None:
        """Check where a path of the folder leads.

        Args:
            path: The path.
            where: Its place in a table, for the message.

        Raises:
            CalicoError: It leads out of the folder, and not to the same place of another one.
        """
        if self.follow_links:
            return
        real, name = self._resolve(path), path.relative_to(self.root)
        inside = real.startswith(self._resolve_folder(self.root).rstrip(os.sep) + os.sep)
        same_place = name.parts[0] in SENSOR_FOLDERS and real.endswith(os.sep + str(name))
        if not inside and not same_place:
            raise CalicoError(
                f"{where}: {path} is reached through a link that leads to {real}, outside the data "
                "set's folder; expected "
                f"a file inside it, or at the same place ({name.as_posix()}) of another folder. "
                "Where that is meant: "
                "--set data.follow_links=true"
            )

    def _resolve(self, path: Path) -> str:
        """The path without links; the folder of a file is looked up once."""
        if path.is_symlink():
            return os.path.realpath(path)
        return str(Path(self._resolve_folder(path.parent)) / path.name)

    def _resolve_folder(self, folder: Path) -> str:
        if folder not in self._parents:
            self._parents[folder] = os.path.realpath(folder)
        return self._parents[folder]
