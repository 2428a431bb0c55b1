"""The run folder of an evaluation: one file per finished cell.

A file is written whole or not at all, and checked when it is read.

* `run.json` says what the run is. It is compared when the run is resumed.
* `config.yaml` is the resolved configuration.
* `cells/<id>.json` is a finished cell. It is written after its frames, so that a cell is complete
  if its file exists.
* `frames/<id>.parquet` holds the per-frame statistics behind it. The cell's file holds its hash.
* `timings.json` holds the seconds per cell. No other file differs between two runs of one command.
* `sanity/<engine>.json` holds the sanity checks that ran the model (`evaluation.sanity`).
* `gallery/` and `results.json` are written at the end.

All but config.yaml and the gallery carry their own checksum (`calico.files.seal`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from calico.errors import CalicoError
from calico.files import (
    RUN_FILE,
    FileError,
    parse_json,
    prepare_folder,
    read_sealed_json,
    to_json,
    to_sealed_json,
    write_atomic,
)
from calico_eval.metrics.suffstats import FrameStats, load_stats, save_stats
from reports.schema import Cell, SanityCheck

FRAMES_KEY = "frames_sha256"
"""Entry of a cell's file that holds the hash of its frames' file."""


class RunStore:
    """The run folder of an evaluation."""

    def __init__(self, path: Path, warn: Callable[[str], None] = lambda message: None) -> None:
        """Read and write a folder.

        Args:
            path: The folder, whose lock the caller holds.
            warn: Hears of what cannot be trusted and is made again.
        """
        self.path = path
        self._warn = warn
        self._run = ""

    def open_run(
        self, identity: Mapping[str, Any], config_yaml: str | None, *, resume: bool, overwrite: bool
    ) -> None:
        """Make the folder, or check that the run in it is the one to be resumed.

        Args:
            identity: JSON values that say what the run is.
            config_yaml: Text of the configuration. None writes none.
            resume: Whether to go on with the run in the folder.
            overwrite: Whether to delete what the folder holds.

        Raises:
            CalicoError: The folder is not empty and neither flag is set, or it holds another run;
                the message says what differs.
        """
        there = prepare_folder(self.path, resume=resume, overwrite=overwrite, kind="robust")
        wanted = parse_json(to_json(identity), "identity of the run")
        self._run = hashlib.sha256(to_json(wanted).encode()).hexdigest()
        if there:
            self._check_same(wanted)
        self._write_run(wanted, "running")
        if config_yaml is not None:
            write_atomic(self.path / "config.yaml", config_yaml)
        for name in ("cells", "frames", "sanity", "gallery"):
            (self.path / name).mkdir(exist_ok=True)

    def finish_run(self, identity: Mapping[str, Any]) -> None:
        """Note in run.json that every cell is there."""
        self._write_run(identity, "complete")

    def load_cell(self, cell_id: str) -> tuple[Cell, list[FrameStats]] | str | None:
        """Load a finished cell with its frames.

        Returns:
            Cell and frames, None if the cell is not done, or a message if its files cannot be
            trusted.
        """
        path = self.path / "cells" / f"{cell_id}.json"
        if not path.exists():
            return None
        try:
            content = read_sealed_json(path, what="cell")
            sha256 = str(content.pop(FRAMES_KEY, None))
            cell = Cell.model_validate_json(to_json(content))
            if cell.id != cell_id:
                return f"cell {path}: holds cell {cell.id}"
            return cell, load_stats(self.path / "frames" / f"{cell_id}.parquet", cell_id, sha256)
        except (ValidationError, CalicoError) as error:
            return (
                str(error).splitlines()[0]
                if isinstance(error, CalicoError)
                else f"cell {path}: {error}"
            )

    def save_cell(self, cell: Cell, stats: Sequence[FrameStats], seconds: float) -> None:
        """Save the frames of a cell, then the cell.

        Args:
            cell: The finished cell.
            stats: Its frames.
            seconds: Time that the engine took.
        """
        sha256 = save_stats(self.path / "frames" / f"{cell.id}.parquet", stats, cell.id)
        times = self._timings() | {cell.id: round(seconds, 3)}
        write_atomic(self.path / "timings.json", to_sealed_json({"seconds": times}))
        content = cell.model_dump(mode="json") | {FRAMES_KEY: sha256}
        write_atomic(self.path / "cells" / f"{cell.id}.json", to_sealed_json(content))

    def load_sanity(self, engine: str) -> dict[str, tuple[SanityCheck, ...]]:
        """Load the active sanity checks of an engine (by label) that were made in this run.

        Returns:
            Group to checks. Empty if there are none or, with a warning, if they cannot be trusted.
        """
        path = self._sanity_file(engine)
        if not path.exists():
            return {}
        try:
            content = read_sealed_json(path, what="sanity checks")
            if (content["engine"], content["run"]) != (engine, self._run):
                raise FileError(
                    f"sanity checks {path}: belong to another engine or run ({content['engine']})"
                )
            return {
                group: tuple(SanityCheck.model_validate_json(to_json(check)) for check in checks)
                for group, checks in content["groups"].items()
            }
        except (FileError, ValueError, KeyError, TypeError, AttributeError) as error:
            self._warn(
                f"{error if isinstance(error, FileError) else f'sanity checks {path}: {error}'}; "
                "made again"
            )
            return {}

    def save_sanity(self, engine: str, groups: Mapping[str, Sequence[SanityCheck]]) -> None:
        """Save the active sanity checks of an engine.

        Args:
            engine: Label of the engine.
            groups: Group to checks.
        """
        made = {
            group: [check.model_dump(mode="json") for check in checks]
            for group, checks in groups.items()
        }
        content = {"engine": engine, "run": self._run, "groups": made}
        write_atomic(self._sanity_file(engine), to_sealed_json(content))

    def _sanity_file(self, engine: str) -> Path:
        return self.path / "sanity" / f"{hashlib.sha256(engine.encode()).hexdigest()[:16]}.json"

    def _timings(self) -> dict[str, float]:
        path = self.path / "timings.json"
        if not path.exists():
            return {}
        try:
            times: dict[str, float] = dict(read_sealed_json(path, what="timings")["seconds"])
        except (FileError, ValueError, KeyError, TypeError) as error:
            self._warn(
                f"{error if isinstance(error, FileError) else f'timings {path}: {error}'}; begun "
                "again"
            )
            return {}
        return times

    def _write_run(self, identity: Mapping[str, Any], status: str) -> None:
        content = {"kind": "robust", "identity": identity, "status": status}
        write_atomic(self.path / RUN_FILE, to_sealed_json(content))

    def _check_same(self, wanted: dict[str, Any]) -> None:
        if not (self.path / RUN_FILE).exists():
            raise CalicoError(
                f"{self.path}: holds no {RUN_FILE}; nothing to resume, use another --out"
            )
        try:
            before = read_sealed_json(self.path / RUN_FILE, what="run").get("identity")
        except FileError as error:
            raise CalicoError(
                f"{error}; it does not say what could be resumed: start again with --overwrite, or "
                "use another --out"
            ) from None
        if not isinstance(before, dict):
            before = {}
        lines = [
            f"  {name}: {_difference(before.get(name), wanted.get(name))}"
            for name in sorted({*before, *wanted})
            if before.get(name) != wanted.get(name)
        ]
        if lines:
            raise CalicoError(
                f"{self.path}: the run to resume is another one:\n" + "\n".join(lines) + "\n"
                "Resume with the same command and versions, or start again with --overwrite"
            )


def _difference(before: Any, now: Any) -> str:
    """Put two values of one entry into words, at most three items that differ."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        return "; ".join(
            f"{name} {_difference(before.get(name), now.get(name))}" for name in names[:3]
        )
    if isinstance(before, list) and isinstance(now, list):
        gone, new = ([str(v) for v in a if v not in b] for a, b in ((before, now), (now, before)))
        return (
            f"{len(gone)} only there ({', '.join(gone[:3])}), {len(new)} only now "
            f"({', '.join(new[:3])})"
        )
    return f"{to_json(before, None).strip()} there, {to_json(now, None).strip()} now"
