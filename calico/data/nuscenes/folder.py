"""The folder of a data set that is being written: whole files or none, hashes of all, and a way to go on after a kill.

manifest.json   first what it will be (status "writing"), at the end with the hash of every file (status "complete")
.parts/<n>.json what the frames that are done have added; gone at the end
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from calico.data.nuscenes.paths import safe_path
from calico.data.nuscenes.tables import Row
from calico.errors import CalicoError
from calico.files import FileError, read_json, write_atomic

MANIFEST = "manifest.json"
PARTS = ".parts"


def is_corrupted_copy(root: Path) -> bool:
    """Whether `calico corrupt` made a data set, so that its sensors may be wrong on purpose."""
    try:
        manifest = read_json(root / MANIFEST)
    except FileError:
        return False
    return isinstance(manifest, dict) and manifest.get("kind") == "calico corrupt"


@dataclass
class Part:
    """What one frame adds; all of it is JSON.

    files: name to {"sha256", "bytes", "from": "corruption", "source" or "tables"}.
    changed: table to token to the fields that differ. added: table to new rows.
    effect: what the corruption did, see `corruptions.Effect`. not_stored: what the format cannot hold, counted.
    """

    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    changed: dict[str, dict[str, Row]] = field(default_factory=dict)
    added: dict[str, list[Row]] = field(default_factory=dict)
    effect: dict[str, Any] = field(default_factory=dict)
    not_stored: dict[str, int] = field(default_factory=dict)


class OutputFolder:
    """Writes a data set to `path`. `identity` (JSON) says which, so that the folder of another one is left alone."""

    def __init__(self, path: Path, identity: Mapping[str, Any], link: bool) -> None:
        """Makes the folder, or takes up what a killed run left.

        Args:
            link: unchanged files become hard links, where the file system allows, in place of copies.

        Raises:
            CalicoError: there is something else in the folder.
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
            write_atomic(path / MANIFEST, _json({**self.identity, "status": "writing"}))

    def part(self, index: int) -> Part | None:
        """What a finished frame added; None where it is not done, or its files are gone."""
        try:
            part = Part(**json.loads(self._part_path(index).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return part if all(_size(self.path / name) == entry["bytes"] for name, entry in part.files.items()) else None

    def save_part(self, index: int, part: Part) -> None:
        """Notes that all files of a frame are written."""
        write_atomic(self._part_path(index), json.dumps(asdict(part), allow_nan=False))

    def write(self, part: Part, name: str, content: bytes, origin: str = "corruption") -> None:
        """Writes a file and enters it in the part."""
        write_atomic(self._place(name), content)
        part.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "from": origin}

    def take(self, part: Part, name: str, source: Path) -> None:
        """Copies or links a file that is as it was; the source is never written to.

        Raises:
            CalicoError: it cannot be read.
        """
        try:
            content = source.read_bytes()
        except OSError as error:
            raise CalicoError(f"{source}: cannot be copied ({error}); see `calico data check`") from error
        if self.link and _linked(source, self._place(name)):
            part.files[name] = {"sha256": hashlib.sha256(content).hexdigest(), "bytes": len(content), "from": "source"}
        else:
            self.write(part, name, content, "source")

    def finish(self, part: Part, notes: Mapping[str, Any]) -> None:
        """Writes the manifest with all files of `part` and the notes; the folder is complete then."""
        manifest = {**self.identity, **notes, "status": "complete", "files": part.files}
        write_atomic(self.path / MANIFEST, _json(manifest))
        shutil.rmtree(self.path / PARTS)
        self.complete = True

    def _open(self) -> bool:
        """Whether the folder is complete."""
        if self.path.exists() and not self.path.is_dir():
            raise CalicoError(f"output {self.path}: is a file; expected a folder or nothing")
        there = [path.name for path in self.path.iterdir()] if self.path.exists() else []
        if MANIFEST not in there:
            strange = [name for name in there if name != PARTS and not name.startswith(f".{MANIFEST}.")]
            if strange:
                raise CalicoError(
                    f"output folder {self.path}: holds {strange[0]} and no {MANIFEST}, so it is not a copy that can be gone on "
                    "with; choose another --out"
                )
            return False
        try:
            found = json.loads((self.path / MANIFEST).read_text(encoding="utf-8"))
            status = found["status"]
        except (ValueError, KeyError, TypeError) as error:
            raise CalicoError(f"{self.path / MANIFEST}: cannot be read ({error}); choose another --out") from error
        differing = [name for name, value in self.identity.items() if found.get(name) != value]
        if differing:
            name = differing[0]
            raise CalicoError(
                f"output folder {self.path}: holds another copy: {name} is {json.dumps(found.get(name))} there and "
                f"{json.dumps(self.identity[name])} now; choose another --out, or delete that folder"
            )
        if status == "complete":
            self._check_files(found.get("files"))
        return bool(status == "complete")

    def _check_files(self, files: object) -> None:
        """Raises CalicoError where a finished copy lacks a file of its manifest, or has one of another size."""
        if not isinstance(files, dict):
            raise CalicoError(f"{self.path / MANIFEST}: cannot be read (no files); choose another --out")
        for name, entry in files.items():
            if not isinstance(entry, dict) or _size(self.path / name) != entry.get("bytes"):
                raise CalicoError(
                    f"output folder {self.path}: holds a finished copy, but {name} is gone or has another size; delete that "
                    "folder, or choose another --out"
                )

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
    temporary.unlink(missing_ok=True)  # renaming a link onto another link of the same file leaves both
    return True


def _size(path: Path) -> int:
    """-1 where there is no such file."""
    return path.stat().st_size if path.is_file() else -1


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
