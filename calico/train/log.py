"""What a stage writes about itself while it trains."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from calico.config.load import describe_changes, portable_config
from calico.config.saved import read_run_config, write_run_config
from calico.config.schema import Config
from calico.data.source import FrameSource
from calico.errors import CalicoError
from calico.files import (
    RUN_FILE,
    append_line,
    name_file,
    parse_json,
    read_json,
    read_text,
    to_json,
    write_atomic,
)
from calico.taxonomy import NUSCENES
from calico.train.done import LOG_FILE
from calico.train.restart import has_checkpoint
from corruptions import SUITE_VERSION

if TYPE_CHECKING:
    from torch.utils.tensorboard import SummaryWriter


def check_same(config: Config, folder: Path) -> None:
    """Raise CalicoError if a folder holds the run of another configuration.

    Places, the device and the number of workers do not count, nor does a run without a checkpoint.

    Args:
        config: Configuration of the run to resume.
        folder: Folder of the stage.
    """
    file = folder / "config.yaml"
    if not file.exists() or not has_checkpoint(folder):
        return
    before, now = _essence(read_run_config(folder)), _essence(config)
    changed = describe_changes(before, now)
    if changed:
        raise CalicoError(
            f"{folder}: the configuration differs from that of the run there "
            f"({'; '.join(changed)}); "
            f"use the same options, another --out, or --stage {folder.name} --overwrite to do this "
            f"stage again"
        )


def _essence(config: Config) -> dict[str, Any]:
    """Return all settings that decide a run's result, with the files that it starts from."""
    tree = portable_config(config).model_dump(mode="json", exclude={"name", "device"})
    tree["train"]["init"] = config.train.init
    if tree["taxonomy"] == NUSCENES.name:
        del tree["taxonomy"]  # as it is in runs of versions that knew no other one
    # Settings that earlier versions did not have, where they say what those versions did.
    if config.data.source != "waymo":
        del tree["data"]["waymo"]
    for stage in (tree, *tree["pretrain"].values()):
        if "augment" in stage and stage["augment"]["paste"] is None:
            del stage["augment"]["paste"]
    # A setting of earlier versions whose only value is left: their runs can be resumed.
    tree["pretrain"]["prc"]["negatives"] = "frame"
    if config.model.camera is not None:
        tree["model"]["camera"]["backbone_weights"] = str(config.model.camera.backbone_weights)
    return tree


class RunLog:
    """Writes `run.json`, `config.yaml`, `log.jsonl` and TensorBoard files of a stage.

    `log.jsonl` holds no wall times, so that the same run gives the same bytes. TensorBoard has
    them.

    Attributes:
        run: Digest of all that decides what comes out of the run. The training state carries it.
        path: The file `log.jsonl`.
        board: TensorBoard's writer, once training has started.
    """

    def __init__(
        self,
        out: Path,
        config: Config,
        source: FrameSource,
        stage: str,
        frames: list[int],
        steps: int,
        *,
        resume: bool,
    ) -> None:
        self.path = out / LOG_FILE
        self.board: SummaryWriter | None = None
        if resume:
            check_same(config, out)
        run = {
            "kind": "train",
            "stage": stage,
            "data": source.name,
            "data_hash": source.content_hash(),
            "frames": sorted({source.info(index).token for index in frames}),
            "seed": config.seed,
            "steps": steps,
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
            "corruption_suite": SUITE_VERSION
            if stage == "finetune" and config.train.corruptions
            else None,
        }
        there = (
            read_json(out / RUN_FILE, what="run") if resume and (out / RUN_FILE).exists() else run
        )
        before = there if isinstance(there, dict) else {}
        decisive = ("stage", "data_hash", "frames", "steps", "torch", "corruption_suite")
        changed = sorted(key for key in decisive if before.get(key) != run[key])
        if changed:
            raise CalicoError(
                f"{out}: {', '.join(changed)} differ from those of the run to resume; "
                f"start this stage again with --stage {stage} --overwrite"
            )
        decided = {key: run[key] for key in decisive} | {"config": _essence(config)}
        self.run = hashlib.sha256(to_json(decided).encode()).hexdigest()
        write_atomic(out / RUN_FILE, to_json(run))
        write_run_config(out, config)

    def start_at(self, step: int) -> None:
        """Drop what a killed run logged after its last checkpoint, and open TensorBoard.

        Args:
            step: Step of the last checkpoint, or 0 for a new run.
        """
        from torch.utils.tensorboard import SummaryWriter

        lines = read_text(self.path, what="log").splitlines() if self.path.exists() else []
        kept = [line for line in lines if _step_of(line) <= step]
        write_atomic(self.path, "".join(line + "\n" for line in kept))
        self.board = SummaryWriter(str(self._board_folder), purge_step=step + 1)

    def write_step(self, step: int, epoch: int, values: dict[str, float]) -> None:
        """Log one training step.

        Args:
            step: Number of the step, from 1.
            epoch: Number of the epoch, from 0.
            values: Losses and rates by name.
        """
        self._write({"step": step, "epoch": epoch, **values})
        self._show("train", values, step)

    def write_validation(self, step: int, epoch: int, metrics: dict[str, float | None]) -> None:
        """Log one validation.

        Args:
            step: Steps done.
            epoch: Number of the epoch, from 0.
            metrics: Scores by name, or None where undefined.
        """
        self._write({"step": step, "epoch": epoch, "validation": metrics})
        self._show("val", metrics, step)

    def close(self) -> None:
        """Flush TensorBoard."""
        if self.board is not None:
            with name_file(self._board_folder):
                self.board.close()

    @property
    def _board_folder(self) -> Path:
        return self.path.parent / "tensorboard"

    def _show(self, group: str, values: Mapping[str, float | None], step: int) -> None:
        for name, value in values.items():
            if value is not None and self.board is not None:
                with name_file(self._board_folder):
                    self.board.add_scalar(f"{group}/{name}", value, step)

    def _write(self, record: dict[str, object]) -> None:
        append_line(self.path, json.dumps(record))


def _step_of(line: str) -> float:
    try:
        return float(parse_json(line, "log")["step"])
    except (ValueError, KeyError, TypeError):
        return float("inf")  # a line cut by the kill
