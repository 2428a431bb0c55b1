"""The run folder of a sweep: one file per finished cell, written whole or not at all.

run.json          what the run is: compared when it is resumed
config.yaml       the resolved configuration
cells/<id>.json   a finished cell; written after its frames, so that its presence means that the cell is complete
frames/<id>.parquet   the per-frame statistics behind it
timings.json      seconds per cell; the only file that differs between two runs of the same command
sanity/<engine>.json  the sanity checks that ran the model (`sweep.sanity`)
gallery/, results.json   at the end
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from calico.errors import CalicoError
from calico.files import RUN_FILE, prepare_folder, write_atomic
from calico_eval.metrics.suffstats import FrameStats, load_stats, save_stats
from reports.schema import Cell, SanityCheck


class RunStore:
    """Reads and writes the run folder `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def open(self, identity: Mapping[str, Any], config_yaml: str | None, *, resume: bool, overwrite: bool) -> None:
        """Makes the folder, or checks that the run in it is the one to be resumed.

        Args:
            identity: JSON values that say what the run is.

        Raises:
            CalicoError: the folder is not empty and neither flag is set, or it holds another run (says what differs).
        """
        prepare_folder(self.path, resume=resume, overwrite=overwrite, kind="robust")
        wanted = json.loads(json.dumps(identity))
        if any(self.path.iterdir()):
            self._check_same(wanted)
        write_atomic(self.path / RUN_FILE, _json({"kind": "robust", "identity": wanted, "status": "running"}))
        if config_yaml is not None:
            write_atomic(self.path / "config.yaml", config_yaml)
        for name in ("cells", "frames", "sanity", "gallery"):
            (self.path / name).mkdir(exist_ok=True)
        for left_over in (*self.path.rglob(".*.tmp"), *self.path.rglob(".*.partial")):
            left_over.unlink()  # a file that a killed run was writing

    def finish(self, identity: Mapping[str, Any]) -> None:
        """Notes in run.json that every cell is there."""
        write_atomic(self.path / RUN_FILE, _json({"kind": "robust", "identity": identity, "status": "complete"}))

    def load(self, cell_id: str) -> tuple[Cell, list[FrameStats]] | str | None:
        """A finished cell with its frames; None where it is not done; a message where its files are broken."""
        path = self.path / "cells" / f"{cell_id}.json"
        if not path.exists():
            return None
        try:
            cell = Cell.model_validate_json(path.read_bytes())
            if cell.id != cell_id:
                return f"{path.name} holds cell {cell.id}"
            return cell, load_stats(self.path / "frames" / f"{cell_id}.parquet")
        except (ValidationError, CalicoError) as error:
            return f"{path.name} cannot be read ({str(error).splitlines()[0]})"

    def save(self, cell: Cell, stats: Sequence[FrameStats], seconds: float) -> None:
        """Writes the frames, then the cell."""
        save_stats(self.path / "frames" / f"{cell.id}.parquet", stats)
        times = self._timings()
        write_atomic(self.path / "timings.json", _json(times | {cell.id: round(seconds, 3)}))
        write_atomic(self.path / "cells" / f"{cell.id}.json", _json(cell.model_dump(mode="json")))

    def load_sanity(self, engine: str) -> dict[str, tuple[SanityCheck, ...]]:
        """The active sanity checks of an engine (by label) that were made, by group; empty where they cannot be read."""
        try:
            content = json.loads(self._sanity_file(engine).read_text(encoding="utf-8"))
            return {
                group: tuple(SanityCheck.model_validate(check) for check in checks)
                for group, checks in content["groups"].items()
            }
        except (FileNotFoundError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def save_sanity(self, engine: str, groups: Mapping[str, Sequence[SanityCheck]]) -> None:
        """Writes them."""
        made = {group: [check.model_dump(mode="json") for check in checks] for group, checks in groups.items()}
        write_atomic(self._sanity_file(engine), _json({"engine": engine, "groups": made}))

    def _sanity_file(self, engine: str) -> Path:
        return self.path / "sanity" / f"{hashlib.sha256(engine.encode()).hexdigest()[:16]}.json"

    def _timings(self) -> dict[str, float]:
        try:
            times: dict[str, float] = json.loads((self.path / "timings.json").read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError):
            return {}
        return times

    def _check_same(self, wanted: dict[str, Any]) -> None:
        try:
            there = json.loads((self.path / RUN_FILE).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            raise CalicoError(
                f"{self.path}: holds no readable {RUN_FILE} ({error}); nothing to resume, use another --out"
            ) from error
        before = there.get("identity", {})
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
    """Two values of one entry, in words; of lists and mappings only what differs, at most three items of each."""
    if isinstance(before, dict) and isinstance(now, dict):
        names = [name for name in sorted({*before, *now}) if before.get(name) != now.get(name)]
        return "; ".join(f"{name} {_difference(before.get(name), now.get(name))}" for name in names[:3])
    if isinstance(before, list) and isinstance(now, list):
        gone, new = ([str(v) for v in a if v not in b] for a, b in ((before, now), (now, before)))
        return f"{len(gone)} only there ({', '.join(gone[:3])}), {len(new)} only now ({', '.join(new[:3])})"
    return f"{json.dumps(before)} there, {json.dumps(now)} now"


def _json(value: Mapping[str, Any]) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"
