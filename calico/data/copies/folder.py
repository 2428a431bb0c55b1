"""The folder of a data set that is being written.

It holds whole files or none, knows the hashes of all, and can be completed after a kill:

* manifest.json says first what the folder will be (status "writing"), and at the end holds the hash
  of every file (status "complete").
* .parts/<n>.json says what a finished frame has added. It is removed at the end.

Both carry their own checksum. A part also carries the number of its frame and a digest of its copy.
The files of a copy are compared with the hashes before they are accepted.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from calico.data.nuscenes.manifest import MANIFEST
from calico.data.nuscenes.paths import safe_path
from calico.data.nuscenes.tables import Row
from calico.errors import CalicoError
from calico.files import (
    SEAL_KEY,
    SEAL_PLACEHOLDER,
    FileError,
    read_bytes,
    read_sealed_json,
    seal,
    to_json,
    to_sealed_json,
    write_atomic,
)

PARTS = ".parts"
MAX_BYTES = 2 << 30
"""Largest file of a copy that is read."""
LOG = logging.getLogger(__name__)


@dataclass
class Part:
    """What one frame adds; all of it is JSON.

    Attributes:
        files: Name to {"sha256", "bytes", "from": "corruption", "source" or "tables"}.
        changed: Table to token to the fields that differ.
        added: Table to new rows.
        effect: What the corruption did, see `corruptions.Effect`.
        not_stored: Counts of what the format cannot hold.
    """

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, dict[str, Row]] = field(default_factory=dict)
    added: dict[str, list[Row]] = field(default_factory=dict)
    effect: dict[str, Any] = field(default_factory=dict)
    not_stored: dict[str, int] = field(default_factory=dict)


class OutputFolder:
    """Writer of a data set into a folder.

    `identity` (JSON) says which data set it is, so that the folder of another one is left alone.
    """

    def __init__(self, path: Path, identity: Mapping[str, Any], link: bool) -> None:
        """Make the folder, or take up what a killed run left.

        Args:
            path: The folder.
            identity: Which data set it is, as JSON.
            link: Whether unchanged files become hard links, if the file system allows it, instead
                of copies.

        Raises:
            CalicoError: The folder holds something else.
        """
        self.path = path
        self.identity: dict[str, Any] = json.loads(json.dumps(identity))
        self.link = link
        self.complete = self._open()
        if self.complete:
            shutil.rmtree(path / PARTS, ignore_errors=True)
        else:
            (path / PARTS).mkdir(parents=True, exist_ok=True)
            for left_over in path.rglob(".*.tmp"):
                left_over.unlink()  # a file that a killed run was writing
            write_atomic(path / MANIFEST, to_sealed_json({**self.identity, "status": "writing"}))

    def part(self, index: int) -> Part | None:
        """Return what a finished frame added; None if it is not done.

        If a file of it cannot be trusted, a warning says so and the result is None.
        """
        path = self._part_path(index)
        if not path.exists():
            return None
        try:
            content = read_sealed_json(path, what="part of a copy")
            if (content.pop("frame"), content.pop("copy")) != (index, self._digest()):
                raise FileError(f"part of a copy {path}: belongs to another frame or copy")
            part = Part(**content)
            self._check(part.files)
        except FileError as error:
            LOG.warning("%s; made again", error)
            return None
        except (ValueError, KeyError, TypeError) as error:
            LOG.warning("part of a copy %s: cannot be read (%s); made again", path, error)
            return None
        return part

    def save_part(self, index: int, part: Part) -> None:
        """Note that all files of a frame are written.

        Args:
            index: Index of the frame.
            part: What the frame adds.
        """
        content = {
            "frame": index,
            "copy": self._digest(),
            **asdict(part),
            SEAL_KEY: SEAL_PLACEHOLDER,
        }
        text = json.dumps(
            content, allow_nan=False
        )  # keys in their order: rows are written to the tables in it
        write_atomic(self._part_path(index), seal(text.encode()))

    def write(self, part: Part, name: str, content: bytes, origin: str = "corruption") -> None:
        """Write a file and enter it in a part.

        Args:
            part: What the frame adds.
            name: Name of the file in the folder.
            content: Its bytes.
            origin: Where it comes from: "corruption", "source" or "tables".
        """
        write_atomic(self._place(name), content)
        part.files[name] = {
            "sha256": hashlib.sha256(content).hexdigest(),
            "bytes": len(content),
            "from": origin,
        }

    def take(self, part: Part, name: str, source: Path) -> None:
        """Copy or link a file that stays as it was; the source is never written to.

        Args:
            part: What the frame adds.
            name: Name of the file in the folder.
            source: The file.

        Raises:
            CalicoError: It cannot be read.
        """
        try:
            content = read_bytes(source, MAX_BYTES, "file to be copied")
        except FileError as error:
            raise CalicoError(f"{error}; see `calico data check`") from error
        if self.link and _linked(source, self._place(name)):
            part.files[name] = {
                "sha256": hashlib.sha256(content).hexdigest(),
                "bytes": len(content),
                "from": "source",
            }
        else:
            self.write(part, name, content, "source")

    def finish(self, part: Part, notes: Mapping[str, Any]) -> None:
        """Write the manifest, which makes the folder complete.

        Args:
            part: All files of the folder.
            notes: More that the manifest says.
        """
        manifest = {**self.identity, **notes, "status": "complete", "files": part.files}
        write_atomic(self.path / MANIFEST, to_sealed_json(manifest))
        shutil.rmtree(self.path / PARTS)
        self.complete = True

    def _open(self) -> bool:
        """Whether the folder is complete."""
        if self.path.exists() and not self.path.is_dir():
            raise CalicoError(f"output {self.path}: is a file; expected a folder or nothing")
        there = [path.name for path in self.path.iterdir()] if self.path.exists() else []
        if MANIFEST not in there:
            strange = [
                name for name in there if name != PARTS and not name.startswith(f".{MANIFEST}.")
            ]
            if strange:
                raise CalicoError(
                    f"output folder {self.path}: holds {strange[0]} and no {MANIFEST}, so it is "
                    "not a copy that can be gone on "
                    "with; choose another --out"
                )
            return False
        try:
            found = read_sealed_json(self.path / MANIFEST, MAX_BYTES, "manifest")
            status = found.get("status")
        except FileError as error:
            raise CalicoError(f"{error}; delete that folder, or choose another --out") from None
        differing = [name for name, value in self.identity.items() if found.get(name) != value]
        if differing:
            name = differing[0]
            raise CalicoError(
                f"output folder {self.path}: holds another copy: {name} is "
                f"{json.dumps(found.get(name))} there and "
                f"{json.dumps(self.identity[name])} now; choose another --out, or delete that "
                "folder"
            )
        if status == "complete":
            self._check_files(found.get("files"))
        return bool(status == "complete")

    def _check_files(self, files: object) -> None:
        """Check that a finished copy has every file of its manifest, unchanged."""
        try:
            self._check(files)
        except FileError as error:
            raise CalicoError(
                f"output folder {self.path}: holds a finished copy, but {error}; delete that "
                "folder, or choose another --out"
            ) from None

    def _check(self, files: object) -> None:
        """Compare files with their sizes and hashes.

        Raises:
            FileError: A file is missing or another one.
        """
        if not isinstance(files, dict):
            raise FileError("its list of files is gone")
        for name, entry in files.items():
            path = safe_path(self.path, name, self.path / MANIFEST, name)
            if not path.is_file():
                raise FileError(f"{name} is gone")
            size = path.stat().st_size
            if (
                size != entry["bytes"]
                or hashlib.sha256(read_bytes(path, MAX_BYTES)).hexdigest() != entry["sha256"]
            ):
                raise FileError(f"{name} was changed after it was written")

    def _digest(self) -> str:
        return hashlib.sha256(to_json(self.identity).encode()).hexdigest()

    def _place(self, name: str) -> Path:
        path = safe_path(self.path, name, self.path / MANIFEST, name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return path

    def _part_path(self, index: int) -> Path:
        return self.path / PARTS / f"{index:06d}.json"


def _linked(source: Path, target: Path) -> bool:
    """Makes a hard link, whole or not at all; False where the file systems do not allow it."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        os.link(source.resolve(), temporary)
    except OSError:
        return False
    temporary.replace(target)
    temporary.unlink(
        missing_ok=True
    )  # renaming a link onto another link of the same file leaves both
    return True
