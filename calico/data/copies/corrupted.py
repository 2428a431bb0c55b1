"""Corrupted copies of a data set in the nuScenes format, for pipelines that read nuScenes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from calico import __version__
from calico.config.schema import Config
from calico.data.copies.changes import FrameWriter
from calico.data.copies.export import VERSION, export_frames, write_tables
from calico.data.copies.folder import OutputFolder, Part
from calico.data.copies.subset import (
    apply_parts,
    list_kept_splits,
    list_other_files,
    list_own_sweeps,
    select_rows,
)
from calico.data.nuscenes.paths import DataFolder
from calico.data.nuscenes.source import NuScenesSource
from calico.data.nuscenes.tables import Tables
from calico.data.open import Split, open_source
from calico.data.root import find_data_root
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import lock_folder, to_json
from corruptions import (
    SUITE_VERSION,
    Effect,
    check_summary,
    find_corruptions,
    measure_effect,
    summarise_effects,
)
from corruptions.preset import Level

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Original:
    """The clean frames, twice: as frames to corrupt, and as files and tables.

    For a nuScenes data set `frames` and `records` are the same object.

    Attributes:
        frames: The frames.
        records: The same frames in the same order, with their files.
        root: Folder of the files; the tables lie in `root`/`version`.
        version: Name of the folder of the tables.
        follow_links: See `paths.DataFolder`.
    """

    frames: FrameSource
    records: NuScenesSource
    root: Path
    version: str
    sweeps: int
    follow_links: bool = False


def open_original(
    config: Config, split: Split, out: Path, progress: Progress | None = None
) -> Original:
    """Open the clean data of a configuration.

    Frames that are not in the nuScenes format are written to `out`/clean first.

    Args:
        config: Configuration of the data.
        split: Name of the split.
        out: Folder of the copies.
        progress: Called with (frames done, frames in all); None for no progress.

    Raises:
        CalicoError: See `calico.data.open.open_source` and `export.export_frames`.
    """
    source = open_source(config, split)
    if isinstance(source, NuScenesSource):
        data = config.data
        return Original(
            source, source, find_data_root(config), data.version, data.sweeps, data.follow_links
        )
    clean = out / "clean"
    with lock_folder(out):
        export_frames({split: source}, clean, link=False, progress=progress)
    records = NuScenesSource(clean, VERSION, "all", None, source.cameras, config.data.sweeps)
    return Original(source, records, clean, VERSION, config.data.sweeps)


class CopyWriter:
    """Writes copies of one original; its tables are read once."""

    def __init__(
        self, original: Original, seed: int, command: str = "", link: bool = False
    ) -> None:
        """Read the tables.

        Args:
            original: The clean data.
            seed: Seed of the suite, as in `calico robust --seed`.
            command: The command as the user typed it, for the manifest.
            link: Whether unchanged files become hard links to the original's instead of copies.
        """
        self.original = original
        self.seed = seed
        self.command = command
        self.link = link
        records = original.records
        self.samples = [records.record(index) for index in range(len(records))]
        self.tables = Tables(original.root, original.version)
        self.place = DataFolder(original.root, original.follow_links)
        self.rows = select_rows(self.tables, self.samples, records.cameras)
        self.content = original.frames.content_hash()

    def write(
        self, condition: Level, out: Path, progress: Progress | None = None
    ) -> dict[str, int]:
        """Write the whole data set under one condition to `out`/`Level.file_stem`.

        A folder that a killed run left is completed.

        Args:
            condition: The condition.
            out: Folder of the copies.
            progress: Called with (frames done, frames in all). None reports no progress.

        Returns:
            Counts of what the format could not hold (see `Part.not_stored`). They are empty if
            nothing was lost.

        Raises:
            CalicoError: The folder holds something else or lies in the original, or the corruption
                changed nothing, or it changed something that the format has no place for.
            CorruptionError: The corruption or the severity is unknown, or the data lack what it
                needs.
        """
        identity, path = self._identity(condition), self._place(condition, out)
        with lock_folder(out):
            return self._write(condition, OutputFolder(path, identity, self.link), progress)

    def _write(
        self, condition: Level, folder: OutputFolder, progress: Progress | None
    ) -> dict[str, int]:
        if folder.complete:
            return {}
        sample_data = self.tables.path("sample_data")
        by_box = {
            (row["sample_token"], row["instance_token"]): row
            for row in self.rows["sample_annotation"].values()
        }
        writer = FrameWriter(folder, self.rows, self.place, sample_data, by_box)
        parts = []
        for index, sample in enumerate(self.samples):
            part = folder.part(index)
            if part is None:
                clean = self.original.frames[index]
                changed = condition.corrupt_frame(clean, self.seed)
                part = writer.part(clean, changed, sample)
                part.effect = _to_json(measure_effect(clean, changed))
                folder.save_part(index, part)
            parts.append(part)
            if progress is not None:
                progress(index + 1, len(self.samples))
        return self._finish(folder, condition.name, parts)

    def _place(self, condition: Level, out: Path) -> Path:
        path = out / condition.file_stem
        root, place = self.original.root.resolve(), path.resolve()
        if place == root or root in place.parents or place in root.parents:
            raise CalicoError(
                f"output folder {path}: overlaps with the data set {root}; choose another --out"
            )
        return path

    def _identity(self, condition: Level) -> dict[str, object]:
        specs = find_corruptions(condition.name)
        if condition.value is None and not 1 <= condition.severity <= 5:
            raise CalicoError(
                f"{condition.name}: severity is {condition.severity}, expected 1 to 5"
            )
        given = condition.value
        values = [spec.value_at(condition.severity) if given is None else given for spec in specs]
        return {
            "kind": "calico corrupt",
            "condition": condition.file_stem,
            "name": condition.name,
            "severity": condition.severity if condition.value is None else None,
            "parameters": {
                spec.parameter: value for spec, value in zip(specs, values, strict=True)
            },
            "seed": self.seed,
            "suite_version": SUITE_VERSION,
            "calico_version": __version__,
            "source": self.original.frames.name,
            "source_sha256": self.content,
            "version": self.original.version,
            "sweeps": self.original.sweeps,
            "cameras": list(self.original.records.cameras),
            "frames": len(self.samples),
        }

    def _finish(self, folder: OutputFolder, name: str, parts: Sequence[Part]) -> dict[str, int]:
        """The effect check, the tables, the files that no corruption touches, the manifest."""
        passed, measured, message = check_summary(
            name, summarise_effects([_to_effect(part.effect) for part in parts])
        )
        if not passed:
            raise CalicoError(f"copy {folder.path}: {message}")
        whole = Part()
        lost: dict[str, int] = {}
        for part in parts:
            whole.files |= part.files
            for what, count in part.not_stored.items():
                lost[what] = lost.get(what, 0) + count
        of_frames = {
            record.filename
            for sample in self.samples
            for record in (*list_own_sweeps(sample), *sample.cameras)
        }
        for file, source in list_other_files(self.tables, self.rows, self.place, of_frames):
            folder.take(whole, file, source)
        splits = list_kept_splits(self.tables, self.rows)
        if splits:
            folder.write(
                whole, f"{self.original.version}/splits.json", to_json(splits).encode(), "tables"
            )
        write_tables(folder, whole, self.original.version, apply_parts(self.rows, parts))
        folder.finish(whole, {"command": self.command, "effect": measured, "not_stored": lost})
        return lost


def _to_json(found: Effect) -> dict[str, Any]:
    return asdict(found) | {"present": sorted(found.present), "changed": sorted(found.changed)}


def _to_effect(stored: dict[str, Any]) -> Effect:
    return Effect(
        **stored
        | {"present": frozenset(stored["present"]), "changed": frozenset(stored["changed"])}
    )
