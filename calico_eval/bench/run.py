"""Runs cells: shared pre-training, fine-tuning, scores; every step resumes, finished cells are not run again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

from calico.config.load import portable_config, to_yaml
from calico.config.schema import Config
from calico.data.open import Split, open_source
from calico.data.source import FrameSource
from calico.files import write_atomic
from calico.regions import prepare_regions
from calico.train.checkpoint import MODEL_FILE, load_model
from calico.train.stages import run_stage
from calico_eval.bench.protocol import Cell, config_of, stage_key
from calico_eval.diagnosis import diagnosis
from calico_eval.engines.torch import TorchEngine
from calico_eval.evaluate import evaluate
from calico_eval.features import Branch
from calico_eval.metrics.summary import metrics_of
from calico_eval.sweep.provenance import origin
from calico_eval.validation import eval_ranges

FORMAT = "calico-bench-pretrain-1"


class Bar(Protocol):
    """Is told how much of some work is done, with numbers if there are any."""

    def __call__(self, done: int, total: int, values: Mapping[str, float] | None = None) -> None:
        """Shows it."""
        ...


class Bench:
    """A run folder: pretrain/<key>/ and finetune/<cell>/ (work, not kept in version control), cells/<cell>.json (results).

    Args:
        work: where models are trained. results: where the cells' JSON goes.
        split: val while choosing anything, test for the table.
        extra: settings on top of the size's (where the data is).
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

    def run(self, cell: Cell) -> Path:
        """The cell's result file; trains what is missing."""
        path = self.results / f"{cell.name}.json"
        if path.exists():
            return path
        self.results.mkdir(parents=True, exist_ok=True)
        pretraining, finetuning = config_of(cell, self.extra)
        before: Path | None = None
        for stage in cell.variant.stages:
            before = self._pretrain(stage, pretraining, self._open(pretraining, "train"), before)
        source = self._open(finetuning, "train")
        folder = self.work / "finetune" / cell.name
        bar = self.progress(cell.name)
        run_stage("finetune", finetuning, source, folder, before, _nothing, bar, say=self.say, resume=True)
        write_atomic(path, json.dumps(self._score(cell, finetuning, folder), indent=1, sort_keys=True) + "\n")
        for file in folder.glob("state.pt"):
            file.unlink()  # the cell is done; its model stays
        return path

    def _pretrain(self, stage: str, config: Config, source: FrameSource, before: Path | None) -> Path:
        folder = self.work / "pretrain" / stage_key(stage, config)
        if (folder / "done").exists():
            return folder
        workers = max(config.data.workers, 1)
        prepare_regions(source, config.pretrain.regions, range(len(source)), workers, self.progress("regions"))
        branch: Branch = "lidar" if stage == "prc" else "camera"
        validation = self._open(config, "val")
        measure = diagnosis(validation, branch, folder / "regions.png", seed=config.seed, say=self.say)
        run_stage(
            stage, config, source, folder, before, measure, self.progress(folder.name), say=self.say, resume=True
        )  # fmt: skip
        (folder / "done").touch()
        return folder

    def _open(self, config: Config, split: Split) -> FrameSource:
        source = open_source(config, split)
        prepare = getattr(source, "prepare", None)
        if prepare:
            prepare(workers=max(config.data.workers, 1), progress=self.progress(f"simulating {source.name}"))
        return source

    def _score(self, cell: Cell, config: Config, folder: Path) -> dict[str, object]:
        """The result record: figures, and all that it takes to make them again."""
        source = self._open(config, self.split)
        model, _ = load_model(folder)
        engine = TorchEngine(model, config, config.device, cell.variant.name)
        stats = evaluate(engine, source, ranges=eval_ranges(config), batch_size=config.eval.batch_size)
        metrics = metrics_of(stats, seed=config.seed)
        training = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return {
            "format": FORMAT,
            "variant": cell.variant.name,
            "size": cell.size,
            "labels": cell.labels,
            "seed": cell.seed,
            "split": source.name,
            "n_frames": len(source),
            "labelled_frames": len(training["frames"]),
            "steps": training["steps"],
            "metrics": {n: m.model_dump(mode="json") for n, m in metrics.items() if not n.startswith(("AP/", "IoU/"))},
            "per_class": {n: m.value for n, m in metrics.items() if n.startswith(("AP/", "IoU/"))},
            "model_sha256": hashlib.sha256((folder / MODEL_FILE).read_bytes()).hexdigest(),
            "config_sha256": hashlib.sha256(to_yaml(portable_config(config)).encode()).hexdigest(),
            "data_hash": {"train": training["data_hash"], source.name: source.content_hash()},
            "origin": origin(self.command),
        }


def _nothing(model: object, config: Config) -> dict[str, float | None]:
    return {}
