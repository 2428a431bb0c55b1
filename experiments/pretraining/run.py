"""Runs of cells: shared pre-training, fine-tuning, scores.

Every step resumes, and finished cells are not run again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from calico.config.load import portable_config, to_yaml
from calico.config.schema import Config
from calico.data.applicable import check_applicable
from calico.data.open import Split, open_source
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import RUN_FILE, lock_folder, read_bytes, read_json, write_atomic
from calico.regions import prepare_regions
from calico.train.checkpoint import MAX_BYTES, MODEL_FILE, load_model
from calico.train.done import DONE_FILE, check_done
from calico.train.stages import run_stage
from calico.train.state import STATE_FILE
from calico_eval.diagnosis import diagnosis
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate_engine
from calico_eval.evaluation.provenance import describe_origin
from calico_eval.features import Branch
from calico_eval.metrics.summary import compute_metrics
from calico_eval.validation import eval_ranges
from corruptions.preset import Level
from experiments.pretraining.conditioned import ConditionedSource
from experiments.pretraining.protocol import SIZES, Cell, config_of, stage_key
from experiments.pretraining.records import (
    CELL_FORMAT,
    CellRecord,
    OriginRecord,
    TrainingRecord,
    read_record,
)

ORIGIN_FILE = "origin.json"
"""In a pre-training folder: command, commit and versions that trained it."""
START_FILE = "start.json"
"""In a fine-tuning folder: hashes of the pre-trained models that it starts from."""


class Bar(Protocol):
    """Called with how much of some work is done, and numbers if there are any."""

    def __call__(self, done: int, total: int, values: Mapping[str, float] | None = None) -> None:
        """Shows it."""
        ...


class Bench:
    """Trains and scores cells.

    Models lie in work/pretrain/<key>/ and work/finetune/<size>/<cell>/, results in
    results/<cell>.json.

    Args:
        work: Folder where models are trained.
        results: Folder of the cells' JSON, of one size and split.
        split: `val` while choosing anything, `test` for the table.
        extra: Settings on top of the size's (where the data is).
        command: Words of the command line, for the record.
        progress: Gives some work its progress bar.
        say: Prints a message.
    """

    def __init__(
        self,
        work: Path,
        results: Path,
        *,
        split: Split,
        extra: tuple[str, ...],
        command: Sequence[str],
        progress: Callable[[str], Bar],
        say: Callable[[str], None],
    ) -> None:
        self.work, self.results, self.split, self.extra = work, results, split, extra
        self.command, self.progress, self.say = command, progress, say
        self._sources: dict[str, FrameSource] = {}
        self._hashes: dict[int, str] = {}

    def check(self, cells: Sequence[Cell]) -> None:
        """Raise CalicoError for what will certainly fail, before hours of training.

        Settings, data and results of another run are checked.
        """
        for cell in cells:
            pretraining, finetuning = config_of(cell, self.extra)
            if cell.variant.stages:
                self._open(pretraining, "val")
            if condition := SIZES[cell.size].condition:
                source = self._open(finetuning, self.split)
                check_applicable([condition], source, range(len(source)), seed=0)
            self._is_finished(cell, self._identity(cell))

    def run(self, cell: Cell) -> Path:
        """Return the cell's result file.

        Train what is missing.

        Raises:
            CalicoError: The file there was made with another size, split, data or settings.
        """
        path, identity = self._path(cell), self._identity(cell)
        if self._is_finished(cell, identity):
            return path
        self.results.mkdir(parents=True, exist_ok=True)
        pretraining, finetuning = config_of(cell, self.extra)
        before: Path | None = None
        used: dict[str, dict[str, Any]] = {}
        for stage, key in identity["pretraining"].items():
            before = self._pretrain(stage, key, pretraining, before)
            used[stage] = _describe(before)
        scored, source = (
            self._prepare(frames, finetuning) for frames in self._labelled(cell, finetuning)
        )
        folder = cell.model_folder(self.work)
        with lock_folder(folder):
            _check_start(folder, used)
            bar = self.progress(cell.name)
            run_stage(
                "finetune",
                finetuning,
                source,
                folder,
                before,
                _nothing,
                bar,
                say=self.say,
                resume=True,
            )
            record = {
                **identity,
                **self._score(cell, finetuning, scored, folder),
                "pretraining": used,
            }
            write_atomic(path, json.dumps(record, indent=1, sort_keys=True) + "\n")
            (folder / STATE_FILE).unlink(missing_ok=True)  # the cell is done; its model stays
        return path

    def _path(self, cell: Cell) -> Path:
        return self.results / f"{cell.name}.json"

    def _identity(self, cell: Cell) -> dict[str, Any]:
        """Return what a result depends on and its file's name does not say."""
        pretraining, finetuning = config_of(cell, self.extra)
        source, train = self._labelled(cell, finetuning)
        stages = cell.variant.stages
        seen = self._hash(self._open(pretraining, "train")) if stages else ""
        return {
            "size": cell.size,
            "split": source.name,
            "config_sha256": _config_hash(finetuning),
            "data_hash": {"train": self._hash(train), source.name: self._hash(source)},
            "pretraining": {stage: stage_key(stage, pretraining, seen) for stage in stages},
        }

    def _is_finished(self, cell: Cell, identity: Mapping[str, Any]) -> bool:
        path = self._path(cell)
        if not path.exists():
            return False
        record = read_record(path, CellRecord, "cell")
        record["pretraining"] = {
            stage: used["key"] for stage, used in record.get("pretraining", {}).items()
        }
        changed = [
            f"{name} {record.get(name)} there, {now} now"
            for name, now in identity.items()
            if record.get(name) != now
        ]
        if changed:
            raise CalicoError(
                f"{path}: a finished cell of another benchmark ({'; '.join(changed)}); "
                "use the same --size, --split and --set, or another --results (and --work)"
            )
        return True

    def _pretrain(self, stage: str, key: str, config: Config, before: Path | None) -> Path:
        folder = self.work / "pretrain" / key
        if (folder / DONE_FILE).exists():
            check_done(folder, stage)
            return folder
        source, validation = (
            self._prepare(self._open(config, split), config) for split in ("train", "val")
        )
        workers = max(config.data.workers, 1)
        prepare_regions(
            source, config.pretrain.regions, range(len(source)), workers, self.progress("regions")
        )
        branch: Branch = "lidar" if stage == "prc" else "camera"
        measure = diagnosis(
            validation, branch, folder / "regions.png", seed=config.seed, say=self.say
        )
        with lock_folder(folder):
            write_atomic(
                folder / ORIGIN_FILE,
                json.dumps(describe_origin(self.command), indent=1, sort_keys=True) + "\n",
            )
            run_stage(
                stage,
                config,
                source,
                folder,
                before,
                measure,
                self.progress(key),
                say=self.say,
                resume=True,
            )
        return folder

    def _labelled(self, cell: Cell, config: Config) -> tuple[FrameSource, FrameSource]:
        """Return the frames that a cell is scored on and those that it is fine-tuned on.

        Both are under the condition of its size.
        """
        condition = SIZES[cell.size].condition
        return self._open(config, self.split, condition), self._open(config, "train", condition)

    def _open(self, config: Config, split: Split, condition: Level | None = None) -> FrameSource:
        """The frames of a split, opened once.

        Not simulated yet.
        """
        key = f"{split} {config.data.model_dump_json()} {config.grid.model_dump_json()} {condition}"
        if key not in self._sources:
            source = open_source(config, split)
            self._sources[key] = ConditionedSource(source, condition) if condition else source
        return self._sources[key]

    def _prepare(self, source: FrameSource, config: Config) -> FrameSource:
        """The source, simulated if it is the simulator's."""
        prepare = getattr(source, "prepare", None)
        if prepare:
            prepare(
                workers=max(config.data.workers, 1),
                progress=self.progress(f"simulating {source.name}"),
            )
        return source

    def _hash(self, source: FrameSource) -> str:
        """Its content hash, taken once: of a large data set it takes a while."""
        if id(source) not in self._hashes:  # sources stay in _sources, so ids are not used again
            self._hashes[id(source)] = source.content_hash()
        return self._hashes[id(source)]

    def _score(
        self, cell: Cell, config: Config, source: FrameSource, folder: Path
    ) -> dict[str, Any]:
        """Return the result record without the cell's identity.

        It holds the figures and all that it takes to make them again.
        """
        model, _ = load_model(folder)
        engine = TorchEngine(model, config, config.device, cell.variant.name)
        stats = evaluate_engine(
            engine, source, ranges=eval_ranges(config), batch_size=config.eval.batch_size
        )
        metrics = compute_metrics(stats)
        training = read_record(folder / RUN_FILE, TrainingRecord, "run")
        return {
            "format": CELL_FORMAT,
            "variant": cell.variant.name,
            "labels": cell.labels,
            "seed": cell.seed,
            "n_frames": len(source),
            "labelled_frames": len(training["frames"]),
            "steps": training["steps"],
            "metrics": {
                n: m.model_dump(mode="json")
                for n, m in metrics.items()
                if not n.startswith(("AP/", "IoU/"))
            },
            "per_class": {n: m.value for n, m in metrics.items() if n.startswith(("AP/", "IoU/"))},
            "model_sha256": _file_hash(folder / MODEL_FILE),
            "origin": describe_origin(self.command),
        }


def _describe(folder: Path) -> dict[str, Any]:
    """A pre-training that is done, for the record of the cells that start from it."""
    return {
        "key": folder.name,
        "model_sha256": _file_hash(folder / MODEL_FILE),
        "data_hash": read_record(folder / RUN_FILE, TrainingRecord, "run")["data_hash"],
        "git_commit": read_record(folder / ORIGIN_FILE, OriginRecord, "origin")["git_commit"],
    }


def _check_start(folder: Path, used: Mapping[str, Mapping[str, Any]]) -> None:
    """Note in a fine-tuning folder what it starts from.

    Raises:
        CalicoError: It started from something else.
    """
    file = folder / START_FILE
    start = {stage: pretraining["model_sha256"] for stage, pretraining in used.items()}
    if file.exists() and read_json(file, what="start") != start:
        raise CalicoError(
            f"{folder}: was started from another pre-training; remove the folder or use another "
            f"--work"
        )
    folder.mkdir(parents=True, exist_ok=True)
    write_atomic(file, json.dumps(start, indent=1) + "\n")


def _config_hash(config: Config) -> str:
    return hashlib.sha256(to_yaml(portable_config(config)).encode()).hexdigest()


def _file_hash(file: Path) -> str:
    return hashlib.sha256(read_bytes(file, MAX_BYTES, "model file")).hexdigest()


def _nothing(model: object, config: Config) -> dict[str, float | None]:
    return {}
